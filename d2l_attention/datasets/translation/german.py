"""Trees as German words: cases, genders and endings, and the verb's place.

The finite verb is the second part of a main clause and the last word of a subordinate one; what
belongs to it and is not finite ("gekauft", "auf") stands at the end.
"""

from d2l_attention.datasets.translation import lexicon
from d2l_attention.datasets.translation.tree import Clause, NounPhrase, Pronoun, Sentence

CASES = ("nominative", "accusative", "dative")

# By gender, or "p" for the plural: nominative, accusative, dative
ARTICLE = {"m": "der den dem", "f": "die die der", "n": "das das dem", "p": "die die den"}
STRONG = {"m": "er en em", "f": "e e er", "n": "es es em", "p": "e e en"}  # dies-er, kein-e
EIN = {"m": "- en em", "f": "e e er", "n": "- - em", "p": "e e en"}
AFTER_DER = {"m": "e en en", "f": "e e en", "n": "e e en", "p": "en en en"}
AFTER_EIN = {"m": "er en en", "f": "e e en", "n": "es es en", "p": "en en en"}
RELATIVE = {**ARTICLE, "p": "die die denen"}
PRONOUN = {"m": "er", "f": "sie", "n": "es", "p": "sie"}


def write(sentence: Sentence) -> list[str]:
    """The words of a sentence, with its marks."""
    words = []
    if sentence.before:
        conjunction, clause = sentence.before
        words += [lexicon.CONJUNCTIONS[conjunction][0], *_clause(clause, "last"), ","]
    for number, (conjunction, clause) in enumerate(sentence.clauses):
        if not conjunction:
            words += _clause(clause, "first" if sentence.before and number == 0 else "second")
            continue
        german, last = lexicon.CONJUNCTIONS[conjunction]
        words += [] if conjunction == "and" else [","]
        words += [german, *_clause(clause, "last" if last else "second")]
        words += [","] if last else []
    return _with_marks(words)


def _clause(clause: Clause, verb: str) -> list[str]:
    """Subject, finite verb and the rest in the order that the verb's place demands."""
    plural = _number(clause.subject) == "p"
    subject = _noun_phrase(clause.subject, "nominative")
    finite, middle, end, after = _parts(clause, plural)
    if verb == "last":
        return [*subject, *middle, *_joined(end, finite), *after]
    if clause.first:
        return [lexicon.FIRST[clause.first], finite, *subject, *middle, *end, *after]
    if verb == "first":
        return [finite, *subject, *middle, *end, *after]
    return [*subject, finite, *middle, *end, *after]


def _parts(clause: Clause, plural: bool) -> tuple[str, list[str], list[str], list[str]]:
    """Finite verb, what stands in the middle, what stands at the end, what comes after it."""
    middle = [lexicon.OFTEN[clause.often]] if clause.often else []
    if clause.is_:
        very = ["sehr"] * clause.is_.very
        return ("ist", "sind")[plural], [*middle, *very, clause.is_.adjective.german], [], []
    if clause.speech:
        after = [",", "dass", *_clause(clause.said, "last"), ","]
        return clause.speech[1][plural], middle, [], after
    if clause.object:
        middle += _noun_phrase(clause.object, "accusative")
    verb = clause.verb
    if not clause.auxiliary:
        return verb.german[plural], middle, [verb.prefix] * bool(verb.prefix), []
    _, finite, (_, form) = lexicon.AUXILIARIES[clause.auxiliary]
    return finite[plural], middle, [verb.prefix + verb.german[form]], []


def _joined(end: list[str], finite: str) -> list[str]:
    """A prefix at the end is written together with its verb: "auf" + "macht"."""
    prefixes = {verb.prefix for verb in lexicon.VERBS if verb.prefix}
    return [end[0] + finite] if end and end[0] in prefixes else [*end, finite]


def _noun_phrase(phrase: NounPhrase | Pronoun, case: str) -> list[str]:
    if isinstance(phrase, Pronoun):
        return [PRONOUN[_number(phrase)]]
    number = _number(phrase)
    kind = lexicon.DETERMINERS[phrase.determiner][2]
    words = _determiner(kind, number, case)
    for each in phrase.properties:
        words += ["sehr"] * each.very
        words.append(each.adjective.german + _ending(kind, number, case))
    words.append(_noun(phrase, case))
    if phrase.place:
        preposition, where = phrase.place
        words += _place(lexicon.PREPOSITIONS[preposition][0], where)
    if phrase.relative:
        words += _relative(phrase)
    return words


def _place(preposition: str, where: NounPhrase) -> list[str]:
    """All of these prepositions take the dative; "in dem" is drawn together."""
    words = _noun_phrase(where, "dative")
    return ["im", *words[1:]] if (preposition, words[0]) == ("in", "dem") else [preposition, *words]


def _relative(head: NounPhrase) -> list[str]:
    clause = head.relative
    case = "nominative" if clause.subject is None else "accusative"
    plural = _number(head if clause.subject is None else clause.subject) == "p"
    subject = [] if clause.subject is None else _noun_phrase(clause.subject, "nominative")
    finite, middle, end, _ = _parts(clause, plural)
    pronoun = _form(RELATIVE, _number(head), case)
    return [",", pronoun, *subject, *middle, *_joined(end, finite), ","]


def _determiner(kind: str, number: str, case: str) -> list[str]:
    if kind == "der":
        return [_form(ARTICLE, number, case)]
    if kind in ("dies", "jed"):
        return [kind + _form(STRONG, number, case)]
    if kind in ("ein", "kein"):
        return (
            [] if (kind, number) == ("ein", "p") else [kind + _form(EIN, number, case).strip("-")]
        )
    return ["vielen" if (kind, case) == ("viele", "dative") else kind]


def _ending(kind: str, number: str, case: str) -> str:
    """Of an adjective: strong where no article shows the case."""
    if kind in ("der", "dies", "jed"):
        return _form(AFTER_DER, number, case)
    if kind == "kein" or (kind == "ein" and number != "p"):
        return _form(AFTER_EIN, number, case)
    return _form(STRONG, number, case)


def _noun(phrase: NounPhrase, case: str) -> str:
    if not phrase.plural:
        return phrase.noun.german
    word = phrase.noun.german_plural
    return word + "n" if case == "dative" and word[-1] not in "ns" else word


def _form(table: dict[str, str], number: str, case: str) -> str:
    return table[number].split()[CASES.index(case)]


def _number(phrase: NounPhrase | Pronoun) -> str:
    """The gender, or "p" for all plurals."""
    phrase = phrase.stands_for if isinstance(phrase, Pronoun) else phrase
    return "p" if phrase.plural else phrase.noun.gender


def _with_marks(words: list[str]) -> list[str]:
    """One comma where two meet, and none before the full stop."""
    words = [*words, "."]
    following = [*words[1:], ""]
    return [
        word
        for word, after in zip(words, following, strict=True)
        if word != "," or after not in (",", ".")
    ]
