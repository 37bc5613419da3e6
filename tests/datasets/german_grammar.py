"""A German grammar for the generated sentences, which shares nothing with their generator: it reads
a sentence and finds what it can mean, or that it cannot be German.

Each noun phrase is read with all cases that its words allow together; then the verb must find a
subject of its number, an object in the accusative if it takes one, and the place that its clause
demands.
"""

NOUNS = """der Mann, die Männer; die Frau, die Frauen; das Kind, die Kinder; das Mädchen, die Mädchen;
der Lehrer, die Lehrer; die Königin, die Königinnen; der König, die Könige; der Freund, die Freunde;
die Schwester, die Schwestern; der Maler, die Maler; der Hund, die Hunde; die Katze, die Katzen;
das Pferd, die Pferde; die Maus, die Mäuse; der Vogel, die Vögel; die Kuh, die Kühe; der Tisch, die Tische;
die Lampe, die Lampen; das Buch, die Bücher; der Stuhl, die Stühle; die Uhr, die Uhren; das Bild, die Bilder;
der Schlüssel, die Schlüssel; die Flasche, die Flaschen; das Bett, die Betten; der Löffel, die Löffel;
die Gabel, die Gabeln; das Messer, die Messer; das Muster, die Muster; das Fenster, die Fenster;
die Tür, die Türen; der Koffer, die Koffer; der Garten, die Gärten; die Küche, die Küchen; das Haus, die Häuser;
der Turm, die Türme; die Kirche, die Kirchen; das Dorf, die Dörfer"""
SAME_IN_DATIVE = "Frauen Mädchen Königinnen Schwestern Katzen Lampen Uhren Flaschen Betten Gabeln Türen Gärten Küchen Kirchen"
ADJECTIVES = [
    "groß",
    "klein",
    "schön",
    "alt",
    "jung",
    "glücklich",
    "ruhig",
    "klug",
    "hungrig",
    "reich",
    "berühmt",
    "neu",
    "rund",
    "rot",
    "grün",
    "schwarz",
    "weiß",
    "schwer",
    "billig",
    "eingelegt",
    "hell",
    "kalt",
]

# What a word before the noun can be: case (1, 3, 4 as in school) and gender, or p for the plural
READINGS = {
    "der": "1m 3f", "den": "4m 3p", "dem": "3m 3n", "die": "1f 4f 1p 4p", "das": "1n 4n",
    "dieser": "1m 3f", "diesen": "4m 3p", "diesem": "3m 3n", "diese": "1f 4f 1p 4p", "dieses": "1n 4n",
    "jeder": "1m 3f", "jeden": "4m", "jedem": "3m 3n", "jede": "1f 4f", "jedes": "1n 4n",
    "ein": "1m 1n 4n", "einen": "4m", "einem": "3m 3n", "eine": "1f 4f", "einer": "3f",
    "kein": "1m 1n 4n", "keinen": "4m 3p", "keinem": "3m 3n", "keine": "1f 4f 1p 4p", "keiner": "3f",
    "viele": "1p 4p", "vielen": "3p", "zwei": "1p 4p 3p", "": "1p 4p 3p",
}  # fmt: skip
WEAK = {"e": "1m 1f 1n 4f 4n", "en": "4m 3m 3f 3n 1p 4p 3p"}
MIXED = {"er": "1m", "es": "1n 4n", "e": "1f 4f", "en": "4m 3m 3f 3n 1p 4p 3p"}
BARE = {"e": "1p 4p", "en": "3p"}
WHO = {**{w: READINGS[w] for w in ("der", "dem", "die", "das")}, "den": "4m", "denen": "3p"}
IT = {"er": "1m", "sie": "1f 1p", "es": "1n"}

# er-form, infinitive, participle, separable prefix, takes an object
VERBS = """sieht sehen gesehen - 4; findet finden gefunden - 4; sucht suchen gesucht - 4; malt malen gemalt - 4;
liebt lieben geliebt - 4; kauft kaufen gekauft - 4; verkauft verkaufen verkauft - 4; trägt tragen getragen - 4;
putzt putzen geputzt - 4; hört hören gehört - 4; lobt loben gelobt - 4; macht machen gemacht auf 4;
macht machen gemacht zu 4; sieht sehen gesehen an 4; ruft rufen gerufen an 4; schläft schlafen geschlafen - 0;
lacht lachen gelacht - 0; singt singen gesungen - 0; arbeitet arbeiten gearbeitet - 0; wartet warten gewartet - 0;
tanzt tanzen getanzt - 0"""
HELPERS = {"hat": ("s", 2), "haben": ("p", 2), "kann": ("s", 1), "können": ("p", 1), "muss": ("s", 1),
           "müssen": ("p", 1), "will": ("s", 1), "wollen": ("p", 1)}  # fmt: skip
