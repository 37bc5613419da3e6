"""Stacked attention networks and batches of random features, pictures and questions."""

import numpy as onp

from d2l_attention import seed_everything
from d2l_attention.models.stacked_attention import RegionNetwork, StackedAttention

from mxnet import np

WORDS, ANSWERS, CHANNELS, GRID, CELL = 9, 4, 6, 3, 6
VARIANTS = {
    "one hop": {"hops": 1},
    "three hops": {"hops": 3},
    "neighbours": {"hops": 2, "blocks": 2, "grid": GRID},
    "pictures": {"hops": 2},
}
SIZES = {"hidden_size": 8, "score_size": 7}
REGIONS = {"attributes": 4, "grid": GRID, "cell": CELL, "channels": 5}


def numpy_batch(variant, size=5, longest=6, seed=0):
    random, side = onp.random.RandomState(seed), GRID * CELL
    shape = (size, 3, side, side) if variant == "pictures" else (size, GRID**2, CHANNELS)
    features = random.normal(size=shape).astype("float32")
    length = random.randint(1, longest + 1, size).astype("int32")
    length[0] = longest
    question = random.randint(1, WORDS, (size, longest)).astype("int32")
    question[onp.arange(longest) >= length[:, None]] = 0
    return features, question, length


def batch(variant, **options):
    return [np.array(array, dtype=array.dtype) for array in numpy_batch(variant, **options)]


def untrained(variant):
    regions = RegionNetwork(**REGIONS) if variant == "pictures" else None
    return StackedAttention(WORDS, ANSWERS, **SIZES, **VARIANTS[variant], regions=regions)


def build(variant, seed=0):
    """A network whose biases are not zero, as they are at first."""
    seed_everything(seed)
    network = untrained(variant)
    network.initialize()
    network(*batch(variant))
    random = onp.random.RandomState(seed)
    for name, parameter in network.collect_params().items():
        if "bias" in name:
            parameter.set_data(np.array(random.normal(0, 0.3, parameter.shape)))
    return network


def oracle(network, variant):
    """The same network in PyTorch, with the same weights in float64."""
    from tests.oracles import region_network, stacked_attention, weights

    regions = region_network.RegionNetwork(**REGIONS) if variant == "pictures" else None
    features = REGIONS["attributes"] + 2 if regions else CHANNELS
    other = stacked_attention.StackedAttention(
        WORDS, ANSWERS, features=features, **SIZES, **VARIANTS[variant], regions=regions
    )
    weights.copy_weights(network, other)
    return other
