"""Regions are described and questions answered after a little training; a region sees itself alone."""

import numpy as onp
import pytest

from d2l_attention import seed_everything
from d2l_attention.datasets import scenes
from d2l_attention.datasets.batches import batches
from d2l_attention.datasets.questions import Vocabulary, examples, lighten
from d2l_attention.models.stacked_attention import RegionNetwork, StackedAttention
from d2l_attention.training import accuracy, fit, predict
from tests.models.pictures import REGIONS, batch

from mxnet import autograd, init, np, optimizer

EASY = {"grid": 3, "colors": 2, "shapes": 2, "distractors": 0, "relations": 0}
NAMES = {"colors": 2, "shapes": 2}


def describe(regions, pictures):
    pictures = lighten(pictures)
    return predict(regions, batches((pictures,), pictures, 64))


@pytest.fixture(scope="module")
def small():
    """Losses of naming regions, share of regions that are right, vocabulary and examples."""
    seed_everything(0)
    training, test = (scenes.generate(n, seed=s, **EASY) for s, n in ((0, 600), (1, 100)))
    regions = RegionNetwork(attributes=4, grid=3, cell=8, channels=16)
    regions.initialize()
    pictures = lighten(training.pictures[:200])
    names = training.names(**NAMES)[:200].astype("float32")
    data = batches((pictures,), names, 16, shuffle=True, seed=0)
    adam = optimizer.Adam(learning_rate=0.01)
    losses = fit(regions, data, adam, epochs=8, progress=False)["loss"]
    found = describe(regions, test.pictures)[..., :-2] > 0.5
    right = (found == test.names(**NAMES)).all(-1).mean()
    vocabulary = Vocabulary(training.questions)
    parts = (
        examples(vocabulary, describe(regions, s.pictures), s.questions) for s in (training, test)
    )
    return losses, right, vocabulary, list(parts)


def test_regions_are_named(small):
    losses, right, _, _ = small
    assert losses[-1] < losses[0] / 5 and right > 0.98


def trained(small, epochs):
    """A network, its history and the examples to test it on."""
    _, _, vocabulary, (training, test) = small
    seed_everything(1)
    network = StackedAttention(len(vocabulary.words), 2, hidden_size=24, score_size=24, hops=1)
    network.initialize(init.Xavier())
    history = fit(
        network,
        training.batches(32, shuffle=True, seed=0),
        optimizer.Adam(learning_rate=0.005),
        epochs=epochs,
        clip_norm=5.0,
        evaluate=lambda: {"error": 1 - accuracy(network, test.batches())},
        monitor="error",
        progress=False,
    )
    return network, history, test


def test_learns_to_look_at_a_place(small):
    network, history, test = trained(small, epochs=14)
    right = accuracy(network, test.batches())
    assert right > 0.9 and right == 1 - history["error"].min()
    logits, weights = predict(network, test.batches(7))
    assert logits.shape == (len(test), 2) and weights.shape == (len(test), 1, 9)
    assert (logits.argmax(-1) == test.answer).mean() == right


def test_the_same_seeds_give_the_same_training(small):
    (first, *_), (second, *_) = (trained(small, epochs=1) for _ in range(2))
    for name in ("W_I", "W_u"):
        a, b = (getattr(network, name).weight.data().asnumpy() for network in (first, second))
        onp.testing.assert_array_equal(a, b)


def test_regions_may_be_trained_along():
    """Answers alone move the convolutions."""
    seed_everything(0)
    network = StackedAttention(9, 4, hidden_size=8, score_size=7, regions=RegionNetwork(**REGIONS))
    network.initialize()
    inputs = batch("pictures")
    network(*inputs)
    before = network.regions.cells.weight.data().asnumpy()
    data = [(tuple(x.asnumpy() for x in inputs), onp.array([0, 1, 2, 3, 0]))]
    fit(network, data, optimizer.SGD(learning_rate=0.1), epochs=1, progress=False)
    assert (network.regions.cells.weight.data().asnumpy() != before).any()


# ------------------------------------------------------------------------- the regions
@pytest.fixture
def regions():
    seed_everything(0)
    network = RegionNetwork(attributes=3, grid=4, cell=8)
    network.initialize()
    return network


def test_a_region_sees_its_own_cell_only(regions):
    picture = onp.random.RandomState(0).normal(size=(1, 3, 32, 32)).astype("float32")
    changed = picture.copy()
    changed[:, :, 8:16, 16:24] += 1.0  # row 1, column 2
    before, after = (regions(np.array(p)).asnumpy()[0] for p in (picture, changed))
    moved = abs(before - after).max(-1) > 1e-6
    assert moved[6] and moved.sum() == 1


