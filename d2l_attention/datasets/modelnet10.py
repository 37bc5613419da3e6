"""ModelNet10: 4,899 pieces of furniture of ten kinds, as point clouds (Wu et al. 2015).

Read are occupancy grids of 30 x 30 x 30 voxels, as they are in a public repository; the originals are
meshes. A point is drawn uniformly within a voxel of the surface, one that is occupied and has a free
neighbour. ModelNet is for academic use only; the book does not ship it.
"""

import zipfile

import numpy as onp

from d2l_attention.backend.checks import check_choice, check_sizes
from d2l_attention.datasets import cache
from d2l_attention.datasets.surfaces import normalised

# In the order of their numbers
KINDS = ("bathtub", "bed", "chair", "desk", "dresser", "monitor", "night stand", "sofa", "table",
         "toilet")  # fmt: skip
SIDE = 30
COUNTS = {"train": 3991, "test": 908}
COMMIT = "2b66a4ddfac20dc6224fd2ed9b4da337525f29d6"
FILE = {
    "name": "modelnet10-voxels",
    "file_name": "modelnet10.npz",
    "urls": [
        "https://raw.githubusercontent.com/amitregmi/VoxNet-Google-Colab/"
        f"{COMMIT}/data/modelnet10.npz"
    ],
    "sha256": "85fb9d01bbaa1913cde8cd385557b31e05cb179585c572298151f54f1e1373fb",
    "size": 2_042_495,
}


def load(split: str, *, progress: bool = True) -> tuple[onp.ndarray, onp.ndarray]:
    """Return the voxels of a split and their kinds, from the cache or the network (`cache.fetch`).

    Parameters
    ----------
    split : str
        "train" (3,991 shapes) or "test" (908).

    Returns
    -------
    voxels : numpy.ndarray of shape (n, 30, 30, 30), bool
        Which are occupied.
    kinds : numpy.ndarray of shape (n,), int32
        Numbers of `KINDS`.

    Raises
    ------
    ValueError
        There is no such split, or the file is not what it should be.
    ConnectionError
        The file is neither in the cache nor to be had; the message says what to put where.
    """
    check_choice(tuple(COUNTS), split=split)
    path = cache.fetch(**FILE, progress=progress)
    try:
        with onp.load(path, allow_pickle=False) as arrays:
            voxels, kinds = arrays[f"X_{split}"], arrays[f"y_{split}"]
    except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not ModelNet10's voxels: {error}") from error
    if voxels.shape != (len(kinds), SIDE, SIDE, SIDE) or len(kinds) != COUNTS[split]:
        raise ValueError(f"{path}: {split} holds {voxels.shape} voxels and {kinds.shape} kinds")
    return voxels.astype(bool), kinds.astype("int32")


def require(*, progress: bool = True) -> None:
    """Find, or download, and check the file: before hours of computing, not after.

    Raises
    ------
    ValueError, ConnectionError
        As for `load`.
    """
    cache.fetch(**FILE, progress=progress)


def surface(voxels: onp.ndarray) -> onp.ndarray:
    """Return the occupied voxels that have a free one among their six neighbours, or the grid's border.

    >>> int(surface(onp.ones((1, 3, 3, 3), bool)).sum())
    26
    """
    padded = onp.pad(voxels, ((0, 0), (1, 1), (1, 1), (1, 1)))
    inside = voxels.copy()
    for axis in (1, 2, 3):
        for step in (-1, 1):
            inside &= onp.roll(padded, step, axis)[:, 1:-1, 1:-1, 1:-1]
    return voxels & ~inside


def clouds(voxels: onp.ndarray, points: int, *, seed: int) -> onp.ndarray:
    """Return points of the shapes' surfaces, (n, points, 3), float32, as `surfaces.normalised`.

    A voxel may be drawn several times; its points differ.

    Raises
    ------
    ValueError
        A shape is empty, or `points` is not positive.

    >>> clouds(onp.ones((2, 3, 3, 3), bool), 5, seed=0).shape
    (2, 5, 3)
    """
    check_sizes(points=points)
    if not voxels.any(axis=(1, 2, 3)).all():
        raise ValueError("voxels must hold an occupied one for each shape")
    random = onp.random.RandomState(seed)
    found = []
    for shape in surface(voxels):
        places = onp.argwhere(shape)
        chosen = places[random.randint(len(places), size=points)]
        found.append(chosen + random.uniform(size=(points, 3)))
    return normalised(onp.stack(found)).astype("float32")
