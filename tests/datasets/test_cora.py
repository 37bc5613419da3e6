"""Cora is Cora, or it is refused; no pickle is loaded; offline it is said what to put where."""

import pickle

import numpy as onp
import pytest

from d2l_attention.datasets import cora


def small():
    """Three papers with words, in Cora's form."""
    return {
        "feat_indices": onp.array([5, 1, 0, 7], "int32"),
        "feat_indptr": onp.array([0, 2, 3, 4], "int32"),
        "labels": onp.array([0, 1, 1]),
        "edges": onp.array([[0, 2]], "int32"),
        "train_idx": onp.array([0]),
        "val_idx": onp.array([1]),
        "test_idx": onp.array([2]),
    }


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(tmp_path))
    (tmp_path / "planetoid").mkdir()
    return tmp_path / "planetoid" / "cora_planetoid.npz"


@pytest.fixture
def own_file(path, monkeypatch):
    """The small graph in the place of Cora."""
    monkeypatch.setattr(cora, "SHA256", cora.checksum(small()))
    onp.savez_compressed(path, **small())
    return path


def test_the_arrays_become_a_graph(own_file):
    graph = cora.load()
    assert graph.features.shape == (3, 1433)
    assert graph.features[0, [1, 5]].tolist() == [0.5, 0.5] and graph.features[2, 7] == 1
    assert graph.features.sum(axis=1).tolist() == [1, 1, 1]
    assert graph.receiver.tolist() == [0, 0, 1, 2, 2] and graph.sender.tolist() == [0, 2, 1, 0, 2]
    assert {name: nodes.tolist() for name, nodes in graph.nodes.items()} == {
        "train": [0],
        "validation": [1],
        "test": [2],
    }


def test_the_order_of_words_and_of_pairs_does_not_count(own_file):
    other = small() | {"feat_indices": onp.array([1, 5, 0, 7]), "edges": onp.array([[2, 0]])}
    onp.savez(own_file, **other)
    assert cora.load().features[0, [1, 5]].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    "other",
    [
        {"feat_indices": onp.array([5, 1, 0, 8], "int32")},
        {"feat_indptr": onp.array([0, 1, 3, 4], "int32")},
        {"labels": onp.array([0, 1, 0])},
        {"edges": onp.array([[0, 1]], "int32")},
        {"edges": onp.array([0, 2], "int32")},
        {"test_idx": onp.array([1])},
    ],
)
def test_changed_arrays_are_refused(own_file, other):
    onp.savez_compressed(own_file, **(small() | other))
    with pytest.raises(ValueError, match=r"does not hold Cora's arrays\. Delete it and try again"):
        cora.load()


def test_numbers_that_are_no_integers_are_refused(own_file):
    onp.savez_compressed(own_file, **(small() | {"labels": onp.array([0.0, 1.0, 1.0])}))
    with pytest.raises(ValueError, match="must hold integers"):
        cora.load()


class Harmful:
    """Whoever loads its pickle calls a function."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


@pytest.mark.parametrize("where", ["file", "array"])
def test_a_pickle_is_never_loaded(own_file, where):
    if where == "file":
        own_file.write_bytes(pickle.dumps(Harmful()))
    else:
        labels = onp.array([Harmful(), 1, 1], dtype=object)
        onp.savez(own_file, allow_pickle=True, **(small() | {"labels": labels}))
    with pytest.raises(ValueError, match="not an archive of plain arrays"):
        cora.load()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: b"PK" + content,
    ],
    ids=["truncated", "empty", "shifted"],
)
def test_a_damaged_file_is_refused(own_file, damage):
    own_file.write_bytes(damage(own_file.read_bytes()))
    with pytest.raises(ValueError, match=str(own_file)):
        cora.load()


def test_changed_bytes_are_refused_or_change_nothing(own_file):
    whole, refused = own_file.read_bytes(), 0
    expected = cora.load()
    for place in range(0, len(whole), 3):
        changed = bytearray(whole)
        changed[place] ^= 1 + place % 255
        own_file.write_bytes(changed)
        try:
            found = cora.load()
        except ValueError:
            refused += 1
        else:
            assert (found.features == expected.features).all()
            assert (found.sender == expected.sender).all()
            assert (found.labels == expected.labels).all()
    assert refused > len(whole) // 6


def test_a_single_array_and_a_missing_one_are_refused(own_file):
    rest = small()
    del rest["edges"]
    onp.savez(own_file, **rest)
    with pytest.raises(ValueError, match="edges"):
        cora.load()
    with own_file.open("wb") as file:
        onp.save(file, onp.zeros(3))
    with pytest.raises(ValueError, match="not an archive of plain arrays"):
        cora.load()


def test_a_large_file_is_not_read(own_file, monkeypatch):
    monkeypatch.setattr(cora, "BYTES", 100)
    with pytest.raises(ValueError, match="larger than 100 bytes"):
        cora.load()


def test_offline_it_is_said_what_to_put_where(path):
    for ask in (cora.load, cora.require):
        with pytest.raises(ConnectionError) as caught:
            ask()
        assert str(path) in str(caught.value) and "pickles" in str(caught.value)


def test_the_real_file(real_data):
    if not (real_data / "planetoid" / "cora_planetoid.npz").is_file():
        pytest.skip("the cache has no Cora")
    graph = cora.load()
    assert graph.features.shape == (2708, 1433) and (graph.features > 0).sum() == 49216
    assert len(graph.sender) == 2 * 5278 + 2708
    sizes = {name: len(nodes) for name, nodes in graph.nodes.items()}
    assert sizes == {"train": 140, "validation": 500, "test": 1000}
    assert onp.bincount(graph.labels[graph.nodes["train"]]).tolist() == [20] * 7
    fields = dict(zip(cora.FIELDS, onp.bincount(graph.labels).tolist(), strict=True))
    assert fields["neural networks"] == 818 and fields["rule learning"] == 180
