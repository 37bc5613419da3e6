"""The words of the generated sentences, in English and in German, with all that the grammar needs.

A German noun has a gender that its meaning does not tell (the table is masculine, the lamp feminine,
the book neuter); its article, its adjectives and its pronouns must agree with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Noun:
    """Singular and plural in both languages; gender "m", "f" or "n"; kind: what may be said of it."""

    english: str
    plural: str
    german: str
    gender: str
    german_plural: str
    kind: str


@dataclass(frozen=True)
class Adjective:
    """The German stem takes an ending before a noun, and none after *is*."""

    english: str
    german: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Verb:
    """English he-form, they-form and participle; German er-form, infinitive, participle; a prefix
    that is split off in a main clause ("macht ... auf"); the kinds of its objects, () for none.
    """

    english: tuple[str, str, str]
    german: tuple[str, str, str]
    objects: tuple[str, ...] = ()
    prefix: str = ""


def _nouns(kind: str, lines: str) -> list[Noun]:
    return [Noun(*line.split(), kind) for line in lines.strip().splitlines()]


NOUNS = [
    *_nouns(
        "person",
        """
        man men Mann m Männer
        woman women Frau f Frauen
        child children Kind n Kinder
        girl girls Mädchen n Mädchen
        teacher teachers Lehrer m Lehrer
        queen queens Königin f Königinnen
        king kings König m Könige
        friend friends Freund m Freunde
        nurse nurses Schwester f Schwestern
        painter painters Maler m Maler
        """,
    ),
    *_nouns(
        "animal",
        """
        dog dogs Hund m Hunde
        cat cats Katze f Katzen
        horse horses Pferd n Pferde
        mouse mice Maus f Mäuse
        bird birds Vogel m Vögel
        cow cows Kuh f Kühe
        """,
    ),
    *_nouns(
        "thing",
        """
        table tables Tisch m Tische
        lamp lamps Lampe f Lampen
        book books Buch n Bücher
        chair chairs Stuhl m Stühle
        clock clocks Uhr f Uhren
        picture pictures Bild n Bilder
        key keys Schlüssel m Schlüssel
        bottle bottles Flasche f Flaschen
        bed beds Bett n Betten
        spoon spoons Löffel m Löffel
        fork forks Gabel f Gabeln
        knife knives Messer n Messer
        pattern patterns Muster n Muster
        """,
    ),
    *_nouns(
        "opening",
        """
        window windows Fenster n Fenster
        door doors Tür f Türen
        suitcase suitcases Koffer m Koffer
        """,
    ),
    *_nouns(
        "place",
        """
        garden gardens Garten m Gärten
        kitchen kitchens Küche f Küchen
        house houses Haus n Häuser
        tower towers Turm m Türme
        church churches Kirche f Kirchen
        village villages Dorf n Dörfer
        """,
    ),
]

LIVING, DEAD = ("person", "animal"), ("thing", "opening", "place")
ALL = LIVING + DEAD

ADJECTIVES = [
    Adjective("big", "groß", ALL),
    Adjective("small", "klein", ALL),
    Adjective("beautiful", "schön", ALL),
    Adjective("old", "alt", ALL),
    Adjective("young", "jung", LIVING),
    Adjective("happy", "glücklich", LIVING),
    Adjective("quiet", "ruhig", LIVING),
    Adjective("clever", "klug", LIVING),
    Adjective("hungry", "hungrig", LIVING),
    Adjective("rich", "reich", ("person",)),
    Adjective("famous", "berühmt", ("person", "place")),
    Adjective("new", "neu", DEAD),
    Adjective("round", "rund", ("thing",)),
    Adjective("red", "rot", DEAD),
    Adjective("green", "grün", DEAD),
    Adjective("black", "schwarz", ("thing", "opening", "animal")),
    Adjective("white", "weiß", ALL[1:]),
    Adjective("heavy", "schwer", ("thing", "opening")),
    Adjective("cheap", "billig", ("thing", "opening")),
    Adjective("inlaid", "eingelegt", ("thing",)),
    Adjective("bright", "hell", ("place", "opening")),
    Adjective("cold", "kalt", ("place",)),
]

VERBS = [
    Verb(("sees", "see", "seen"), ("sieht", "sehen", "gesehen"), ALL),
    Verb(("finds", "find", "found"), ("findet", "finden", "gefunden"), ALL),
    Verb(("seeks", "seek", "sought"), ("sucht", "suchen", "gesucht"), ALL),
    Verb(("paints", "paint", "painted"), ("malt", "malen", "gemalt"), ALL),
    Verb(("loves", "love", "loved"), ("liebt", "lieben", "geliebt"), ALL),
    Verb(("buys", "buy", "bought"), ("kauft", "kaufen", "gekauft"), ("thing", "opening")),
    Verb(("sells", "sell", "sold"), ("verkauft", "verkaufen", "verkauft"), ("thing", "opening")),
    Verb(("carries", "carry", "carried"), ("trägt", "tragen", "getragen"), ("thing", "animal")),
    Verb(("cleans", "clean", "cleaned"), ("putzt", "putzen", "geputzt"), DEAD),
    Verb(("hears", "hear", "heard"), ("hört", "hören", "gehört"), LIVING),
    Verb(("praises", "praise", "praised"), ("lobt", "loben", "gelobt"), LIVING),
    Verb(("opens", "open", "opened"), ("macht", "machen", "gemacht"), ("opening",), "auf"),
    Verb(("closes", "close", "closed"), ("macht", "machen", "gemacht"), ("opening",), "zu"),
    Verb(("watches", "watch", "watched"), ("sieht", "sehen", "gesehen"), ALL, "an"),
    Verb(("calls", "call", "called"), ("ruft", "rufen", "gerufen"), LIVING, "an"),
    Verb(("sleeps", "sleep", "slept"), ("schläft", "schlafen", "geschlafen")),
    Verb(("laughs", "laugh", "laughed"), ("lacht", "lachen", "gelacht")),
    Verb(("sings", "sing", "sung"), ("singt", "singen", "gesungen")),
    Verb(("works", "work", "worked"), ("arbeitet", "arbeiten", "gearbeitet")),
    Verb(("waits", "wait", "waited"), ("wartet", "warten", "gewartet")),
    Verb(("dances", "dance", "danced"), ("tanzt", "tanzen", "getanzt")),
]

# Singular and plural of auxiliaries, and which form of the verb follows them (index into
# english, german)
AUXILIARIES = {
    "perfect": (("has", "have"), ("hat", "haben"), (2, 2)),
    "can": (("can", "can"), ("kann", "können"), (1, 1)),
    "must": (("must", "must"), ("muss", "müssen"), (1, 1)),
    "want": (("wants to", "want to"), ("will", "wollen"), (1, 1)),
}

DETERMINERS = {  # English singular and plural (None: there is none), the German kind
    "the": ("the", "the", "der"),
    "this": ("this", "these", "dies"),
    "every": ("every", None, "jed"),
    "a": ("a", "", "ein"),
    "no": ("no", "no", "kein"),
    "many": (None, "many", "viele"),
    "two": (None, "two", "zwei"),
}

# All take the dative here, since nothing moves. The place where: kinds of the noun after it
PREPOSITIONS = {
    "with": ("mit", ("thing", "animal")),
    "in": ("in", ("place",)),
    "behind": ("hinter", DEAD),
    "beside": ("neben", ALL),
    "under": ("unter", ("thing",)),
}

FIRST = {"today": "heute", "tomorrow": "morgen", "here": "hier", "outside": "draußen"}
OFTEN = {"often": "oft", "always": "immer", "never": "nie", "again": "wieder"}
# Whether the verb goes to the end
CONJUNCTIONS = {
    "and": ("und", False),
    "but": ("aber", False),
    "because": ("weil", True),
    "although": ("obwohl", True),
    "while": ("während", True),
    "when": ("wenn", True),
}
SPEECH = [  # singular and plural
    (("says", "say"), ("sagt", "sagen")),
    (("believes", "believe"), ("glaubt", "glauben")),
    (("knows", "know"), ("weiß", "wissen")),
    (("hopes", "hope"), ("hofft", "hoffen")),
]


@dataclass(frozen=True)
class Lexicon:
    """The words that sentences are made of; of each kind all of them, unless said otherwise.

    What is a name here is a key above, where its translation stands.
    """

    nouns: Sequence[Noun] = tuple(NOUNS)
    adjectives: Sequence[Adjective] = tuple(ADJECTIVES)
    verbs: Sequence[Verb] = tuple(VERBS)
    auxiliaries: Sequence[str] = tuple(AUXILIARIES)
    determiners: Sequence[str] = tuple(DETERMINERS)
    prepositions: Sequence[str] = tuple(PREPOSITIONS)
    first: Sequence[str] = tuple(FIRST)
    often: Sequence[str] = tuple(OFTEN)
    conjunctions: Sequence[str] = tuple(CONJUNCTIONS)
    speech: Sequence[tuple] = tuple(SPEECH)
