"""Fine-tuning from published files: what is trained, what stays, and what is said if files are missing."""

import numpy as onp
import pytest

from d2l_attention import checkpoints
from d2l_attention.datasets import masked_words, reports
from d2l_attention.datasets.wordpiece import WordPiece
from d2l_attention.models.bert import Bert, BertPretraining
from d2l_attention.notebook import pretrained
from d2l_attention.notebook.fine_tuning import Ask, Classify, Tag, fine_tune
from d2l_attention.training import predict

PUBLISHED = pretrained.of_reports()
VOCABULARY = WordPiece.read(PUBLISHED.vocabulary)
TASKS = {
    "pair": (Classify(VOCABULARY, 44), reports.same_sense, {"accuracy"}),
    "names": (Tag(VOCABULARY, reports.TAGS, 18), reports.entities, {"f1"}),
    "answers": (Ask(VOCABULARY, 28, stride=8, longest_answer=3), reports.questions, {"em", "f1"}),
}
every_task = pytest.mark.parametrize("name", TASKS)
FEW = {"batch": 8, "rate": 0.002, "seed": 0, "progress": False}


def weights(block) -> dict[str, onp.ndarray]:
    return {name: p.data().asnumpy() for name, p in block.collect_params().items()}


@every_task
@pytest.mark.parametrize("frozen", [False, True])
def test_what_is_trained(name, frozen):
    task, make, scores = TASKS[name]
    bert = pretrained.encoder(PUBLISHED)
    before = weights(bert)
    network = fine_tune(task, bert, make(8, seed=0), steps=2, frozen=frozen, **FEW)
    after = weights(network.bert)
    assert after.keys() <= before.keys()
    moved = [key for key in after if not onp.array_equal(after[key], before[key])]
    assert moved == [] if frozen else len(moved) > 0.8 * len(after)
    found = task.scored(network, make(10, seed=1))
    assert found.keys() == scores and all(0 <= value <= 1 for value in found.values())


@every_task
def test_it_repeats(name):
    task, make, _ = TASKS[name]
    twice = [
        weights(fine_tune(task, pretrained.encoder(PUBLISHED), make(8, seed=0), steps=2, **FEW).W)
        for _ in range(2)
    ]
    for first, second in zip(*(found.values() for found in twice), strict=True):
        onp.testing.assert_array_equal(first, second)


def test_the_published_network_guesses_words_and_a_random_one_does_not():
    documents = masked_words.encode(reports.generate(40, seed=9), VOCABULARY)
    asked = list(masked_words.batches(documents, VOCABULARY, 64, longest=48, seed=0)(0))
    right = onp.concatenate([words for _, (words, _) in asked])
    for trained, low, high in ((True, 0.6, 1.0), (False, 0.0, 0.2)):
        words, *_ = predict(pretrained.network(PUBLISHED, trained=trained), asked)
        share = (words.argmax(axis=-1) == right)[right > 0].mean()
        assert low <= share <= high


def test_files_with_and_without_heads(tmp_path):
    network = pretrained.network(PUBLISHED)
    assert isinstance(network, BertPretraining)
    checkpoints.save(network.bert, tmp_path / "model.safetensors")
    other = type(PUBLISHED)(
        PUBLISHED.configuration, tmp_path / "model.safetensors", PUBLISHED.vocabulary
    )
    for found in (pretrained.network(other), pretrained.encoder(other)):
        assert isinstance(found, Bert)
        for ours, theirs in zip(
            weights(found).values(), weights(network.bert).values(), strict=True
        ):
            onp.testing.assert_array_equal(ours, theirs)


def test_files_are_small_and_written_as_they_are_read(tmp_path):
    assert PUBLISHED.weights.stat().st_size < 600_000
    pretrained.write(tmp_path / "new", "reports", pretrained.network(PUBLISHED), VOCABULARY)
    for file in pretrained.FOLDER.iterdir():
        assert (tmp_path / "new" / file.name).read_bytes() == file.read_bytes(), file.name


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("D2L_ATTENTION_RUNS", str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match=r"lacks wikitext-2.*First run `make results NAME=bert`"
    ):
        pretrained.of_wikitext()
    (tmp_path / "bert").mkdir()
    for file in pretrained.FOLDER.iterdir():
        name = file.name.replace("reports", "wikitext-2")
        (tmp_path / "bert" / name).write_bytes(file.read_bytes())
    assert pretrained.of_wikitext().configuration == PUBLISHED.configuration


def test_wrong_arguments_are_refused():
    task, make, _ = TASKS["pair"]
    for options, message in (
        ({"steps": 0}, "steps must be at least 1"),
        ({"steps": 1, "batch": 0}, "batch"),
    ):
        with pytest.raises(ValueError, match=message):
            fine_tune(task, pretrained.encoder(PUBLISHED), make(2, seed=0), **FEW | options)
    with pytest.raises(ValueError, match="at most 12 pieces"):
        fine_tune(
            Classify(VOCABULARY, 12), pretrained.encoder(PUBLISHED), make(2, seed=0), steps=1, **FEW
        )
