"""Of each live figure 100 inputs, and what MXNet makes of them with the weights that the page has."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as onp

from d2l_attention import attention, bandwidth
from d2l_attention.datasets import babi, graphs, menus, pointing, reports, scenes, waters
from d2l_attention.datasets.copying import repeat_copy
from d2l_attention.datasets.point_sets import uniform
from d2l_attention.datasets.translation import END, arrays
from d2l_attention.figures import (
    bert,
    bert_fine_tuning,
    gpt,
    graph_attention,
    memory_networks,
    multi_head_attention,
    neural_turing_machine,
    page,
    pointer_networks,
    segmentation,
    seq2seq,
    stacked_attention,
    transformer,
)
from d2l_attention.models.bert_fine_tuning import best_span
from d2l_attention.models.kernel_regression import KernelRegression
from d2l_attention.sampling import probabilities
from d2l_attention.training import predict
from tests.figures import kernel_regression_numbers

from mxnet import np


@dataclass(frozen=True)
class Case:
    """How a figure is tested.

    Attributes
    ----------
    arguments : callable
        The arguments of `figure`.
    states : callable
        100 states, as the page's `compute` takes them.
    answers : callable
        states -> for each a dict of what MXNet finds, arrays or numbers, by the page's names; None
        where there is nothing to compare.
    """

    arguments: Callable[[], dict]
    states: Callable[[], list[dict]]
    answers: Callable[[list[dict]], list[dict]]


# ------------------------------------------------------------------------------ kernel regression
def kernel_arguments() -> dict:
    x, y = kernel_regression_numbers.points()
    return {"x": x, "y": y, "query": 2, "bandwidth": 0.5}


def kernel_states() -> list[dict]:
    random = onp.random.RandomState(0)
    return [
        {
            "query": random.uniform(-0.3, 5.3),
            "bandwidth": float(onp.exp(random.uniform(onp.log(0.1), onp.log(5)))),
            "kernel": kernel_regression_numbers.KERNELS[number % 4],
        }
        for number in range(100)
    ]


def kernel_answers(states: list[dict]) -> list[dict]:
    x, y = (values[:, None] for values in kernel_regression_numbers.points())
    found = []
    for state in states:
        score = getattr(attention, f"{state['kernel'].capitalize()}Score")
        model = KernelRegression(score(state["bandwidth"]))
        estimate, weights = bandwidth.estimate(model, onp.array([[state["query"]]]), x, y)
        left_out, others = bandwidth.leave_one_out(model, x, y)
        alone = (others.sum(axis=-1) == 0).any()
        found.append(
            {
                "alpha": weights[0],
                "estimate": estimate[0, 0] if weights.any() else None,
                "error": onp.inf if alone else onp.square(left_out - y).mean(),
            }
        )
    return found


# ----------------------------------------------------------------------------------- karate clubs
def club_states() -> list[dict]:
    """The club with some friendships fewer and some new ones, and without any."""
    random, found = onp.random.RandomState(0), []
    known = [[i, j] for i, friends in graphs.FRIENDS.items() for j in friends]
    for number in range(100):
        kept = [pair for pair in known if random.uniform() > number / 60]
        new = random.randint(0, 34, (number % 5, 2)).tolist()
        pairs = kept + [pair for pair in new if pair[0] != pair[1]]
        found.append({"pairs": pairs, "kind": graph_attention.KINDS[number % 2]})
    return found


def club_answers(states: list[dict]) -> list[dict]:
    models = {kind: graph_attention.network(kind) for kind in graph_attention.KINDS}
    answers = [graph_attention.answer(models[each["kind"]], each["pairs"]) for each in states]
    return [{"officers": officers, "weights": weights} for officers, weights in answers]


# --------------------------------------------------------------------------------- memory networks
def stories() -> list[babi.Question]:
    told = (babi.generate(task, 25, seed=9, longest=20) for task in memory_networks.QUESTIONS)
    return [question for questions in told for question in questions]


def story_states() -> list[dict]:
    return [{"story": list(told.story), "question": told.question} for told in stories()]


def story_answers(states: list[dict]) -> list[dict]:
    model, encoder = memory_networks.network()
    logits, weights = predict(model, encoder(stories()).in_order())
    return [
        {"answer": softmax(row), "hops": hops[:, : 1 + len(state["story"])]}
        for row, hops, state in zip(logits, weights, states, strict=True)
    ]


def softmax(logits: onp.ndarray) -> onp.ndarray:
    e = onp.exp(logits - logits.max())
    return e / e.sum()


# ------------------------------------------------------------------------------- stacked attention
def scene_states() -> list[dict]:
    size = {"grid": stacked_attention.GRID, "distractors": (0, 12)}
    drawn = scenes.generate(25, seed=9, **size)
    states = []
    for question in drawn.questions:
        things = [0] * drawn.grid**2
        for thing in drawn.things[question.picture]:
            things[thing.row * drawn.grid + thing.column] = number_of(thing.color, thing.shape)
        relation, _, named = question.text.removeprefix("what color is the shape ").partition(
            " the "
        )
        color, shape = named.split()
        states.append({"things": things, "relation": relation, "color": color, "shape": shape})
    return states


def number_of(color: str, shape: str) -> int:
    kinds = stacked_attention.KINDS
    return 1 + stacked_attention.PALETTE.index(color) * len(kinds) + kinds.index(shape)


def scene_answers(states: list[dict]) -> list[dict]:
    model, settings, features = stacked_attention.network()
    words = {word: number for number, word in enumerate(settings["words"])}
    line = onp.arange(settings["grid"]) - (settings["grid"] - 1) / 2
    places = onp.stack(onp.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    found = []
    for state in states:
        text = "what color is the shape {relation} the {color} {shape}".format(**state)
        ids = onp.array([[words[word] for word in text.split()]], "int32")
        cells = onp.concatenate([features[state["things"]], places], axis=1)[None]
        inputs = cells.astype("float32"), ids, onp.array([ids.size], "int32")
        logits, weights = predict(model, [(inputs, None)])
        found.append({"answer": softmax(logits[0]), "hops": weights[0]})
    return found


# ------------------------------------------------------------------------------------- seq2seq
def sentence_states() -> list[dict]:
    """Sentences of all lengths that can be written, for both networks."""
    pairs = seq2seq.sentences(50, words=(5, seq2seq.LONGEST), seed=9)
    return [
        {"sentence": pair.source.split(), "attention": kind}
        for pair in pairs
        for kind in seq2seq.KINDS
    ]


def sentence_answers(states: list[dict]) -> list[dict]:
    models, settings = seq2seq.network()
    english = {word: number for number, word in enumerate(settings["words"]["english"])}
    found = []
    for state in states:
        model = models[state["attention"]]
        (written,) = seq2seq.translate(model, settings["words"], [" ".join(state["sentence"])])
        symbols = [*written.symbols, END][: len(written.symbols) + written.finished]
        inputs, _ = arrays([[english[word] for word in state["sentence"]]], [symbols])
        outputs = predict(model, [(inputs, None)])  # all words at once, and not one by one
        logits, weights = outputs if model.attends else (outputs, None)
        found.append(
            {
                "symbols": symbols,
                "probabilities": [softmax(row) for row in logits[0, :-1]],
                "weights": None if weights is None else weights[0, :-1],
            }
        )
    return found


# --------------------------------------------------------------------------------- Transformer
def beam_states() -> list[dict]:
    """Sentences of all lengths that can be written, for each width of the beam."""
    pairs = seq2seq.sentences(100, words=(5, seq2seq.LONGEST), seed=9)
    return [
        {"sentence": pair.source.split(), "beam": (1, 2, 3, 5)[number % 4]}
        for number, pair in enumerate(pairs)
    ]


class Watched:
    """A model, and which hypotheses its beam continued with what, step by step."""

    def __init__(self, model):
        self.model, self.parents, self.words, self.started = model, [], [], False

    def begin_cached(self, *inputs, **options):
        self.writer = self.model.begin_cached(*inputs, **options)
        return self

    def step(self, last, rows):
        if self.started:
            self.parents.append(rows.tolist())
            self.words.append(last.asnumpy().tolist())
        self.started = True
        return self.writer.step(last, rows)


def beam_answers(states: list[dict]) -> list[dict]:
    model, settings = transformer.network()
    english = {word: number for number, word in enumerate(settings["words"]["english"])}
    found = []
    for state in states:
        watched, text = Watched(model), " ".join(state["sentence"])
        (written,) = transformer.translate(watched, settings["words"], [text], state["beam"])
        symbols = [*written.symbols, END][: len(written.symbols) + written.finished]
        inputs, _ = arrays([[english[word] for word in state["sentence"]]], [symbols])
        _, encoder, decoder, cross = predict(model, [(inputs, None)])  # all words at once
        steps = [
            weights[0, :, :, :-1].swapaxes(0, 2).swapaxes(1, 2) for weights in (decoder, cross)
        ]
        found.append(
            {
                "symbols": symbols,
                "parents": watched.parents,
                "words": watched.words,
                "encoder": encoder[0],
                "decoder": steps[0][..., :-1],
                "cross": steps[1],
            }
        )
    return found


# ------------------------------------------------------------------------------------------ BERT
def hidden_states() -> list[dict]:
    """Pairs of texts, of one document or two, with some words hidden or exchanged; any place asks."""
    random, (_, settings) = onp.random.RandomState(0), bert.network()
    ready, offered = list(settings["ready"].values()), [w for w in settings["words"] if w.isalpha()]
    states = []
    for number in range(100):
        first, second = (
            ready[i][k].split() for k, i in enumerate(random.randint(len(ready), size=2))
        )
        texts = [first, second if number % 5 else []]
        for text in texts:
            for place in onp.flatnonzero(random.rand(len(text)) < 0.2):
                text[place] = "[MASK]" if random.rand() < 0.7 else str(random.choice(offered))
        count = len(texts[0]) + 2 + (len(texts[1]) + 1 if texts[1] else 0)
        states.append({"texts": texts, "asked": int(random.randint(count))})
    return states


def hidden_answers(states: list[dict]) -> list[dict]:
    model, settings = bert.network()
    number, found = {word: n for n, word in enumerate(settings["words"])}, []
    for state in states:
        first, second = state["texts"]
        words = ["[CLS]", *first, "[SEP]", *(second and [*second, "[SEP]"])]
        segments = [0] * (len(first) + 2) + [1] * (len(words) - len(first) - 2)
        ids = [number[word] for word in words]
        logits, follows, weights = bert.answer(model, ids, segments, state["asked"])
        chances = [softmax(each.astype("float64")) for each in (logits, follows)]
        of_place = weights[:, :, state["asked"]]
        found.append({"guesses": chances[0], "other": chances[1][1], "weights": of_place})
    return found


# ------------------------------------------------------------------------------- fine-tuned BERT
def asked_states() -> list[dict]:
    """Questions about one and two persons; half of them have a word that the network does not know, an
    accent, or capital letters.
    """
    strange = ("kangaroo", "caf\u00e9", "ANNA", "x-ray", "2", "\u03b1")
    states = []
    for people in (1, 2):
        for number, each in enumerate(reports.questions(50, seed=9, sentences=people)):
            words = each.question.split()
            if number % 2:
                words[number % len(words)] = strange[number // 2 % len(strange)]
            states.append({"question": " ".join(words), "text": each.text})
    return states


def asked_answers(states: list[dict]) -> list[dict]:
    model, settings = bert_fine_tuning.network()
    pieces, found = bert_fine_tuning.vocabulary(), []
    for state in states:
        ids, first, scores, p = bert_fine_tuning.answer(model, pieces, **state)
        text = slice(first, len(ids) - 1)
        span = best_span(scores, longest=settings["longest_answer"])
        answer = {"ids": ids, "start": p[0, text], "end": p[1, text]}
        answer |= {"best": (span.first - first, span.last - first)}
        found.append(answer | {"alone": p.argmax(axis=-1) - first})
    return found


# ------------------------------------------------------------------------------------------- GPT
def letter_states() -> list[dict]:
    """Pieces of topics that were not trained on, shorter and longer than the places, and sampled in
    all ways.
    """
    _, text = gpt.texts()
    random, states = onp.random.RandomState(0), []
    for number in range(100):
        first, length = random.randint(len(text) - 100), 1 + number
        state = {"text": text[first : first + length], "temperature": random.uniform(0.1, 2)}
        state["topK"] = int(random.randint(1, 1 + gpt.LETTERS)) if number % 3 else gpt.LETTERS
        state["topP"] = random.uniform(0.05, 1) if number % 2 else 1
        states.append(state)
    return states


def letter_answers(states: list[dict]) -> list[dict]:
    model, settings = gpt.network()
    found = []
    for state in states:
        read = gpt.numbers(settings["letters"], state["text"][-settings["places"] :])[None]
        logits, weights = predict(model, [((read,), None)])
        cut = {"top_k": state["topK"], "top_p": state["topP"]}
        drawn = probabilities(logits[0, -1], temperature=state["temperature"], **cut)
        answer = {"probabilities": softmax(logits[0, -1]), "drawn": drawn}
        found.append(answer | {"weights": weights[0, :, :, -1]})
    return found


# ------------------------------------------------------------------------- neural Turing machines
def turing_states() -> list[dict]:
    random = onp.random.RandomState(0)
    states = []
    for _ in range(100):
        columns, repetitions = random.randint(1, 6), random.randint(1, 4)
        told = random.randint(0, 2, (columns, neural_turing_machine.BITS)).tolist()
        step = random.randint(3 + columns * (1 + repetitions))
        states.append({"columns": told, "repetitions": int(repetitions), "step": int(step)})
    return states


def turing_answers(states: list[dict]) -> list[dict]:
    model, found = neural_turing_machine.network(), []
    bits, most = neural_turing_machine.BITS, neural_turing_machine.MOST
    for state in states:
        told, repetitions = onp.array(state["columns"]), state["repetitions"]
        (inputs,), _ = repeat_copy(1, len(told), repetitions, bits=bits, seed=0, most=most)
        inputs[0, 1 : len(told) + 1, :bits] = told
        logits, reading, writing = predict(model, [((inputs,), None)])
        memories = [M.asnumpy()[0] for _, _, M, _ in model.states(np.array(inputs))]
        outputs = 1 / (1 + onp.exp(-logits[0]))
        answer = {"outputs": outputs, "writing": writing[0], "reading": reading[0]}
        found.append(answer | {"memory": memories[state["step"]]})
    return found


# ------------------------------------------------------------------------------- pointer networks
def point_states() -> list[dict]:
    """Sets of 3 to 10 points in any order, as a reader leaves them, with three decimals."""
    states = []
    for number in range(100):
        points = uniform(1, 3 + number % 8, seed=number)[0].round(3)
        task = pointer_networks.TASKS[number // 8 % 2]
        states.append({"points": points.astype("float64").round(3).tolist(), "task": task})
    return states


def point_answers(states: list[dict]) -> list[dict]:
    networks = {task: pointer_networks.network(task) for task in pointer_networks.TASKS}
    found = []
    for state in states:
        points = pointing.left_to_right(onp.array([state["points"]]))
        ((answer, weights),) = pointer_networks.answer(
            networks[state["task"]], points, state["task"]
        )
        found.append({"answer": answer, "weights": weights})
    return found


# ---------------------------------------------------------------------------- multi-head attention
def menu_states() -> list[dict]:
    """Menus of all lengths that can be written, with one decimal; some heads are off."""
    random, states = onp.random.RandomState(0), []
    for number in range(100):
        heads = multi_head_attention.HEADS[number % 3]
        fewest, most = multi_head_attention.LINES
        names = random.permutation(menus.NAMES)[: fewest + number % (most - fewest + 1)]
        menu = [[str(name), random.randint(101) / 10] for name in names]
        off = [head for head in range(heads) if random.uniform() < 0.3]
        states.append({"menu": menu, "first": menu[0][0], "heads": heads, "off": off})
        random.shuffle(menu)
    return states


def menu_answers(states: list[dict]) -> list[dict]:
    networks = {heads: multi_head_attention.network(heads) for heads in multi_head_attention.HEADS}
    found = []
    for state in states:
        model = networks[state.pop("heads")]
        weights, yes = multi_head_attention.answer(model, **state)
        found.append({"weights": weights, "yes": yes})
    return found


# ----------------------------------------------------------------------------------- segmentation
def landscape_states() -> list[dict]:
    """Landscapes with up to four boats and ducks anywhere, and any pixel that asks."""
    random, states = onp.random.RandomState(0), []
    for number in range(100):
        things = [
            [("boat", "duck")[random.randint(2)], *map(int, random.randint([2, 3], [30, 45]))]
            for _ in range(number % 5)
        ]
        row, column = (int(random.randint(n)) for n in (segmentation.HEIGHT, segmentation.WIDTH))
        scene = list(segmentation.SCENES)[number % len(segmentation.SCENES)]
        states.append({"scene": scene, "things": things, "row": row, "column": column})
    return states


def landscape_answers(states: list[dict]) -> list[dict]:
    model, settings, landscapes = segmentation.network()
    found = []
    for state in states:
        painted = landscapes[settings["scenes"].index(state["scene"])].copy()
        for name, row, column in state["things"]:
            waters.stamp(painted, waters.CLASSES.index(name), row - 2, column - 3)
        pixels = segmentation.numbers(painted[None])
        logits, weights = predict(model, [((pixels,), None)])
        probabilities = onp.exp(logits[0] - logits[0].max(axis=-1, keepdims=True))
        probabilities /= probabilities.sum(axis=-1, keepdims=True)
        asker = state["row"] // 2 * (segmentation.WIDTH // 2) + state["column"] // 2
        answer = {"weights": weights[0, :, asker], "shares": probabilities.mean(axis=(0, 1))}
        answer |= {"probabilities": probabilities[state["row"], state["column"]]}
        found.append(answer | {"labels": logits[0].argmax(axis=-1).ravel()})
    return found


CASES = {
    "kernel_regression": Case(kernel_arguments, kernel_states, kernel_answers),
    "graph_attention": Case(dict, club_states, club_answers),
    "memory_networks": Case(dict, story_states, story_answers),
    "multi_head_attention": Case(dict, menu_states, menu_answers),
    "seq2seq": Case(dict, sentence_states, sentence_answers),
    "transformer": Case(dict, beam_states, beam_answers),
    "bert": Case(dict, hidden_states, hidden_answers),
    "bert_fine_tuning": Case(dict, asked_states, asked_answers),
    "gpt": Case(dict, letter_states, letter_answers),
    "pointer_networks": Case(dict, point_states, point_answers),
    "stacked_attention": Case(dict, scene_states, scene_answers),
    "neural_turing_machine": Case(dict, turing_states, turing_answers),
    "segmentation": Case(dict, landscape_states, landscape_answers),
}


def shown(name: str, **options) -> page.LiveFigure:
    """A figure as the tests show it."""
    return page.figure(name, **CASES[name].arguments(), **options)
