"""Random arrays, the same for every test of attention."""

import pytest

from d2l_attention import seed_everything
from tests.attention.every_score import B, D, M, N

from mxnet import np


@pytest.fixture(autouse=True)
def seed():
    seed_everything(0)


@pytest.fixture
def arrays(seed):
    """Query (B, M, D), key (B, N, D) and value (B, N, D), with gradients attached."""
    query, key, value = (np.random.normal(size=(B, n, D)) for n in (M, N, N))
    for array in (query, key, value):
        array.attach_grad()
    return query, key, value
