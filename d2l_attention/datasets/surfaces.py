"""Point clouds: points sampled on five kinds of surfaces, turned, stretched and blurred at random.

The points of a cloud have no order. `modelnet10` reads real furniture.
"""

import numpy as onp
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from d2l_attention.backend.checks import check_sizes

KINDS = ("sphere", "cube", "cylinder", "cone", "torus")
STRETCH = (0.7, 1.3)  # of each axis
NOISE = 0.03  # standard deviation, where the cloud's farthest point has distance 1
RING, TUBE = 0.7, 0.3  # radii of the torus


def sample(kind: str, points: int, random: onp.random.RandomState) -> onp.ndarray:
    """Return points that are uniform on a surface, (points, 3), within the cube from -1 to 1.

    >>> bool(abs(onp.linalg.norm(sample("sphere", 4, onp.random.RandomState(0)), axis=1) - 1).max() < 1e-12)
    True
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    check_sizes(points=points)
    return {"sphere": _sphere, "cube": _cube, "cylinder": _cylinder, "cone": _cone}.get(
        kind, _torus
    )(points, random)


def clouds(count: int, points: int, *, seed: int) -> tuple[onp.ndarray, onp.ndarray]:
    """Return clouds (count, points, 3), float32, and their kinds (count,), int32, in turn.

    Each surface is stretched along its axes, turned, blurred, and then centred and scaled, as
    `normalised` does it.

    >>> x, kind = clouds(6, 20, seed=0)
    >>> x.shape, kind.tolist(), round(float((x ** 2).sum(axis=2).max()), 5)
    ((6, 20, 3), [0, 1, 2, 3, 4, 0], 1.0)
    """
    check_sizes(count=count, points=points)
    random = onp.random.RandomState(seed)
    kinds = onp.arange(count, dtype="int32") % len(KINDS)
    return onp.stack([_cloud(KINDS[kind], points, random) for kind in kinds]), kinds


def normalised(x: onp.ndarray) -> onp.ndarray:
    """Return points (..., n, 3) around their mean, the farthest one at distance 1."""
    x = x - x.mean(axis=-2, keepdims=True)
    farthest = onp.linalg.norm(x, axis=-1).max(axis=-1)[..., None, None]
    return x / onp.maximum(farthest, 1e-12)


def distance_histograms(x: onp.ndarray, bins: int = 32) -> onp.ndarray:
    """Return how often two points of a cloud have which distance: (N, n, 3) -> (N, bins).

    The shape distribution D2 of Osada, Funkhouser, Chazelle and Dobkin (2002), of all pairs and not
    of a sample: no rotation and no order changes it.

    >>> distance_histograms(onp.array([[[0.0, 0, 0], [1, 0, 0], [2, 0, 0]]]), bins=2).round(2).tolist()
    [[0.0, 1.0]]
    """
    edges = onp.linspace(0, 2, bins + 1)
    counts = onp.stack([onp.histogram(pdist(cloud), edges)[0] for cloud in x])
    return counts / counts.sum(axis=1, keepdims=True)


def _cloud(kind, points, random) -> onp.ndarray:
    x = sample(kind, points, random) * random.uniform(*STRETCH, size=3)
    x = normalised(x @ Rotation.from_euler("z", random.uniform(0, 360), degrees=True).as_matrix())
    return normalised(x + random.normal(0, NOISE, x.shape)).astype("float32")


def _sphere(points, random):
    x = random.normal(size=(points, 3))
    return x / onp.linalg.norm(x, axis=1, keepdims=True)


def _cube(points, random):
    x = random.uniform(-1, 1, (points, 3))
    x[onp.arange(points), random.randint(3, size=points)] = random.choice([-1, 1], points)
    return x


def _circle(radius, angle, height):
    return onp.stack([radius * onp.cos(angle), radius * onp.sin(angle), height], axis=1)


def _cylinder(points, random):
    """Of height 2 and radius 1: the side has area 4 pi, each lid pi."""
    angle, part = random.uniform(0, 2 * onp.pi, points), random.uniform(0, 6, points)
    lid = onp.sqrt(random.uniform(size=points))
    height = onp.where(part < 4, part / 2 - 1, onp.where(part < 5, -1, 1))
    return _circle(onp.where(part < 4, 1, lid), angle, height)


def _cone(points, random):
    """Of height 2 and radius 1: the side has area sqrt(5) pi, the base pi."""
    angle, radius = random.uniform(0, 2 * onp.pi, points), onp.sqrt(random.uniform(size=points))
    side = random.uniform(size=points) < onp.sqrt(5) / (1 + onp.sqrt(5))
    return _circle(radius, angle, onp.where(side, 1 - 2 * radius, -1))


def _torus(points, random):
    """Angles around the tube are drawn with the ring's width there, by rejection."""
    tube = onp.empty(0)
    while len(tube) < points:
        angle = random.uniform(0, 2 * onp.pi, 2 * points)
        keep = random.uniform(0, RING + TUBE, 2 * points) < RING + TUBE * onp.cos(angle)
        tube = onp.append(tube, angle[keep])
    tube, angle = tube[:points], random.uniform(0, 2 * onp.pi, points)
    return _circle(RING + TUBE * onp.cos(tube), angle, TUBE * onp.sin(tube))
