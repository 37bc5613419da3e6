"""Four tasks on little reports with few labels: how each is fine-tuned, and what is recorded of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from d2l_attention.backend.checks import check_choice
from d2l_attention.datasets import reports
from d2l_attention.datasets.minilm import Published
from d2l_attention.datasets.wordpiece import WordPiece
from d2l_attention.notebook import answers, pretrained
from d2l_attention.notebook.fine_tuning import Ask, Classify, Tag, fine_tune

BATCH = 16
LONGEST_ANSWER = 3
LONGER = 8
ALONE = {"frozen": True, "steps": 300, "rate": 0.03}  # a layer alone needs more of both
VARIANTS = ("", "new layer alone", "large rate", "eight times the steps")
LARGE_RATE = 0.03


@dataclass(frozen=True)
class LittleTask:
    """A task on little reports.

    Attributes
    ----------
    task : Classify, Tag or Ask
    make : callable
        (count, seed=) -> examples with labels.
    labels : tuple of int
        How many are labelled: few, and more.
    steps, rate : int, float
        Of fine-tuning.
    """

    task: Classify | Tag | Ask
    make: Callable
    labels: tuple[int, int]
    steps: int
    rate: float


def little_tasks(vocabulary: WordPiece) -> dict[str, LittleTask]:
    """Return the four: a text's label, a pair's, names, and answers."""
    ask = Ask(vocabulary, 28, stride=8, longest_answer=LONGEST_ANSWER)
    return {
        "text": LittleTask(Classify(vocabulary, 24), reports.about_nature, (8, 32), 40, 0.002),
        "pair": LittleTask(Classify(vocabulary, 44), reports.same_sense, (16, 64), 60, 0.002),
        "names": LittleTask(
            Tag(vocabulary, reports.TAGS, 18), reports.entities, (8, 32), 50, 0.003
        ),
        "answers": LittleTask(ask, reports.questions, (16, 64), 50, 0.003),
    }


def key_of(name: str, trained: bool, labels: int, seed: int, variant: str = "") -> str:
    """What the record calls a run.

    >>> key_of("pair", True, 64, 2), key_of("pair", True, 64, 2, "large rate")
    ('pair, pretrained, 64, seed 2', 'pair, pretrained, 64, large rate, seed 2')
    """
    start = "pretrained" if trained else "scratch"
    return ", ".join(part for part in (name, start, str(labels), variant, f"seed {seed}") if part)


def tuned(little: LittleTask, published: Published, *, trained: bool, labels: int, seed: int,
          variant: str = "", device=None, progress: bool = False):  # fmt: skip
    """Return a network that was fine-tuned with some labels; each seed draws its own.

    Parameters
    ----------
    trained : bool
        Whether it starts from the published weights, or from random ones.
    variant : str
        One of `VARIANTS`: as it is, the new layer alone with more steps and a larger rate, all with a
        rate that is too large, or for longer.
    """
    check_choice(VARIANTS, variant=variant)
    options = {"steps": little.steps, "rate": little.rate}
    if variant == "new layer alone":
        options = ALONE
    elif variant == "large rate":
        options["rate"] = LARGE_RATE
    elif variant:
        options["steps"] *= LONGER
    bert = pretrained.encoder(published, trained=trained, seed=seed, device=device)
    examples = little.make(labels, seed=100 + seed)
    more = {"batch": BATCH, "seed": seed, "device": device, "progress": progress}
    return fine_tune(little.task, bert, examples, description="fine-tuning", **options, **more)


def scores(
    little: LittleTask, network, tested: Sequence, learned: Sequence, *, device=None
) -> dict:
    """Return the task's scores on new examples, and "learned", that on those it was trained on.

    Of answers also the share that is exactly right, for each kind of question.
    """
    found = little.task.scored(network, tested, device=device)
    learned = score_of(little.task.scored(network, learned, device=device))
    return found | {"learned": learned} | _by_kind(little.task, network, tested, device)


def score_of(record: dict) -> float:
    """Accuracy, or F1."""
    return record["accuracy"] if "accuracy" in record else record["f1"]


def _by_kind(task, network, tested, device) -> dict[str, float]:
    if not isinstance(task, Ask):
        return {}
    found, kinds = task.found(network, tested, device=device), {}
    for answer, question in zip(found, tested, strict=True):
        (kind,) = set(reports.QUESTIONS) & set(question.question.split())
        right = answers.exact_match(answer, [each.text for each in question.answers])
        kinds.setdefault(kind, []).append(right)
    return {kind: sum(rights) / len(rights) for kind, rights in sorted(kinds.items())}