def test_features_are_shares_and_places(regions):
    features = regions(np.random.normal(size=(2, 3, 32, 32))).asnumpy()
    assert features.shape == (2, 16, 5) and (features[..., :3] > 0).all()
    assert (features[..., :3] < 1).all()
    places = [[row - 1.5, column - 1.5] for row in range(4) for column in range(4)]
    onp.testing.assert_array_equal(features[..., 3:], [places, places])


def test_loss_is_the_cross_entropy_of_the_attributes(regions):
    random = onp.random.RandomState(0)
    share = random.uniform(0.1, 0.9, size=(2, 16, 5)).astype("float32")
    named = random.randint(0, 2, size=(2, 16, 3)).astype("float32")
    loss = regions.loss(np.array(share), np.array(named)).asnumpy()
    p = share[..., :3]
    expected = -(named * onp.log(p) + (1 - named) * onp.log(1 - p)).mean((1, 2))
    onp.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_pictures_are_described_in_parts(regions):
    pictures = lighten(onp.random.RandomState(0).randint(0, 256, (7, 3, 32, 32)).astype("uint8"))
    whole = predict(regions, batches((pictures,), pictures, 7))
    parts = predict(regions, batches((pictures,), pictures, 3))
    assert whole.shape == (7, 16, 5)
    onp.testing.assert_allclose(parts, whole, atol=1e-6)


@pytest.mark.parametrize("hybridize", [False, True])
def test_float64_after_cast_equals_float32(regions, hybridize):
    pictures = np.random.normal(size=(2, 3, 32, 32))
    expected = regions(pictures).asnumpy()
    regions.cast("float64")
    regions.hybridize(hybridize)
    features = regions(pictures.astype("float64"))
    assert features.dtype == "float64"
    onp.testing.assert_allclose(features.asnumpy(), expected, atol=1e-5)


def test_a_saved_network_describes_the_same(regions, tmp_path):
    pictures = np.random.normal(size=(2, 3, 32, 32))
    expected = regions(pictures).asnumpy()
    regions.save_parameters(str(tmp_path / "regions"))
    other = RegionNetwork(attributes=3, grid=4, cell=8)
    other.load_parameters(str(tmp_path / "regions"))
    onp.testing.assert_array_equal(other(pictures).asnumpy(), expected)


def test_places_are_not_trained(regions):
    with autograd.record():
        loss = regions(np.random.normal(size=(2, 3, 32, 32))).sum()
    loss.backward()
    trained = {p.name for p in regions.collect_params().values() if p.grad_req != "null"}
    assert len(trained) == 6 and not any("places" in name for name in trained)


@pytest.mark.parametrize("hybridize", [False, True])
def test_bad_pictures_are_refused(regions, hybridize):
    regions.hybridize(hybridize)
    for shape in [(1, 3, 32, 31), (1, 3, 31, 31), (1, 4, 32, 32), (3, 32, 32), (0, 3, 32, 32)]:
        with pytest.raises(ValueError, match="pictures must be of shape"):
            regions(np.zeros(shape))
    with pytest.raises(TypeError, match="pictures must be an MXNet array"):
        regions(onp.zeros((1, 3, 32, 32)))
    with pytest.raises(TypeError, match="pictures must be float32 or float64, got uint8"):
        regions(np.zeros((1, 3, 32, 32), dtype="uint8"))


@pytest.mark.parametrize("name", ["attributes", "grid", "cell", "channels"])
def test_sizes_are_positive_integers(name):
    sizes = {"attributes": 3, "grid": 3, "cell": 6}
    RegionNetwork(**(sizes | {name: onp.int64(2)}))
    for bad, error in [(0, ValueError), (-2, ValueError), (True, TypeError), (2.0, TypeError)]:
        with pytest.raises(error, match=f"^{name} must be"):
            RegionNetwork(**(sizes | {name: bad}))
    with pytest.raises(ValueError, match="cell must be even, got 7"):
        RegionNetwork(**(sizes | {"cell": 7}))


def test_one_channel_is_enough():
    regions = RegionNetwork(attributes=2, grid=3, cell=8, channels=1)
    regions.initialize()
    assert describe(regions, onp.zeros((2, 3, 24, 24), "uint8")).shape == (2, 9, 4)
