"""Fine-tuning from published files: what is trained, what stays, and what is said if files are missing."""

import numpy as onp
import pytest

from d2l_attention import checkpoints
from d2l_attention.datasets import masked_words, reports
from d2l_attention.datasets.batches import batches
from d2l_attention.datasets.spans import Answer, Question
from d2l_attention.datasets.wordpiece import WordPiece
from d2l_attention.models.bert import Bert, BertPretraining
from d2l_attention.notebook import fine_tuning, pretrained
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


@pytest.mark.parametrize(
    ("steps", "epochs"), [(1, 1), (2, 1), (3, 1), (4, 2), (7, 3), (onp.int64(9), 3)]
)
def test_there_are_exactly_so_many_steps(steps, epochs, monkeypatch, capsys):
    """Twenty examples, eight a step: three steps an epoch, the last one of four examples."""
    given, trained, fine_tuning_fit = [], [], fine_tuning.fit

    def fit(network, data, adam, **options):
        for epoch in range(options["epochs"]):
            given.append(list(data(epoch)))
        trained.append((adam, fine_tuning_fit(network, data, adam, **options)))

    monkeypatch.setattr(fine_tuning, "fit", fit)
    (task, make, _), options = TASKS["names"], FEW | {"progress": True}
    examples = make(20, seed=0)
    fine_tune(task, pretrained.encoder(PUBLISHED), examples, steps=steps, **options)
    ((adam, history),) = trained
    assert adam.num_update == steps == sum(map(len, given)) and len(given) == epochs
    assert len(history["loss"]) == epochs
    assert f"{epochs}/{epochs} epochs" in capsys.readouterr().out
    whole = batches(*task.arrays(examples), 8, shuffle=True, seed=0)
    found = [batch for of_epoch in given for batch in of_epoch]
    expected = [batch for epoch in range(epochs) for batch in whole(epoch)][:steps]
    for (inputs, target), (same, right) in zip(found, expected, strict=True):
        onp.testing.assert_array_equal(target, right)
        onp.testing.assert_array_equal(inputs[0], same[0])


@pytest.mark.parametrize("steps", [1, 2, 10, 25])
def test_the_rate_rises_for_a_tenth_and_is_zero_behind_the_last_step(steps):
    schedule = fine_tuning._adam(0.002, steps).lr_scheduler  # noqa: SLF001 - it has no other trace
    rates = [schedule(step) for step in range(1, steps + 2)]
    highest = max(1, steps // 10)
    assert max(rates) == rates[highest - 1] == pytest.approx(0.002)
    assert min(rates[:-1]) > 0 == rates[-1]
    falls = onp.diff(rates[highest - 1 :])
    onp.testing.assert_allclose(falls, -0.002 / (steps + 1 - highest), rtol=1e-6)


def test_the_published_network_guesses_words_and_a_random_one_does_not():
    documents = masked_words.encode(reports.generate(40, seed=9), VOCABULARY)
    asked = list(masked_words.batches(documents, VOCABULARY, 64, longest=48, seed=0)(0))
    right = onp.concatenate([words for _, (words, _) in asked])
    for trained, low, high in ((True, 0.6, 1.0), (False, 0.0, 0.2)):
        words, *_ = predict(pretrained.network(PUBLISHED, trained=trained), asked)
        share = (words.argmax(axis=-1) == right)[right > 0].mean()
        assert low <= share <= high


def test_random_weights_are_as_wide_as_those_that_were_pretrained():
    """Layers as the file says; vectors of words, segments and places as the paper's."""
    found = pretrained.network(PUBLISHED, trained=False, seed=3)
    widths = {name: x.std() for name, x in weights(found).items() if x.std() > 0}
    narrow = [name for name in widths if "embedding" in name or name.endswith("table")]
    assert len(narrow) == 3
    for name, width in widths.items():
        expected = 0.02 if name in narrow else pretrained.DEVIATION
        assert width == pytest.approx(expected, rel=0.2), name


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
        *(
            ({"steps": 1, "rate": rate}, "rate must be a positive number")
            for rate in (0, -0.1, onp.inf, onp.nan, "fast", True)
        ),
    ):
        with pytest.raises(ValueError, match=message):
            fine_tune(task, pretrained.encoder(PUBLISHED), make(2, seed=0), **FEW | options)
    with pytest.raises(ValueError, match="at most 12 pieces"):
        fine_tune(
            Classify(VOCABULARY, 12), pretrained.encoder(PUBLISHED), make(2, seed=0), steps=1, **FEW
        )


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Classify(VOCABULARY, 2), ValueError, "longest must be at least 3, got 2"),
        (lambda: Classify(VOCABULARY, 8.0), TypeError, "longest must be an integer"),
        (lambda: Tag(VOCABULARY, reports.TAGS, 2), ValueError, "longest must be at least 3, got 2"),
        (lambda: Tag(VOCABULARY, reports.TAGS, "8"), TypeError, "longest must be an integer"),
        (lambda: Tag(VOCABULARY, "OO", 8), TypeError, "tags must be a tuple of strings, got 'OO'"),
        (lambda: Tag(VOCABULARY, ("O", 1), 8), TypeError, "tags must be a tuple of strings"),
        (lambda: Tag(VOCABULARY, (), 8), ValueError, "tags must hold O"),
        (lambda: Tag(VOCABULARY, ("B-PER", "I-PER"), 8), ValueError, "tags must hold O"),
        (lambda: Tag(VOCABULARY, ("O", "B-PER", "B-PER"), 8), ValueError, "each tag once"),
        (lambda: Tag(VOCABULARY, ("O", "PER"), 8), ValueError, "a tag must be O, or B- or I- .* got 'PER'"),
        (lambda: Ask(VOCABULARY, 5, stride=1), ValueError, "longest must be at least 6, got 5"),
        (lambda: Ask(VOCABULARY, None), TypeError, "longest must be an integer"),
        (lambda: Ask(VOCABULARY, 48), ValueError, "stride must be from 1 to 43, got 64"),
        (lambda: Ask(VOCABULARY, 6, stride=2), ValueError, "stride must be from 1 to 1, got 2"),
        (lambda: Ask(VOCABULARY, 48, stride=0), ValueError, "stride must be from 1"),
        (lambda: Ask(VOCABULARY, 48, stride=1.5), TypeError, "stride must be an integer"),
        (lambda: Ask(VOCABULARY, 48, stride=8, longest_answer=0), ValueError, "longest_answer must be at least 1"),
        (lambda: Ask(VOCABULARY, 48, stride=8, longest_answer=1.5), TypeError, "longest_answer must be an integer"),
    ],
)  # fmt: skip
def test_tasks_that_cannot_be_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_the_smallest_tasks():
    (ids, *_), _ = Classify(VOCABULARY, 3).arrays([("fox", None, 1)])
    assert VOCABULARY.pieces(ids[0]) == ["[CLS]", "fox", "[SEP]"]
    task = Ask(VOCABULARY, 6, stride=1)
    _, target = task.arrays([Question("who", "the fox slept", (Answer(4, "fox"),))])
    assert target.tolist() == [[4, 4], [3, 3]]


def test_questions_whose_answer_fits_into_no_window():
    """Two pieces of text a window: an answer of three is in none."""
    task, text = Ask(VOCABULARY, 6, stride=1), "the fox slept"
    long, short = (Question("who", text, (Answer(0, answer),)) for answer in (text, "the fox"))
    _, target = task.arrays([long, short, long])
    assert target.tolist() == [[3, 4]]
    with pytest.raises(ValueError, match=r"in a window of 6 places; of 2 none does"):
        task.arrays([long, long])
