"""Which words are named entities, and how good a tagger is: the F1 score of whole entities, as of CoNLL."""

from collections.abc import Sequence


def entities(tags: Sequence[str]) -> set[tuple[str, int, int]]:
    """Return (kind, first word, last word) of each entity that a sentence's tags name.

    B- starts an entity, and I- of the same kind continues it. An I- that continues nothing starts an
    entity, too, as in the CoNLL task's own script.

    Raises
    ------
    ValueError
        A tag is neither O nor B- or I- with a kind.

    >>> sorted(entities(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"]))
    [('LOC', 3, 3), ('LOC', 4, 4), ('PER', 0, 1)]
    """
    found: set[tuple[str, int, int]] = set()
    kind, first = "", 0
    for place, tag in enumerate([*tags, "O"]):
        begins, _, here = tag.partition("-")
        if tag != "O" and (begins not in ("B", "I") or not here):
            raise ValueError(f"a tag must be O, or B- or I- and a kind, got {tag!r}")
        if kind and (begins != "I" or here != kind):
            found.add((kind, first, place - 1))
            kind = ""
        if here and not kind:
            kind, first = here, place
    return found


def entity_f1(found: Sequence[Sequence[str]], right: Sequence[Sequence[str]]) -> float:
    """Return 2 P R / (P + R): P is the share of found entities that are right, R that of right ones found.

    An entity is right if its kind, its first and its last word are; nothing is right in part. The
    counts are of all sentences together. Without any entity on either side it is 0.

    Raises
    ------
    ValueError
        Sentences differ in number or length.

    >>> entity_f1([["B-PER", "O", "B-LOC"]], [["B-PER", "I-PER", "B-LOC"]])
    0.5
    """
    counts = [0, 0, 0]
    for tags, wanted in zip(found, right, strict=True):
        if len(tags) != len(wanted):
            raise ValueError(f"a sentence must have {len(wanted)} tags, got {len(tags)}")
        ours, theirs = entities(tags), entities(wanted)
        counts = [
            a + b for a, b in zip(counts, (len(ours & theirs), len(ours), len(theirs)), strict=True)
        ]
    hits, ours, theirs = counts
    return 2 * hits / (ours + theirs) if ours + theirs else 0.0
