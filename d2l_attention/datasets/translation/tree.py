"""Sentences as trees, which `english` and `german` write out: the same for both languages."""

from dataclasses import dataclass, field

from d2l_attention.datasets.translation.lexicon import Adjective, Noun, Verb


@dataclass
class Property:
    """An adjective, and whether *very* stands before it."""

    adjective: Adjective
    very: bool = False


@dataclass
class NounPhrase:
    """*the very old table with two lamps that the woman buys*: a key of `lexicon.DETERMINERS`, the
    noun and what describes it, of which a place and a relative clause exclude each other.
    """

    noun: Noun
    determiner: str
    plural: bool = False
    properties: list[Property] = field(default_factory=list)
    place: tuple[str, "NounPhrase"] | None = None  # a key of `lexicon.PREPOSITIONS`, and where
    relative: "Clause | None" = None  # without its subject, or without its object


@dataclass
class Pronoun:
    """*it* or *they*, for a noun phrase that went before."""

    stands_for: NounPhrase


@dataclass
class Clause:
    """Who does something, to whom; or *is* somehow; or says something.

    A relative clause lacks its subject or its object, which is the noun that it describes.
    `often` and `first` are keys of `lexicon.OFTEN` and `lexicon.FIRST`, `auxiliary` of
    `lexicon.AUXILIARIES`; `speech` is an entry of `lexicon.SPEECH`.
    """

    subject: NounPhrase | Pronoun | None
    verb: Verb | None = None
    object: NounPhrase | None = None
    is_: Property | None = None
    speech: tuple | None = None
    said: "Clause | None" = None
    auxiliary: str = ""
    often: str = ""
    first: str = ""


@dataclass
class Sentence:
    """Clauses with the conjunctions before them ("" before the first). `before` is a subordinate
    clause that stands in front of all.
    """

    clauses: list[tuple[str, Clause]]
    before: tuple[str, Clause] | None = None