IS = {"ist": "s", "sind": "p"}
SAYS = {"sagt": "s", "sagen": "p", "glaubt": "s", "glauben": "p", "weiß": "s", "wissen": "p",
        "hofft": "s", "hoffen": "p"}  # fmt: skip
OFTEN, FIRST = ("oft", "immer", "nie", "wieder"), ("heute", "morgen", "hier", "draußen")
WHERE = ("mit", "in", "hinter", "neben", "unter", "im")
LAST, MAIN = ("weil", "obwohl", "während", "wenn"), ("und", "aber")


def _noun_readings() -> dict[str, set[str]]:
    found = {}
    for one, several in (pair.split(", ") for pair in NOUNS.replace(";\n", "; ").split("; ")):
        article, noun = one.split()
        gender, plural = {"der": "m", "die": "f", "das": "n"}[article], several.split()[1]
        found.setdefault(noun, set()).update(case + gender for case in "134")
        dative = plural if plural in SAME_IN_DATIVE.split() else plural + "n"
        found.setdefault(plural, set()).update(("1p", "4p"))
        found.setdefault(dative, set()).add("3p")
    return found


NOUN_READINGS = _noun_readings()


def is_german(sentence: str) -> bool:
    """Whether the words, with blanks between them, are a sentence of this grammar."""
    words = tuple(sentence.split())
    return len(words) in _Reader(words).sentence()


