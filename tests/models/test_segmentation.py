"""Segmentation: equal to an independent PyTorch network, and what must hold for every picture."""

import itertools

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention import seed_everything
from d2l_attention.datasets import camvid, waters
from d2l_attention.datasets.batches import batches
from d2l_attention.models import segmentation
from d2l_attention.models.segmentation import (
    CooccurrentContext,
    NoContext,
    PixelAttention,
    PixelFeatures,
    SegmentationNetwork,
)
from d2l_attention.training import fit, predict

from mxnet import autograd, init, np, optimizer

CLASSES, D, HEIGHT, WIDTH = 5, 8, 16, 24
CONTEXTS = {
    "pixel": lambda: NoContext(),
    "attention": lambda: PixelAttention(D, num_heads=2),
    "cooccurrence": lambda: CooccurrentContext(D, num_heads=2, mixtures=3),
}
SIZES = {
    "stride 2": {"stride": 2, "dilations": (1,)},
    "stride 4": {"stride": 4, "dilations": (1, 2)},
}
every_context = pytest.mark.parametrize("context", CONTEXTS)
every_size = pytest.mark.parametrize("size", SIZES)
both_modes = pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])


def image(count=3, seed=0):
    random = onp.random.RandomState(seed)
    return np.array(random.normal(size=(count, 3, HEIGHT, WIDTH)).astype("float32"))


def build(context, size="stride 2", *, pool=2, seed=0):
    """A network whose biases and norms are not what they are at first."""
    seed_everything(seed)
    features = PixelFeatures(D, **SIZES[size])
    network = SegmentationNetwork(CLASSES, features, CONTEXTS[context](), pool=pool)
    network.initialize(init.Xavier())
    network(image())
    random = onp.random.RandomState(seed)
    for name, parameter in network.collect_params().items():
        if name.endswith(("bias", "beta", "gamma", "mean")):
            value = parameter.data().asnumpy() + random.normal(0, 0.3, parameter.shape)
            parameter.set_data(np.array(value.astype("float32")))
    return network


def outputs(network, *inputs):
    found = network(*inputs)
    return found if isinstance(found, tuple | list) else (found, None)


