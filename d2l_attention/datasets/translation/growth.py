"""How sentences grow: what can be added where, and what makes sense.

What is said fits the thing: tables are round, kings are not; nobody buys a village. Where German
would leave open which noun is meant, nothing is added: *it* is always the object of the clause
before.
"""

import random
from collections.abc import Callable, Iterator
from functools import partial

from d2l_attention.datasets.translation import english, lexicon
from d2l_attention.datasets.translation.lexicon import ALL, DEAD, LIVING
from d2l_attention.datasets.translation.tree import Clause, NounPhrase, Pronoun, Property, Sentence

DEEPEST = 2  # places and relative clauses within each other
MOST_PROPERTIES = 2
# How many English words it takes at least, and how often it is chosen where it is possible
FEWEST = {"property": 1, "very": 1, "often": 1, "first": 1, "place": 3, "relative": 3}
FEWEST |= {"clause": 4, "before": 5}
CHOSEN = {"property": 4, "very": 1, "often": 1, "first": 1, "place": 3, "relative": 4}
CHOSEN |= {"clause": 4, "before": 1}
OFTEN_SAID = {"the": 12, "a": 6, "this": 2, "every": 1, "no": 1, "many": 2, "two": 2}


class Speaker:
    """Says something at random."""

    def __init__(self, rng: random.Random, words: lexicon.Lexicon):
        self.rng, self.words = rng, words

    def sentence(self, words: int) -> Sentence:
        """A sentence of at least so many English words, rarely of more."""
        sentence = Sentence([("", self.clause(speech=True))])
        while (missing := words - len(english.write(sentence))) > 0:
            possible = {}
            for name, grow in self.growths(sentence):
                if FEWEST[name] <= missing:
                    possible.setdefault(name, []).append(grow)
            if not possible:
                break
            weights = [CHOSEN[name] for name in possible]
            self.rng.choice(possible[self.rng.choices(list(possible), weights)[0]])()
        return sentence

    # ------------------------------------------------------------------ parts
    def noun_phrase(self, kinds: tuple[str, ...]) -> NounPhrase:
        """A noun of these kinds with an article or the like."""
        noun = self.rng.choice([noun for noun in self.words.nouns if noun.kind in kinds])
        plural = self.rng.random() < 0.3
        known = self.words.determiners
        fit = [name for name in known if lexicon.DETERMINERS[name][plural] is not None]
        determiner = self.rng.choices(fit, [OFTEN_SAID[name] for name in fit])[0]
        return NounPhrase(noun, determiner, plural)

    def property(self, kind: str, but: tuple = ()) -> Property:
        """An adjective that fits the kind of noun."""
        fit = [each for each in self.words.adjectives if kind in each.kinds and each not in but]
        return Property(self.rng.choice(fit))

    def clause(self, *, speech: bool = False) -> Clause:
        """Something that is or is done, or is said, too."""
        subject = self.noun_phrase(self.rng.choice((LIVING, LIVING, ALL)))
        return self._predicate(subject, subject.noun.kind, speech=speech)

    def _predicate(self, subject: NounPhrase | None, kind: str, *, speech: bool = False) -> Clause:
        if kind in DEAD or self.rng.random() < 0.25:
            return Clause(subject, is_=self.property(kind))
        if speech and kind == "person" and self.rng.random() < 0.1:
            return Clause(subject, speech=self.rng.choice(self.words.speech), said=self.clause())
        verb = self.rng.choice([each for each in self.words.verbs if _can(kind, each)])
        clause = Clause(subject, verb, self.noun_phrase(verb.objects) if verb.objects else None)
        if self.rng.random() < 0.3:
            clause.auxiliary = self.rng.choice(self.words.auxiliaries)
        return clause

    # ----------------------------------------------------------------- growth
    def growths(self, sentence: Sentence) -> Iterator[tuple[str, Callable[[], None]]]:
        """All that can be added: (name, what adds it)."""
        clauses = [clause for _, clause in sentence.clauses]
        opening = clauses[0]
        for clause in clauses + ([sentence.before[1]] if sentence.before else []):
            yield from self._growths_of_clause(clause, depth=0)
        if not sentence.before and not opening.first:
            yield "first", partial(self._add_first, opening)
            yield "before", partial(self._add_before, sentence)
        if not clauses[-1].speech:
            yield "clause", partial(self._add_clause, sentence)

    def _growths_of_clause(self, clause: Clause, depth: int):
        if not clause.often:
            yield "often", partial(self._add_often, clause)
        if clause.is_ and not clause.is_.very:
            yield "very", partial(setattr, clause.is_, "very", True)
        for phrase in (clause.subject, clause.object):
            if isinstance(phrase, NounPhrase):
                yield from self._growths_of_phrase(phrase, depth)
        if clause.said:
            yield from self._growths_of_clause(clause.said, depth)

    def _growths_of_phrase(self, phrase: NounPhrase, depth: int):
        if len(phrase.properties) < MOST_PROPERTIES:
            yield "property", partial(self._add_property, phrase)
        for said in phrase.properties:
            if not said.very:
                yield "very", partial(setattr, said, "very", True)
        if phrase.place:
            yield from self._growths_of_phrase(phrase.place[1], depth + 1)
        elif phrase.relative:
            yield from self._growths_of_clause(phrase.relative, depth + 1)
        elif depth < DEEPEST:
            yield "place", partial(self._add_place, phrase)
            yield "relative", partial(self._add_relative, phrase)

    def _add_first(self, clause: Clause) -> None:
        clause.first = self.rng.choice(self.words.first)

    def _add_often(self, clause: Clause) -> None:
        clause.often = self.rng.choice(self.words.often)

    def _add_property(self, phrase: NounPhrase) -> None:
        but = tuple(said.adjective for said in phrase.properties)
        phrase.properties.append(self.property(phrase.noun.kind, but))

    def _add_place(self, phrase: NounPhrase) -> None:
        preposition = self.rng.choice(self.words.prepositions)
        phrase.place = preposition, self.noun_phrase(lexicon.PREPOSITIONS[preposition][1])

    def _add_relative(self, phrase: NounPhrase) -> None:
        kind = phrase.noun.kind
        done_to_it = [each for each in self.words.verbs if kind in each.objects]
        if self.rng.random() < 0.5:
            clause = Clause(self.noun_phrase(("person",)), self.rng.choice(done_to_it))
        else:
            clause = self._predicate(None, kind)
        phrase.relative = clause

    def _add_before(self, sentence: Sentence) -> None:
        sentence.before = self.rng.choice(self._subordinating()), self.clause()

    def _add_clause(self, sentence: Sentence) -> None:
        conjunction = self.rng.choice(self.words.conjunctions)
        meant, clause = sentence.clauses[-1][1].object, self.clause()
        if meant and meant.noun.kind in DEAD and self.rng.random() < 0.5:
            conjunction = self.rng.choice(self._subordinating())
            clause = Clause(Pronoun(meant), is_=self.property(meant.noun.kind))
        sentence.clauses.append((conjunction, clause))

    def _subordinating(self) -> list[str]:
        return [name for name in self.words.conjunctions if lexicon.CONJUNCTIONS[name][1]]


def _can(kind: str, verb: lexicon.Verb) -> bool:
    """Animals see, hear, find and sleep; what they do not do, no sentence says of them."""
    by_animals = {"sees", "finds", "seeks", "hears", "watches", "loves", "sleeps", "waits"}
    return kind == "person" or verb.english[0] in by_animals
