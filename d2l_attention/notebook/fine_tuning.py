"""Four kinds of task for one pre-trained network: what its new layer reads, and how its answers are scored."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as onp

from d2l_attention import seed_everything
from d2l_attention.backend.checks import check_integer, check_positive, check_sizes
from d2l_attention.datasets import labelled_texts, spans
from d2l_attention.datasets.batches import batches
from d2l_attention.datasets.labelled_texts import NO_TAG
from d2l_attention.datasets.wordpiece import WordPiece
from d2l_attention.models.bert import Bert
from d2l_attention.models.bert_fine_tuning import (
    QuestionAnswering,
    SequenceClassifier,
    TokenClassifier,
)
from d2l_attention.notebook import answers
from d2l_attention.notebook.entities import entities, entity_f1
from d2l_attention.training import fit, predict

from mxnet import init, lr_scheduler, optimizer

TESTED_AT_ONCE = 64
SHORTEST = 3  # [CLS], a piece, [SEP]
SHORTEST_ASKED = 6  # [CLS], a piece, [SEP], two pieces, so that windows overlap, [SEP]


@dataclass(frozen=True)
class Classify:
    """A label for each text, or each pair of texts.

    Attributes
    ----------
    vocabulary : WordPiece
    longest : int
        Places of an input, at least 3: [CLS] and [SEP] are two of them.
    shorten : bool
        Whether longer ones are cut; else they are an error.

    Raises
    ------
    TypeError, ValueError
        `longest` is not an integer, or too small.
    """

    vocabulary: WordPiece
    longest: int
    shorten: bool = False

    def __post_init__(self):
        check_integer("longest", self.longest, SHORTEST)

    def head(self, bert: Bert) -> SequenceClassifier:
        """BERT and the task's layer, which is not initialised."""
        return SequenceClassifier(bert, 2)

    def arrays(self, examples: Sequence) -> tuple[tuple, onp.ndarray]:
        """Inputs and labels."""
        options = {"longest": self.longest, "shorten": self.shorten}
        return labelled_texts.sequences(examples, self.vocabulary, **options)

    def scored(self, network, examples: Sequence, *, device=None) -> dict[str, float]:
        """{"accuracy"}: the share of labels that is right."""
        inputs, labels = self.arrays(examples)
        logits, _ = predict(network, batches(inputs, None, TESTED_AT_ONCE), device=device)
        return {"accuracy": float((logits.argmax(axis=-1) == labels).mean())}


@dataclass(frozen=True)
class Tag:
    """A tag for each word of a sentence; attributes as for `Classify`.

    Attributes
    ----------
    tags : tuple of str
        All tags there are, by number: "O", and "B-" and "I-" with kinds of entities.

    Raises
    ------
    TypeError, ValueError
        `tags` is no tuple or list of strings, lacks "O" or has a tag twice or of another form; or
        `longest` is not what it should be.
    """

    vocabulary: WordPiece
    tags: tuple[str, ...]
    longest: int
    shorten: bool = False

    def __post_init__(self):
        check_integer("longest", self.longest, SHORTEST)
        tags = self.tags
        if not isinstance(tags, tuple | list) or not all(isinstance(tag, str) for tag in tags):
            raise TypeError(f"tags must be a tuple of strings, got {tags!r}")
        if "O" not in tags or len(set(tags)) < len(tags):
            raise ValueError(f"tags must hold O, and each tag once, got {tags!r}")
        entities(tags)  # which says what a tag must be

    def head(self, bert: Bert) -> TokenClassifier:
        """BERT and the task's layer, which is not initialised."""
        return TokenClassifier(bert, len(self.tags))

    def arrays(self, examples: Sequence) -> tuple[tuple, onp.ndarray]:
        """Inputs, and the tags of first pieces."""
        options = {"longest": self.longest, "shorten": self.shorten}
        return labelled_texts.tagged(examples, self.vocabulary, self.tags, **options)

    def found(self, network, examples: Sequence, *, device=None) -> list[list[str]]:
        """The tags of each sentence's words; a word that was cut off is none."""
        inputs, target = self.arrays(examples)
        logits, _ = predict(network, batches(inputs, None, TESTED_AT_ONCE), device=device)
        best = logits.argmax(axis=-1)
        rows = [
            [self.tags[k] for k in row[asked]]
            for row, asked in zip(best, target != NO_TAG, strict=True)
        ]
        lengths = [len(words) for words, _ in examples]
        return [
            row + ["O"] * (length - len(row)) for row, length in zip(rows, lengths, strict=True)
        ]

    def scored(self, network, examples: Sequence, *, device=None) -> dict[str, float]:
        """{"f1"} of whole entities: kind, first and last word must be right."""
        found = self.found(network, examples, device=device)
        return {"f1": entity_f1(found, [tags for _, tags in examples])}


