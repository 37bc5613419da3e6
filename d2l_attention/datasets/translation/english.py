"""Trees as English words."""

from d2l_attention.datasets.translation import lexicon
from d2l_attention.datasets.translation.tree import Clause, NounPhrase, Pronoun, Property, Sentence


def write(sentence: Sentence) -> list[str]:
    """The words of a sentence, with its marks."""
    words = []
    if sentence.before:
        conjunction, clause = sentence.before
        words += [conjunction, *_clause(clause), ","]
    for conjunction, clause in sentence.clauses:
        words += [","] * (conjunction == "but") + [conjunction] * bool(conjunction)
        words += _clause(clause)
    return _with_an([*words, "."])


def _clause(clause: Clause) -> list[str]:
    first = [clause.first] * bool(clause.first)
    plural = _is_plural(clause.subject)
    return [*first, *_noun_phrase(clause.subject), *_predicate(clause, plural)]


def _predicate(clause: Clause, plural: bool) -> list[str]:
    """What follows the subject."""
    often = [clause.often] * bool(clause.often)
    if clause.is_:
        return [("is", "are")[plural], *often, *_property(clause.is_)]
    if clause.speech:
        return [*often, clause.speech[0][plural], "that", *_clause(clause.said)]
    after = _noun_phrase(clause.object) if clause.object else []
    if not clause.auxiliary:
        return [*often, clause.verb.english[plural], *after]
    finite, _, (form, _) = lexicon.AUXILIARIES[clause.auxiliary]
    helping, main = finite[plural].split(), clause.verb.english[form]
    return (
        [*often, *helping, main, *after] if len(helping) > 1 else [*helping, *often, main, *after]
    )


def _noun_phrase(phrase: NounPhrase | Pronoun) -> list[str]:
    if isinstance(phrase, Pronoun):
        return ["they" if phrase.stands_for.plural else "it"]
    words = lexicon.DETERMINERS[phrase.determiner][phrase.plural].split()
    for each in phrase.properties:
        words += _property(each)
    words.append(phrase.noun.plural if phrase.plural else phrase.noun.english)
    if phrase.place:
        preposition, where = phrase.place
        words += [preposition, *_noun_phrase(where)]
    if phrase.relative:
        words += _relative(phrase)
    return words


def _relative(head: NounPhrase) -> list[str]:
    clause = head.relative
    pronoun = "who" if head.noun.kind == "person" else "that"
    if clause.subject is None:
        return [pronoun, *_predicate(clause, head.plural)]
    return [pronoun, *_noun_phrase(clause.subject), *_predicate(clause, _is_plural(clause.subject))]


def _property(said: Property) -> list[str]:
    return ["very"] * said.very + [said.adjective.english]


def _is_plural(phrase: NounPhrase | Pronoun) -> bool:
    return phrase.stands_for.plural if isinstance(phrase, Pronoun) else phrase.plural


def _with_an(words: list[str]) -> list[str]:
    """`an` for `a` before a vowel."""
    following = [*words[1:], ""]
    return [
        "an" if word == "a" and after[:1] in tuple("aeiou") else word
        for word, after in zip(words, following, strict=True)
    ]
