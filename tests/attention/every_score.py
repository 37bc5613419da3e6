"""All scores, and what fits them: shared by the tests of attention."""

import pytest

from d2l_attention.attention import (
    AdditiveScore,
    Attention,
    BilinearScore,
    BoxcarScore,
    CosineScore,
    DotProductScore,
    EpanechnikovScore,
    GaussianScore,
    ScaledDotProductScore,
    TriangularScore,
)

from mxnet import init, np

B, M, N, D = 3, 4, 5, 6
SCORES = {
    "dot": DotProductScore,
    "scaled dot": lambda: ScaledDotProductScore(D),
    "bilinear": lambda: BilinearScore(D),
    "additive": lambda: AdditiveScore(7),
    "additive with a bias": lambda: AdditiveScore(7, use_bias=True),
    "cosine": lambda: CosineScore(2.0),
}
# Wide enough to reach some keys and not others
KERNELS = {
    "gaussian": lambda: GaussianScore(1.5),
    "gaussian, learned": lambda: GaussianScore(1.5, learn=True),
    "gaussian, one bandwidth a feature": lambda: GaussianScore([1.0, 2, 3, 1, 2, 3], learn=True),
    "boxcar": lambda: BoxcarScore(3.0),
    "triangular": lambda: TriangularScore(3.0),
    "epanechnikov, learned": lambda: EpanechnikovScore(3.0, learn=True),
}
ALL = SCORES | KERNELS
every_score = pytest.mark.parametrize("make_score", ALL.values(), ids=ALL.keys())
both_modes = pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])


def ready(block, *arrays):
    """A block with random weights, and biases that are not zero."""
    block.initialize(init.Normal(0.5))
    block(*arrays)  # finds the shapes
    for name, parameter in block.collect_params().items():
        if name.endswith("bias"):
            parameter.set_data(np.random.normal(size=parameter.shape))
    return block


def ready_attention(make_score, arrays, **arguments):
    return ready(Attention(make_score(), **arguments), *arrays)
