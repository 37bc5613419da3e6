"""IDX files are read exactly or refused, and MNIST is MNIST."""

import gzip
import hashlib
import random
import struct

import numpy as onp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from d2l_attention.datasets import mnist

CODES = {
    "uint8": 0x08,
    "int8": 0x09,
    "int16": 0x0B,
    "int32": 0x0C,
    "float32": 0x0D,
    "float64": 0x0E,
}


def idx(array: onp.ndarray) -> bytes:
    """The array in IDX format, written as the format's description says."""
    header = struct.pack(">BBBB", 0, 0, CODES[array.dtype.name], array.ndim)
    sizes = b"".join(struct.pack(">I", size) for size in array.shape)
    return header + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("idx") / "file.gz"


@given(
    st.sampled_from(sorted(CODES)).flatmap(
        lambda dtype: (
            arrays.arrays(
                dtype,
                arrays.array_shapes(min_dims=1, max_dims=4, min_side=0),
                elements={"allow_nan": False},
            )
            if dtype.startswith("float")
            else arrays.arrays(dtype, arrays.array_shapes(min_dims=1, max_dims=4, min_side=0))
        )
    )
)
def test_what_was_written_is_read(path, array):
    path.write_bytes(gzip.compress(idx(array)))
    read = mnist.read_idx(path)
    assert read.dtype == array.dtype and read.dtype.isnative and read.flags.writeable
    assert read.shape == array.shape and (read == array).all()


IMAGES = idx(onp.arange(2 * 28 * 28, dtype="uint8").reshape(2, 28, 28))


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "not an IDX file"),
        (IMAGES[:3], "not an IDX file"),
        (b"\0\1" + IMAGES[2:], "not an IDX file"),
        (b"\0\0\7" + IMAGES[3:], "not an IDX file: it begins with 00 00 07 03"),
        (IMAGES[:10], "ends within its header, after 10 of 16 bytes"),
        (IMAGES[:-1], "should hold 1584 bytes for shape .2, 28, 28., and holds 1583"),
        (IMAGES + b"\0", "and holds 1585"),
        (IMAGES[:3] + b"\2" + IMAGES[4:], "should hold"),
        (IMAGES[:4] + b"\xff\xff\xff\xff" + IMAGES[8:], "should hold"),
    ],
)
def test_a_corrupted_header_is_refused(path, content, message):
    path.write_bytes(gzip.compress(content))
    with pytest.raises(ValueError, match=message):
        mnist.read_idx(path)


@pytest.mark.parametrize(
    "damage",
    [lambda z: z[:-9], lambda z: b"PK" + z, lambda z: z[:20] + b"\xff" + z[21:]],
)
def test_a_file_that_is_not_whole_gzip_is_refused(path, damage):
    path.write_bytes(damage(gzip.compress(IMAGES)))
    with pytest.raises(ValueError, match="not a whole gzip file"):
        mnist.read_idx(path)


def test_changed_bytes_are_refused_or_change_nothing(path):
    """In the header, which has no sum of its own, and in the compressed file, which has one."""
    chance, refused = random.Random(0), 0
    for trial in range(100):
        header, changed = bytearray(IMAGES), bytearray(gzip.compress(IMAGES))
        header[chance.randrange(16)] = chance.randrange(256)
        changed[chance.randrange(len(changed))] = chance.randrange(256)
        path.write_bytes(gzip.compress(bytes(header)) if trial % 2 else changed)
        try:
            found = mnist.read_idx(path)
        except ValueError:
            refused += 1
        else:
            assert idx(found) == (header if trial % 2 else IMAGES)
    assert refused > 80


@pytest.fixture
def own_files(tmp_path, monkeypatch):
    """Put generated files into the cache in the place of MNIST's; gives a function of
    (images, labels).
    """
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(tmp_path))

    def put(images, labels):
        sums = {}
        for name, array in (("t10k-images-idx3", images), ("t10k-labels-idx1", labels)):
            content = gzip.compress(idx(array))
            (tmp_path / "mnist").mkdir(exist_ok=True)
            (tmp_path / "mnist" / f"{name}-ubyte.gz").write_bytes(content)
            sums[name] = (len(content), hashlib.sha256(content).hexdigest())
        monkeypatch.setattr(mnist, "FILES", sums)

    return put


def test_a_split_is_its_images_and_its_labels(own_files, capsys):
    images = onp.random.RandomState(0).randint(0, 256, (3, 28, 28)).astype("uint8")
    own_files(images, onp.array([7, 0, 9], dtype="uint8"))
    found, labels = mnist.load("test")
    assert (found == images).all() and labels.tolist() == [7, 0, 9]
    assert capsys.readouterr() == ("", "")  # no network, no progress line


@pytest.mark.parametrize(
    "images, labels",
    [
        (onp.zeros((3, 28, 28), "uint8"), onp.zeros(2, "uint8")),
        (onp.zeros((2, 28, 27), "uint8"), onp.zeros(2, "uint8")),
        (onp.zeros((2, 784), "uint8"), onp.zeros(2, "uint8")),
        (onp.zeros((2, 28, 28), "uint8"), onp.zeros((2, 1), "uint8")),
        (onp.zeros((2, 28, 28), "uint8"), onp.array([3, 10], "uint8")),
    ],
)
def test_files_that_do_not_fit_each_other_are_refused(own_files, images, labels):
    own_files(images, labels)
    with pytest.raises(ValueError, match="do not fit"):
        mnist.load("test")


def test_another_split_is_refused():
    with pytest.raises(ValueError, match="split must be train or test"):
        mnist.load("validation")


def test_a_file_that_is_not_mnist_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(IMAGES))
    with pytest.raises(ValueError, match="Delete it and try again"):
        mnist.load("train")


@pytest.mark.parametrize("split, size, mean", [("train", 60000, 33.318), ("test", 10000, 33.791)])
def test_the_real_files(real_data, split, size, mean):
    if not (real_data / "mnist").is_dir():
        pytest.skip("the cache has no MNIST")
    images, labels = mnist.load(split)
    assert images.shape == (size, 28, 28) and labels.shape == (size,)
    assert images.dtype == labels.dtype == onp.uint8
    assert images.mean() == pytest.approx(mean, abs=5e-4)
    assert labels[:5].tolist() == {"train": [5, 0, 4, 1, 9], "test": [7, 2, 1, 0, 4]}[split]
    assert (onp.bincount(labels, minlength=10) > size / 12).all()