@dataclass(frozen=True)
class Ask:
    """An answer for each question, from its text; `vocabulary` as for `Classify`.

    Attributes
    ----------
    longest : int
        Places of an input, at least 6: [CLS], a question, [SEP], two pieces of its text, [SEP].
    stride : int
        From the start of one window of a text to that of the next one, in pieces; windows overlap, so
        it is smaller than the room that a question leaves for the text.
    longest_answer : int
        Most pieces of an answer that is found.

    Raises
    ------
    TypeError, ValueError
        A number is not an integer, or too small; or `stride` leaves no overlap, however short the
        question.
    """

    vocabulary: WordPiece
    longest: int
    stride: int = 64
    longest_answer: int = 30

    def __post_init__(self):
        check_integer("longest", self.longest, SHORTEST_ASKED)
        check_integer("stride", self.stride, 1, self.longest - 4)  # below the room beside one piece
        check_sizes(longest_answer=self.longest_answer)

    def head(self, bert: Bert) -> QuestionAnswering:
        """BERT and the task's layer, which is not initialised."""
        return QuestionAnswering(bert)

    def windows(self, examples: Sequence) -> list[spans.Window]:
        """The inputs, before they are arrays."""
        options = {"longest": self.longest, "stride": self.stride}
        return spans.windows(examples, self.vocabulary, **options)

    def arrays(self, examples: Sequence) -> tuple[tuple, onp.ndarray]:
        """Inputs that hold their answer, and its first and last places.

        A question may have several inputs, or none: if its answer is longer than windows overlap, it
        may stand whole in none of them, and the question is left out.

        Raises
        ------
        ValueError
            No question is left.
        """
        whole = [window for window in self.windows(examples) if window.target]
        if not whole:
            raise ValueError(
                "examples must hold a question whose answer stands whole in a window of"
                f" {self.longest} places; of {len(examples)} none does"
            )
        return spans.arrays(whole, longest=self.longest)

    def found(self, network, examples: Sequence, *, device=None) -> list[str]:
        """The answer to each question, as it stands in the text."""
        inputs = self.windows(examples)
        data, _ = spans.arrays(inputs, longest=self.longest)
        scores, *_ = predict(network, batches(data, None, TESTED_AT_ONCE), device=device)
        return answers.read_off(examples, inputs, scores, longest=self.longest_answer)

    def scored(self, network, examples: Sequence, *, device=None) -> dict[str, float]:
        """{"em", "f1"} by SQuAD's rule."""
        return answers.scored(self.found(network, examples, device=device), examples)


def fine_tune(task, bert: Bert, examples: Sequence, *, steps: int, batch: int, rate: float,
              seed: int, frozen: bool = False, device=None, description: str = "fine-tuning",
              progress: bool = True):  # fmt: skip
    """Return a task's network, whose BERT is trained further with a new layer.

    Adam, with a rate that rises for a tenth of the steps and then falls, to zero behind the last
    one, as in the paper (appendix A.3); there is no weight decay.

    Parameters
    ----------
    task : Classify, Tag or Ask
    bert : Bert
        Initialised; it becomes a part of the network.
    examples : sequence
        With labels, as the task takes them.
    steps, batch, rate : int, int, float
        Steps of training, inputs a step, largest learning rate. The last step of an epoch has the
        inputs that are left, and the last epoch ends after the last step.
    seed : int
        Of the new layer and of the order of examples.
    frozen : bool
        Whether BERT stays as it is, and the new layer alone is trained.
    description, progress : str, bool
        What the line of progress says, and whether there is one.

    Raises
    ------
    TypeError, ValueError
        A number is not what it should be, or the task refuses the examples.
    """
    steps = check_integer("steps", steps, 1)
    check_sizes(batch=batch)
    check_positive(rate=rate)
    seed_everything(seed)
    network = task.head(bert)
    network.W.initialize(init.Normal(0.02), ctx=device)
    bert.collect_params().setattr("grad_req", "null" if frozen else "write")
    inputs, target = task.arrays(examples)
    data = batches(inputs, target, batch, shuffle=True, seed=seed)
    of_epoch = -(-len(target) // batch)  # steps
    options = {"epochs": -(-steps // of_epoch), "clip_norm": 1.0, "device": device}
    options |= {"description": description, "progress": progress}
    fit(network, _cut(data, steps, of_epoch), _adam(rate, steps), **options)
    return network


def _adam(rate: float, steps: int) -> optimizer.Adam:
    """Adam, whose rate is zero if there is a step after these."""
    lines = {"base_lr": rate, "pwr": 1, "final_lr": 0, "warmup_steps": max(1, steps // 10)}
    return optimizer.Adam(rate, lr_scheduler=lr_scheduler.PolyScheduler(steps + 1, **lines))


def _cut(data: Callable, steps: int, of_epoch: int) -> Callable[[int], Iterator[tuple]]:
    """The batches of epochs, of the last one only those that are left of so many steps."""
    return lambda epoch: itertools.islice(data(epoch), steps - epoch * of_epoch)