# ------------------------------------------------------------------------------ the oracle
def oracle(network, context, size, pool):
    from tests.oracles import pixel_features, weights
    from tests.oracles import segmentation as torch_segmentation

    stride, dilations = SIZES[size]["stride"], SIZES[size]["dilations"]
    widths = [3, D // 2, D] if stride == 4 else [3, D]
    layers = [pixel_features.Convolution(a, b, stride=2) for a, b in itertools.pairwise(widths)]
    layers += [pixel_features.Convolution(D, D, dilation=k) for k in dilations]
    of = {
        "pixel": lambda: None,
        "attention": lambda: torch_segmentation.PixelAttention(D, 2),
        "cooccurrence": lambda: torch_segmentation.CooccurrentContext(D, 2, 3),
    }
    sizes = 2 * D if context == "cooccurrence" else D
    other = torch_segmentation.SegmentationNetwork(
        CLASSES, layers, of[context](), sizes=sizes, stride=stride, pool=pool
    )
    weights.copy_weights(network, other)
    norms = [layer.norm for layer in network.features.layers]
    for norm, layer in zip(norms, layers, strict=True):
        for name in ("running_mean", "running_var"):
            value = getattr(norm, name).data().asnumpy()
            getattr(layer.norm, name).copy_(getattr(layer.norm, name).new_tensor(value))
    return other


@every_context
@every_size
@both_modes
@pytest.mark.parametrize("training", [False, True], ids=["predicting", "training"])
def test_equals_pytorch(context, size, hybridize, training):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import weights

    pool = 2 if size == "stride 4" else 4
    network = build(context, size, pool=pool)
    other = oracle(network, context, size, pool).train(training)
    signs = onp.random.RandomState(1).normal(size=(3, HEIGHT, WIDTH, CLASSES))
    network.hybridize(hybridize, static_alloc=hybridize)
    with autograd.record(train_mode=training):
        logits, alpha = outputs(network, image())
        total = (logits * np.array(signs.astype("float32"))).sum()
    total.backward()
    expected, expected_alpha = other(torch.tensor(image().asnumpy()).double())
    (expected * torch.tensor(signs)).sum().backward()
    onp.testing.assert_allclose(logits.asnumpy(), expected.detach(), atol=1e-5)
    if alpha is not None:
        onp.testing.assert_allclose(alpha.asnumpy(), expected_alpha.detach(), atol=1e-5)
    if training:  # MXNet has no gradient of batch normalisation by fixed means
        weights.compare_gradients(network, other)


def test_the_loss_is_pytorchs_cross_entropy_without_void():
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    random = onp.random.RandomState(0)
    logits = random.normal(size=(3, 4, 6, CLASSES)).astype("float32")
    labels = random.randint(0, CLASSES, (3, 4, 6)).astype("int32")
    labels[random.uniform(size=labels.shape) < 0.3] = segmentation.VOID
    labels[2] = segmentation.VOID  # nothing is known of the third
    found = build("pixel").loss(np.array(logits), np.array(labels, dtype="int32")).asnumpy()
    for number in range(2):
        expected = torch.nn.functional.cross_entropy(
            torch.tensor(logits[number]).permute(2, 0, 1)[None],
            torch.tensor(labels[number]).long()[None],
            ignore_index=segmentation.VOID,
        )
        assert found[number] == pytest.approx(expected.item(), abs=1e-5)
    assert found[2] == 0


# ------------------------------------------------------------------------------- properties
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["attention", "cooccurrence"]))
def test_weights_sum_to_one(seed, context):
    _, weights = outputs(build(context, seed=seed), image(seed=seed))
    assert weights.shape == (3, 2, HEIGHT * WIDTH // 4, HEIGHT * WIDTH // 16)
    assert (weights.asnumpy() >= 0).all()
    onp.testing.assert_allclose(weights.asnumpy().sum(-1), 1, atol=1e-5)


@every_size
def test_without_context_a_pixel_sees_its_radius_and_not_more(size):
    network, stride = build("pixel", size), SIZES[size]["stride"]
    radius = network.features.radius
    assert radius == {"stride 2": 4, "stride 4": 6 + 4 * 3}[size]
    side = 8 * radius // stride * stride
    random = onp.random.RandomState(0)
    plain = random.normal(size=(1, 3, side, side)).astype("float32")
    changed = plain.copy()
    changed[:, :, side // 2, side // 2] += 5
    before, after = (network(np.array(each)).asnumpy() for each in (plain, changed))
    rows, columns = onp.nonzero(abs(before - after).max(axis=-1)[0] > 0)
    distance = onp.maximum(abs(rows - side // 2), abs(columns - side // 2)).max()
    assert radius - stride < distance <= radius


@pytest.mark.parametrize("context", ["attention", "cooccurrence"])
def test_with_context_every_pixel_sees_all(context):
    network = build(context)
    plain = image(1).asnumpy()
    changed = plain.copy()
    changed[:, :, 0, 0] += 5
    before, after = (outputs(network, np.array(each))[0].asnumpy() for each in (plain, changed))
    assert (abs(before - after)[0, -4:, -4:].max(axis=-1) > 0).all()


def test_one_softmax_is_multi_head_attention():
    """K = 1, the same matrices: the weights of co-occurrence are those of attention."""
    seed_everything(0)
    one, heads = CooccurrentContext(D, 2, mixtures=1), PixelAttention(D, 2)
    x = np.array(onp.random.RandomState(0).normal(size=(2, 12, D)).astype("float32"))
    for context in (one, heads):
        context.initialize(init.Normal(0.5))
        context(x, x)
    pairs = {"W_q": one.W_t, "W_k": one.W_c, "W_v": one.W_phi, "W_o": one.W_o}
    for name, layer in pairs.items():
        getattr(heads.attention, name).weight.set_data(layer.weight.data())
    context, p = one(x, x)
    expected, weights = heads(x, x)
    onp.testing.assert_allclose(p.asnumpy(), weights.asnumpy(), atol=1e-6)
    onp.testing.assert_allclose(context.asnumpy()[..., :D], expected.asnumpy(), atol=1e-5)


def scores_mixed(context, x, size):
    """The weights of one head, pair by pair, for scores divided by the root of `size`."""
    normal, K = context.norm(x), context.mixtures
    v, u = (
        layer(normal).asnumpy()[0].reshape(x.shape[1], K, -1).swapaxes(0, 1)  # (K, n, d)
        for layer in (context.W_t, context.W_c)
    )
    means = v.mean(axis=1).ravel()  # side by side, (K d,)
    pi = onp.exp(context.W_pi.weight.data().asnumpy() @ means)
    parts = onp.exp(v @ u.swapaxes(1, 2) / size**0.5)
    parts /= parts.sum(axis=-1, keepdims=True)
    return (pi[:, None, None] / pi.sum() * parts).sum(axis=0)


def test_each_softmax_has_the_temperature_of_its_own_size():
    """d / H, and not K d / H as in the authors' code: the other temperature gives other weights."""
    context = CooccurrentContext(D, num_heads=1, mixtures=3)
    context.initialize(init.Normal(0.5))
    x = np.array(onp.random.RandomState(0).normal(size=(1, 12, D)).astype("float32"))
    found = context(x, x)[1].asnumpy()[0, 0]
    onp.testing.assert_allclose(found, scores_mixed(context, x, D), atol=1e-5)
    assert abs(found - scores_mixed(context, x, 3 * D)).max() > 0.01


def test_queries_and_keys_start_with_the_variance_that_is_promised():
    seed_everything(0)
    context = CooccurrentContext(64, num_heads=4, mixtures=2)
    context.initialize(init.Xavier())
    context(np.ones((1, 3, 64)), np.ones((1, 3, 64)))
    for layer in (context.W_t, context.W_c):
        assert layer.weight.data().asnumpy().var() == pytest.approx(2 / (64 + 16), rel=0.05)


def test_others_in_another_order_change_nothing_but_the_weights_order():
    context = CONTEXTS["cooccurrence"]()
    context.initialize(init.Normal(0.5))
    random = onp.random.RandomState(0)
    x, others = (random.normal(size=(2, n, D)).astype("float32") for n in (12, 7))
    order = random.permutation(7)
    found, weights = context(np.array(x), np.array(others))
    again, permuted = context(np.array(x), np.array(others[:, order]))
    onp.testing.assert_allclose(found.asnumpy(), again.asnumpy(), atol=1e-5)
    onp.testing.assert_allclose(weights.asnumpy()[..., order], permuted.asnumpy(), atol=1e-6)


def test_a_picture_of_another_size_needs_no_other_network():
    network = build("cooccurrence")
    network.hybridize(static_alloc=True)
    for height, width in ((16, 24), (8, 12), (32, 8)):
        logits, weights = network(np.ones((1, 3, height, width)))
        assert logits.shape == (1, height, width, CLASSES)
        assert weights.shape == (1, 2, height * width // 4, height * width // 16)


def test_void_is_void_everywhere():
    assert segmentation.VOID == waters.VOID == camvid.VOID == 255


# ------------------------------------------------------------------------- pairs and learning
@pytest.fixture(scope="module")
def landscapes():
    drawn = waters.generate(40, seed=0)
    return ((drawn.pictures / 255 - 0.5) * 4).astype("float32"), drawn.labels.astype("int32")


def small(context):
    seed_everything(0)
    features = PixelFeatures(16, stride=2, dilations=(1,))
    of = {"pixel": lambda: NoContext(), "attention": lambda: PixelAttention(16, 2)}
    network = SegmentationNetwork(len(waters.CLASSES), features, of[context](), pool=2)
    network.initialize(init.Xavier())
    return network


def waters_right(logits, labels):
    water = onp.isin(labels, (6, 7))
    return ((6 + (logits[..., 7] > logits[..., 6])) == labels)[water].mean()


def test_without_context_a_trained_network_is_right_about_half_of_the_water(landscapes):
    pictures, labels = landscapes
    network = small("pixel")
    shuffled = batches((pictures,), labels, 8, shuffle=True)
    fit(network, shuffled, optimizer.Adam(learning_rate=0.02), epochs=6, progress=False)
    logits = predict(network, batches((pictures,), None, 20))
    known = labels < len(waters.CLASSES)
    assert (logits.argmax(-1) == labels)[known].mean() > 0.6  # it has learned the rest
    assert waters_right(logits, labels) == pytest.approx(0.5, abs=1e-3)


def test_with_attention_the_loss_of_one_pair_goes_to_zero(landscapes):
    pictures, labels = landscapes
    pictures, labels = pictures[[0, 20]], labels[[0, 20]]
    network = small("attention")
    adam = optimizer.Adam(learning_rate=0.01)
    fit(network, batches((pictures,), labels, 2), adam, epochs=150, progress=False)
    with autograd.train_mode():
        logits, _ = network(np.array(pictures))
    assert waters_right(logits.asnumpy(), labels) > 0.95


# ------------------------------------------------------------------------------------ errors
@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: PixelFeatures(8, stride=3), "stride must be 2, 4, 8"),
        (lambda: PixelFeatures(8, stride=1), "stride must be 2, 4, 8"),
        (lambda: PixelFeatures(6, stride=8), "hidden_size divisible by half of it"),
        (lambda: PixelFeatures(8, dilations=(0,)), "dilations must be at least 1"),
        (lambda: PixelAttention(8, num_heads=3), "num_heads must divide 8"),
        (lambda: CooccurrentContext(8, num_heads=3), "num_heads must divide 8"),
        (lambda: CooccurrentContext(8, 2, mixtures=0), "mixtures must be at least 1"),
        (lambda: SegmentationNetwork(0, PixelFeatures(8), NoContext()), "num_classes"),
        (
            lambda: SegmentationNetwork(5, PixelFeatures(8), PixelAttention(16, 2)),
            "context must take 8 features, as many as features gives, got one that takes 16",
        ),
        (
            lambda: SegmentationNetwork(5, PixelFeatures(16), CooccurrentContext(8, 2)),
            "context must take 16 features",
        ),
    ],
)
def test_wrong_sizes_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "shape, message",
    [
        ((1, 3, 2, 24), "image must be at least as large as the stride 4"),
        ((1, 3, 16, 22), "image's sides must be divisible by the stride 4"),
        ((1, 3, 12, 24), "in squares of pool = 2"),
        ((3, 16, 24), "image must be of shape"),
    ],
)
def test_a_picture_that_does_not_fit_is_refused(shape, message):
    network = build("attention", "stride 4")
    with pytest.raises(ValueError, match=message):
        network(np.ones(shape))


def test_labels_that_do_not_fit_are_refused():
    network = build("attention")
    output = network(image())
    for labels, message in (
        (onp.zeros((3, HEIGHT, WIDTH // 2)), r"labels must be of shape \(3, 16, 24\)"),
        (onp.zeros((3, HEIGHT // 2, WIDTH // 2)), r"got \(3, 8, 12\)"),
        (onp.full((3, HEIGHT, WIDTH), CLASSES), "labels must be from 0 to 4, or 255"),
        (onp.full((3, HEIGHT, WIDTH), -1), "labels must be from 0 to 4, or 255"),
    ):
        with pytest.raises(ValueError, match=message):
            network.loss(output, np.array(labels, dtype="int32"))
