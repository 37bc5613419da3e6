"""SST-2, RTE, WNUT-17 and SQuAD are read exactly, or refused."""

import json

import pytest

from d2l_attention.datasets import glue, squad, wnut17

READERS = {"glue": glue, "wnut17": wnut17, "squad": squad}


def there(real_data, *folders):
    for folder in folders:
        if not (real_data / folder).is_dir():
            pytest.skip(f"the folder with real data has no {folder}")


def test_sst2(real_data):
    there(real_data, "sst")
    glue.require("sst2", progress=False)
    train, test = (glue.load("sst2", split, progress=False) for split in ("train", "test"))
    assert (len(train), len(test)) == (67_349, 872)
    assert test[0] == ("it 's a charming and often affecting journey .", None, 1)
    assert sum(example.label for example in test) == 444


def test_rte(real_data):
    there(real_data, "rte")
    glue.require("rte", progress=False)
    train, test = (glue.load("rte", split, progress=False) for split in ("train", "test"))
    assert (len(train), len(test)) == (2490, 277)
    assert train[1].second == "Pope Benedict XVI is the new leader of the Roman Catholic Church."
    assert train[1].label == 1 and train[0].label == 0 and sum(e.label for e in test) == 146


def test_wnut17(real_data):
    there(real_data, "wnut17")
    wnut17.require(progress=False)
    splits = {split: wnut17.load(split, progress=False) for split in wnut17.FILES}
    assert {name: len(found) for name, found in splits.items()} == {
        "train": 3394, "validation": 1009, "test": 1287}  # fmt: skip
    words, tags = splits["train"][0]
    assert words[14:17] == ("Empire", "State", "Building")
    assert tags[14:17] == ("B-location", "I-location", "I-location")
    counts = [sum(tag[0] == "B" for s in splits[name] for tag in s.tags) for name in splits]
    assert counts == [1975, 836, 1079]  # as the task's paper, table 2 of the test set


def test_squad(real_data):
    there(real_data, "squad")
    squad.require(progress=False)
    train, test = (squad.load(split, progress=False) for split in ("train", "test"))
    assert len(train) + len(test) == 10_570
    assert f"{len(train):,}" in squad.__doc__ and round(87_599 / len(train)) == 10  # "ten times"
    articles = [{question.article for question in part} for part in (train, test)]
    assert [len(titles) for titles in articles] == [36, 12] and not articles[0] & articles[1]
    assert not {q.text for q in train} & {q.text for q in test}
    question = next(
        q for q in train + test if q.question.startswith("Which NFL team represented the AFC")
    )
    assert question.answers[0] == (177, "Denver Broncos")


@pytest.mark.parametrize("name", READERS)
def test_another_file_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(tmp_path))
    places = {
        "glue": "rte/train.tsv",
        "wnut17": "wnut17/wnut17train.conll",
        "squad": "squad/dev-v1.1.json",
    }
    path = tmp_path / places[name]
    path.parent.mkdir()
    path.write_text("another file")
    load = {"glue": lambda: glue.load("rte", "train", progress=False)}
    load = load.get(name, lambda: READERS[name].load("train", progress=False))
    with pytest.raises(ValueError, match="is not the file that the book uses"):
        load()


def test_wrong_choices_are_refused():
    for call, message in (
        (lambda: glue.load("mnli", "train"), "task must be one of sst2, rte"),
        (lambda: glue.load("rte", "dev"), "split must be one of train, test"),
        (lambda: wnut17.load("dev"), "split must be one of train, validation, test"),
        (lambda: squad.load("dev"), "split must be one of train, test"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_lines_of_another_form_are_refused(tmp_path):
    path = tmp_path / "file"
    for text, read, message in (
        (
            "sentence\tlabel\nfine\t2\n",
            lambda: glue.read(path, ("0", "1")),
            "line 2, must have sentence",
        ),
        ("sentence\tlabel\n\t1\n", lambda: glue.read(path, ("0", "1")), "line 2"),
        ("sentence\tlabel\na\t1\nb\n", lambda: glue.read(path, ("0", "1")), "line 3"),
        ("York B-location\n", lambda: wnut17.read(path), "line 1, must be a word and its tag"),
        ("York\tB-town\n", lambda: wnut17.read(path), "line 1"),
        ("not json", lambda: squad.read(path), "SQuAD's form"),
        (json.dumps({"data": [{"title": "t"}]}), lambda: squad.read(path), "SQuAD's form"),
    ):
        path.write_text(text, "utf-8")
        with pytest.raises(ValueError, match=message):
            read()
    asked = {"question": "q", "answers": [{"answer_start": 1, "text": "York"}]}
    data = {"data": [{"title": "t", "paragraphs": [{"context": "York", "qas": [asked]}]}]}
    path.write_text(json.dumps(data), "utf-8")
    with pytest.raises(ValueError, match="'York' must stand at 1"):
        squad.read(path)


def test_sentences_end_at_lines_without_a_word(tmp_path):
    path = tmp_path / "file"
    path.write_text("York\tB-location\n\t\nis\tO\nold\tO\n\n", "utf-8")
    assert [s.words for s in wnut17.read(path)] == [("York",), ("is", "old")]
