"""Layers that keep keys and values: item by item as all at once, whatever makes weights of scores."""

import numpy as onp
import pytest

from d2l_attention.attention import DecoderLayer, EncoderLayer, causal_mask, identity, length_mask
from d2l_attention.attention.cache import CachedDecoderLayer, CachedLayer, penalty_of
from tests.attention.every_score import ready

from mxnet import np

B, T, D, H = 2, 5, 8, 2
KINDS = {
    "norm after": {},
    "norm before": {"pre_norm": True},
    "as GPT-2's": {"pre_norm": True, "use_bias": True, "activation": "gelu_tanh"},
}
every_kind = pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)


def one_by_one(cached, x, first: int) -> onp.ndarray:
    """Some items at once, as what is read, and then the others."""
    before, found = onp.tri(T, T + 2, dtype="float32"), []
    for start, end in [(0, first), *((t, t + 1) for t in range(first, T))]:
        mask = np.array(onp.tile(before[start:end], (B, 1, 1)))  # two slots stay empty
        y, _ = cached.step(x[:, start:end], slice(start, end), penalty_of(mask, H))
        found.append(y.asnumpy())
    return onp.concatenate(found, axis=1)


@every_kind
@pytest.mark.parametrize("first", [1, 3])
def test_item_by_item_is_all_at_once(options, first):
    x = np.random.normal(size=(B, T, D))
    layer = ready(EncoderLayer(D, H, 12, **options), x)
    for _ in range(2):  # what is compiled stays with the layer
        expected, _ = layer(x, causal_mask(T))
        found = one_by_one(CachedLayer(layer, T + 2), x, first)
        onp.testing.assert_allclose(found, expected.asnumpy(), atol=1e-5)


def test_another_normalisation_is_another_computation():
    x, source = np.random.normal(size=(B, T, D)), np.random.normal(size=(B, 3, D))
    mask, causal = length_mask([3, 1], 3), causal_mask(T)
    own, asking = ready(EncoderLayer(D, H, 12), x), ready(DecoderLayer(D, H, 12), x, source)
    for normalise in (own.attention.attention.normalise, identity):
        own.attention.attention.normalise = normalise
        expected, _ = own(x, causal)
        found = one_by_one(CachedLayer(own, T + 2), x, 2)
        onp.testing.assert_allclose(found, expected.asnumpy(), atol=1e-5)
        asking.attention.attention.normalise = normalise
        expected, *_ = asking(x, source, causal, mask)
        found = one_by_one(CachedDecoderLayer(asking, source, mask, T + 2), x, 2)
        onp.testing.assert_allclose(found, expected.asnumpy(), atol=1e-5)


def test_wrong_layers_are_refused():
    own, asking = EncoderLayer(D, H, 12), DecoderLayer(D, H, 12)
    x = np.zeros((B, 3, D))
    with pytest.raises(TypeError, match="layer must be of EncoderLayer, got DecoderLayer"):
        CachedLayer(asking, 4)
    with pytest.raises(TypeError, match="layer must be of DecoderLayer, got EncoderLayer"):
        CachedDecoderLayer(own, x, np.ones((B, 1, 3)), 4)
    with pytest.raises(ValueError, match="slots must be at least 1"):
        CachedLayer(own, 0)
