"""Training, validation and test set without a sentence in two of them."""

from collections.abc import Sequence

import numpy as onp
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from d2l_attention.backend.checks import check_integer
from d2l_attention.datasets.translation.generator import Pair


def split(pairs: Sequence[Pair], held_out: Sequence[int], *, seed: int) -> list[list[Pair]]:
    """Split pairs at random so that no sentence, source or target, is in two parts.

    Pairs that share a sentence, be it through others, stay together. *Go.* has several French
    translations, and *Va !* several English ones.

    Parameters
    ----------
    pairs : sequence of (source, target)
    held_out : sequence of int
        At least so many pairs for each part but the first, which is for training and gets the rest.

    Returns
    -------
    list of list of (source, target)
        The training set, then the parts that were asked for; each in a random order.

    Raises
    ------
    ValueError, TypeError
        A size is not positive, or nothing would be left for training.

    Examples
    --------
    >>> pairs = [("Go.", "Va !"), ("Go.", "Bouge !"), ("Hi.", "Salut !"), ("Run!", "Cours !")]
    >>> split(pairs, [2], seed=1)
    [[('Hi.', 'Salut !'), ('Run!', 'Cours !')], [('Go.', 'Va !'), ('Go.', 'Bouge !')]]
    """
    sizes = [check_integer("held_out", size, 1) for size in held_out]
    groups = _groups(pairs)
    order = onp.random.default_rng(seed).permutation(len(groups))
    parts, current = [[] for _ in range(1 + len(sizes))], 1
    for number in order:
        while current and len(parts[current]) >= sizes[current - 1]:
            current = (current + 1) % len(parts)
        parts[current].extend(groups[number])
    if not parts[0]:
        raise ValueError(f"held_out = {held_out} leaves none of {len(pairs)} pairs for training")
    return parts


def apart(training: Sequence[Pair], *held_out: Sequence[Pair]) -> list[Pair]:
    """Return the training pairs of which no sentence occurs in the other parts.

    >>> apart([("Go.", "Va !"), ("Hi.", "Salut !")], [("Move.", "Va !")])
    [('Hi.', 'Salut !')]
    """
    seen = [{pair[side] for part in held_out for pair in part} for side in (0, 1)]
    return [pair for pair in training if pair[0] not in seen[0] and pair[1] not in seen[1]]


def _groups(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Pairs that share sentences, each group once, in the order of their first pairs."""
    number: dict[tuple[int, str], int] = {}
    edges = [
        [number.setdefault((side, text), len(number)) for side, text in enumerate(pair)]
        for pair in pairs
    ]
    rows, columns = onp.reshape(edges, (-1, 2)).T
    graph = coo_matrix((onp.ones(len(edges)), (rows, columns)), (len(number), len(number)))
    label = connected_components(graph, directed=False)[1]
    groups: dict[int, list[Pair]] = {}
    for pair, row in zip(pairs, rows, strict=True):
        groups.setdefault(label[row], []).append(pair)
    return list(groups.values())