class _Reader:
    """Each method reads from a place on and returns all places where what it reads can end; noun
    phrases with the readings that are possible there.
    """

    def __init__(self, words: tuple[str, ...]):
        self.words, self.phrases = words, {}

    def at(self, i: int) -> str:
        return self.words[i] if i < len(self.words) else ""

    def skip(self, ends, mark: str):
        """What follows a mark that must stand here; a comma may have fallen together with the stop."""
        return {i + 1 for i in ends if self.at(i) == mark}

    def closed(self, ends):
        """After the comma at the end of a subordinate clause, or before what has its own mark."""
        return self.skip(ends, ",") | {i for i in ends if self.at(i) in (".", ",")}

    def sentence(self):
        ends = set(self.clause(0, "second"))
        if self.at(0) in LAST:
            ends |= {
                k for j in self.skip(self.clause(1, "last"), ",") for k in self.clause(j, "first")
            }
        seen = set()
        while ends - seen:
            i = (ends - seen).pop()
            seen.add(i)
            ends |= self.joined(i)
        return self.skip(ends, ".")

    def joined(self, i: int):
        """One more clause after a conjunction."""
        comma = self.at(i) == ","
        word = self.at(i + comma)
        if word in LAST and (comma or self.at(i - 1) == ","):
            return self.closed(self.clause(i + comma + 1, "last"))
        if word == "und" or (word == "aber" and (comma or self.at(i - 1) == ",")):
            return set(self.clause(i + comma + 1, "second"))
        return set()

    def clause(self, i: int, verb: str):
        if verb == "second" and self.at(i) in FIRST:
            return self.clause(i + 1, "first")
        if verb == "first":
            return self.verb_first(i)
        subjects = {
            (j, "p" if reading == "1p" else "s")
            for j, readings in self.subject(i)
            for reading in readings
            if reading[0] == "1"
        }
        ends = set()
        for j, number in subjects:
            if verb == "last":
                ends |= self.verb_last(j, number)
            else:
                ends |= self.after_finite(self.at(j), j + 1, number)
        return ends

    def subject(self, i: int):
        if self.at(i) in IT:
            return [(i + 1, IT[self.at(i)].split())]
        return self.noun_phrase(i)

    def verb_first(self, i: int):
        ends = set()
        for j, readings in self.subject(i + 1):
            for number in {"p" if r == "1p" else "s" for r in readings if r[0] == "1"}:
                ends |= self.after_finite(self.at(i), j, number)
        return ends

    def after_finite(self, finite: str, i: int, number: str):
        """What may follow a finite verb (and its subject, if that stands behind it)."""
        i += self.at(i) in OFTEN
        ends = set()
        if IS.get(finite) == number:
            ends |= self.predicate(i)
        if SAYS.get(finite) == number and (self.at(i), self.at(i + 1)) == (",", "dass"):
            ends |= self.closed(self.clause(i + 2, "last"))
        for object_, end in self.objects(i):
            ends |= set(self.end(finite, number, object_, end))
        return ends

    def objects(self, i: int):
        """(whether there is an object, where it ends)."""
        yield False, i
        for j, readings in self.noun_phrase(i):
            if any(r[0] == "4" for r in readings):
                yield True, j

    def end(self, finite, number, object_, i):
        for he, they, participle, prefix, takes in VERB_FORMS:
            if takes != object_:
                continue
            if finite == (he if number == "s" else they):
                yield from [i] if not prefix else [i + 1] if self.at(i) == prefix else []
            if HELPERS.get(finite, " ")[0] == number:
                form = (None, they, participle)[HELPERS[finite][1]]
                if self.at(i) == prefix + form:
                    yield i + 1

    def verb_last(self, i: int, number: str, gap: bool = False):
        """... [often] [object] verb; a relative clause whose object is its pronoun has a gap."""
        i += self.at(i) in OFTEN
        ends = {j + 1 for j in self.predicate(i) if IS.get(self.at(j)) == number and not gap}
        if SAYS.get(self.at(i)) == number and (self.at(i + 1), self.at(i + 2)) == (",", "dass"):
            ends |= self.closed(self.clause(i + 3, "last"))
        for object_, j in [(True, i)] if gap else self.objects(i):
            for he, they, participle, prefix, takes in VERB_FORMS:
                if takes != object_:
                    continue
                if self.at(j) == prefix + (he if number == "s" else they):
                    ends.add(j + 1)
                helper = HELPERS.get(self.at(j + 1))
                form = prefix + ("", they, participle)[helper[1]] if helper else None
                if helper and helper[0] == number and self.at(j) == form:
                    ends.add(j + 2)
        return ends

    def predicate(self, i: int):
        i += self.at(i) == "sehr"
        return {i + 1} if self.at(i) in ADJECTIVES else set()

    def noun_phrase(self, i: int):
        """[(end, readings)], which are asked for many times."""
        if i not in self.phrases:
            self.phrases[i] = self.new_noun_phrase(i)
        return self.phrases[i]

    def new_noun_phrase(self, i: int):
        """Determiner, adjectives, noun, then a place or a relative clause."""
        determiner = self.at(i) if self.at(i) in READINGS else ""
        j, readings = i + bool(determiner), set(READINGS[determiner].split())
        endings = MIXED if determiner[:3] == "ein" or determiner[:4] == "kein" else WEAK
        endings = BARE if determiner in ("", "viele", "vielen", "zwei") else endings
        while True:
            k = j + (self.at(j) == "sehr")
            ending = next((e for a in ADJECTIVES for e in endings if self.at(k) == a + e), None)
            if ending is None:
                break
            readings &= set(endings[ending].split())
            j = k + 1
        readings &= NOUN_READINGS.get(self.at(j), set())
        if not readings:
            return []
        return self.described(j + 1, frozenset(readings))

    def described(self, j: int, readings):
        found = [(j, readings)]
        if self.at(j) in WHERE:
            if self.at(j) == "im":
                places = self.without_article(j + 1)
            else:
                places = (
                    [] if (self.at(j), self.at(j + 1)) == ("in", "dem") else self.noun_phrase(j + 1)
                )
            found += [(end, readings) for end, r in places if any(x[0] == "3" for x in r)]
        if self.at(j) == "," and self.at(j + 1) in WHO:
            for reading in readings:
                for end in self.relative(j + 2, self.at(j + 1), reading[1]):
                    found.append((end, frozenset({reading})))
        return found

    def without_article(self, i: int):
        """What follows "im", which holds the article "dem"."""
        return _Reader((*self.words[: i - 1], "dem", *self.words[i:])).noun_phrase(i - 1)

    def relative(self, i: int, who: str, gender: str):
        ends, number = set(), "p" if gender == "p" else "s"
        if "1" + gender in WHO[who].split():
            ends |= self.verb_last(i, number)
        if "4" + gender in WHO[who].split():
            for j, readings in self.noun_phrase(i):
                for own in {"p" if r == "1p" else "s" for r in readings if r[0] == "1"}:
                    ends |= self.verb_last(j, own, gap=True)
        return self.closed(ends)


def _verb_forms():
    for line in VERBS.replace(";\n", "; ").split("; "):
        he, they, participle, prefix, takes = line.split()
        yield he, they, participle, prefix.strip("-"), takes == "4"


VERB_FORMS = list(_verb_forms())
