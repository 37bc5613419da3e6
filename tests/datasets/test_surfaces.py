"""Point clouds: the points are on the surfaces, uniformly, and distances do not see rotations."""

import numpy as onp
import pytest
from scipy.spatial.transform import Rotation

from d2l_attention.datasets import modelnet10, surfaces


def on_surface(kind, x):
    """How far points are from a surface's equation, point by point."""
    radius, height = onp.hypot(x[:, 0], x[:, 1]), x[:, 2]
    return {
        "sphere": abs(onp.linalg.norm(x, axis=1) - 1),
        "cube": abs(abs(x).max(axis=1) - 1),
        "cylinder": onp.minimum(abs(radius - 1), abs(abs(height) - 1)),
        "cone": onp.minimum(abs(height - (1 - 2 * radius)), abs(height + 1)),
        "torus": abs(onp.hypot(radius - surfaces.RING, height) - surfaces.TUBE),
    }[kind]


@pytest.mark.parametrize("kind", surfaces.KINDS)
def test_points_are_on_the_surface_and_within_the_cube(kind):
    x = surfaces.sample(kind, 2000, onp.random.RandomState(0))
    assert x.shape == (2000, 3) and abs(x).max() <= 1 + 1e-9
    assert on_surface(kind, x).max() < 1e-9


@pytest.mark.parametrize(
    ("kind", "part", "expected"),
    [
        ("sphere", lambda x: x[:, 2] > 0.5, 0.25),  # Archimedes: area goes with height
        ("cube", lambda x: abs(x[:, 0]) == 1, 1 / 3),
        ("cylinder", lambda x: abs(x[:, 2]) == 1, 1 / 3),
        ("cylinder", lambda x: (abs(x[:, 2]) == 1) & (onp.hypot(*x[:, :2].T) < 0.5), 1 / 12),
        ("cone", lambda x: x[:, 2] == -1, 1 / (1 + onp.sqrt(5))),
        ("cone", lambda x: x[:, 2] > 0, onp.sqrt(5) / (1 + onp.sqrt(5)) / 4),
        # outside of the tube's middle: 2 pi (R + r cos) integrated over half the tube
        ("torus", lambda x: onp.hypot(*x[:, :2].T) > 0.7, 0.5 + 0.3 / (onp.pi * 0.7)),
    ],
)
def test_points_are_uniform(kind, part, expected):
    x = surfaces.sample(kind, 40_000, onp.random.RandomState(1))
    assert abs(part(x).mean() - expected) < 0.01


def test_clouds_are_centred_scaled_and_named_by_their_seed():
    x, kind = surfaces.clouds(10, 50, seed=0)
    assert x.shape == (10, 50, 3) and x.dtype == onp.float32 and kind.tolist() == [*range(5)] * 2
    assert abs(x.mean(axis=1)).max() < 1e-6
    assert abs(onp.linalg.norm(x, axis=2).max(axis=1) - 1).max() < 1e-6
    assert (surfaces.clouds(10, 50, seed=0)[0] == x).all()
    assert (surfaces.clouds(10, 50, seed=1)[0] != x).any()
    assert surfaces.normalised(onp.ones((4, 3))).tolist() == [[0.0] * 3] * 4


def test_histograms_of_distances_see_neither_rotation_nor_order():
    x, _ = surfaces.clouds(4, 30, seed=2)
    turn = Rotation.random(random_state=0).as_matrix()
    found = surfaces.distance_histograms(x.astype("float64"), bins=8)
    moved = surfaces.distance_histograms(x[:, ::-1].astype("float64") @ turn, bins=8)
    assert abs(found - moved).max() < 0.01  # a distance at the border of two bins may change sides
    assert onp.allclose(found.sum(axis=1), 1)


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="kind must be one of"):
        surfaces.sample("knot", 3, onp.random.RandomState(0))
    with pytest.raises(ValueError, match="points must be"):
        surfaces.clouds(1, 0, seed=0)


# ------------------------------------------------------------------------------------ ModelNet10
def test_surface_voxels_have_a_free_neighbour():
    voxels = onp.zeros((2, 5, 5, 5), bool)
    voxels[0, 1:4, 1:4, 1:4] = True
    voxels[1] = True
    found = modelnet10.surface(voxels)
    assert found[0].sum() == 26 and not found[0, 2, 2, 2]
    assert found[1].sum() == 5**3 - 3**3
    voxels[0, 2, 2, 3] = False  # a hole that opens to one side
    assert modelnet10.surface(voxels)[0, 2, 2, 2]


def test_points_lie_within_voxels_of_the_surface():
    voxels = onp.zeros((1, 30, 30, 30), bool)
    voxels[0, 3, 4:14, 5] = True  # a rod
    x = modelnet10.clouds(voxels, 500, seed=0)[0]
    length = onp.ptp(x, axis=0)
    assert x.dtype == onp.float32 and length[1] > 8 * max(length[0], length[2])
    with pytest.raises(ValueError, match="occupied"):
        modelnet10.clouds(onp.zeros((1, 3, 3, 3), bool), 5, seed=0)
    with pytest.raises(ValueError, match="split must be"):
        modelnet10.load("validation")


def test_offline_it_is_said_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(tmp_path))
    monkeypatch.setitem(modelnet10.FILE, "urls", [])
    with pytest.raises(ConnectionError, match=r"save it as\n.*modelnet10.npz"):
        modelnet10.require()
    path = tmp_path / "modelnet10-voxels" / "modelnet10.npz"
    path.parent.mkdir()
    path.write_bytes(b"something else")
    with pytest.raises(ValueError, match="is not the file that the book uses"):
        modelnet10.load("test")


def test_the_real_shapes_are_there(real_data):
    if not (real_data / "modelnet10-voxels" / "modelnet10.npz").is_file():
        pytest.skip("ModelNet10's voxels are not there")
    voxels, kinds = modelnet10.load("test")
    assert voxels.shape == (908, 30, 30, 30)
    assert onp.bincount(kinds).tolist() == [50, 100, 100, 86, 86, 100, 86, 100, 100, 100]
    x = modelnet10.clouds(voxels[:3], 100, seed=0)
    assert x.shape == (3, 100, 3) and onp.isfinite(x).all()
