"""What a notebook needs is fetched before it computes, or all that is missing is named at once."""

import hashlib

import pytest

from d2l_attention.datasets import cache, mnist, shapes
from d2l_attention.datasets.needed import fetch_all

NOWHERE = "http://127.0.0.1:1/"


def wanted(name, content=b"one"):
    sha256 = hashlib.sha256(content).hexdigest()
    return {
        "name": "d",
        "file_name": name,
        "urls": [NOWHERE],
        "sha256": sha256,
        "size": len(content),
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(tmp_path))
    monkeypatch.setattr(cache, "PAUSE", 0.0)
    return tmp_path


def test_files_that_are_there_are_returned_in_order(folder):
    (folder / "d").mkdir()
    for name in "ba":
        (folder / "d" / name).write_bytes(b"one")
    assert fetch_all([wanted("b"), wanted("a")]) == [folder / "d" / "b", folder / "d" / "a"]


def test_all_that_are_missing_are_named_and_the_network_is_asked_once(folder):
    (folder / "d").mkdir()
    (folder / "d" / "there").write_bytes(b"one")
    with pytest.raises(ConnectionError) as caught:
        fetch_all([wanted("a"), wanted("there"), wanted("b")])
    message = str(caught.value)
    assert str(folder / "d" / "a") in message and str(folder / "d" / "b") in message
    assert str(folder / "d" / "there") not in message
    assert message.count(NOWHERE) == 1
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["there"]


def test_a_spoilt_file_is_refused(folder):
    (folder / "d").mkdir()
    (folder / "d" / "a").write_bytes(b"two")
    with pytest.raises(ValueError, match="Delete it and try again"):
        fetch_all([wanted("b"), wanted("a")])


@pytest.fixture
def offline(folder, monkeypatch):
    monkeypatch.setattr(mnist, "URLS", [NOWHERE])
    monkeypatch.setattr(shapes, "URL", NOWHERE)
    return folder


def test_data_sets_name_all_their_missing_files(offline):
    with pytest.raises(ConnectionError) as caught:
        mnist.require()
    assert all(
        str(offline / "mnist" / f"{name}-ubyte.gz") in str(caught.value) for name in mnist.FILES
    )
    with pytest.raises(ConnectionError) as caught:
        shapes.require(["val"])
    named = [
        name for name in shapes.FILES if str(offline / "shapes-vqa" / name) in str(caught.value)
    ]
    assert named == [name for name in shapes.FILES if name.startswith("val")]
    with pytest.raises(ValueError, match="split must be one of"):
        shapes.require(["all"])


def test_the_real_files_are_found_without_a_word(real_data, capsys):
    if not all((real_data / name).is_dir() for name in ("mnist", "shapes-vqa")):
        pytest.skip("the cache has no MNIST or no SHAPES")
    mnist.require()
    shapes.require()
    assert capsys.readouterr() == ("", "")
