"""SHAPES is read exactly or refused; a solver that looks at the pixels agrees with every answer of the release."""

import hashlib
import io
import random

import numpy as onp
import pytest

from d2l_attention.datasets import shapes

SIZES = {"tiny": (64, 1), "small": (640, 10), "val": (1024, 16), "test": (1024, 16)}


# --------------------------------------------------------------------------- the solver
def seen(picture: onp.ndarray) -> dict[tuple[int, int], set[str]]:
    """Colour and shape of what stands in each of the 3 x 3 cells, from the pixels."""
    found = {}
    for row in range(3):
        for column in range(3):
            patch = picture[:, row * 10 : row * 10 + 10, column * 10 : column * 10 + 10] / 255.0
            ink = patch.max(0)
            if ink.sum() < 4:
                continue
            rows = ink[ink.max(1) > 0.1]
            width = rows.sum(1) / rows.max(1)
            if abs(rows - rows[::-1]).sum() > 0.3 * rows.sum():
                kind = "triangle"  # the only one that is not the same upside down
            else:
                kind = "square" if width.min() > 0.9 * width.max() else "circle"
            found[row, column] = {
                ("red", "green", "blue")[patch.sum((1, 2)).argmax()],
                kind,
            }
    return found


def parse(layout: str):
    """ "(is red (left_of blue))" -> ["is", "red", ["left_of", "blue"]]."""
    stack = [[]]
    for word in layout.replace("(", " ( ").replace(")", " ) ").split():
        if word == "(":
            stack.append([])
        elif word == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(word)
    return stack[0][0]


def places(expression, things) -> set[tuple[int, int]]:
    """The cells that an expression is true of; empty cells too, where it speaks of places."""
    if isinstance(expression, str):
        return {cell for cell, kind in things.items() if expression in kind}
    head, *parts = expression
    if head == "is":
        return places(parts[0], things) & places(parts[1], things)
    down, right = {
        "left_of": (0, -1),
        "right_of": (0, 1),
        "above": (-1, 0),
        "below": (1, 0),
    }[head]
    moved = {(row + down, column + right) for row, column in places(parts[0], things)}
    return {cell for cell in moved if set(cell) <= {0, 1, 2}}


def load(real_data, split):
    if not (real_data / "shapes-vqa").is_dir():
        pytest.skip("the cache has no SHAPES")
    return shapes.load(split)


@pytest.mark.parametrize("split", SIZES)
def test_a_solver_agrees_with_the_release(real_data, split):
    data = load(real_data, split)
    answers = [
        bool(places(parse(q.layout), seen(data.pictures[q.picture]))) for q in data.questions
    ]
    agree = [str(a).lower() == q.answer for a, q in zip(answers, data.questions, strict=True)]
    assert all(agree)


@pytest.mark.parametrize("split", SIZES)
def test_the_real_files(real_data, split):
    data = load(real_data, split)
    count, wordings = SIZES[split]
    assert data.pictures.shape == (count, 3, 30, 30) and data.pictures.dtype == onp.uint8
    assert [q.picture for q in data.questions] == list(range(count))
    assert len({q.text for q in data.questions}) == wordings


def test_no_question_is_in_two_splits(real_data):
    texts = [
        {q.text for q in load(real_data, split).questions} for split in ("small", "val", "test")
    ]
    assert sum(map(len, texts)) == len(set.union(*texts))


# ---------------------------------------------------------------------- what is refused
def npy(array, **options) -> bytes:
    content = io.BytesIO()
    onp.save(content, array, **options)
    return content.getvalue()


PICTURES = onp.random.RandomState(0).randint(0, 256, (2, 30, 30, 3)).astype("uint8")


@pytest.fixture
def own_files(tmp_path, monkeypatch):
    """Put files into the cache in the place of the tiny split's; gives a function of their contents."""
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(tmp_path))

    def put(**changes):
        contents = {
            "input.npy": npy(PICTURES),
            "query_str.txt": b"is a red shape blue\nis a circle red\n",
            "query": b"(is red blue)\n(is circle red)\n",
            "output": b"false\ntrue\n",
        }
        contents |= {key.replace("_npy", ".npy"): value for key, value in changes.items()}
        sums = {}
        (tmp_path / "shapes-vqa").mkdir(exist_ok=True)
        for kind, content in contents.items():
            (tmp_path / "shapes-vqa" / f"train.tiny.{kind}").write_bytes(content)
            sums[f"train.tiny.{kind}"] = (
                len(content),
                hashlib.sha256(content).hexdigest(),
            )
        monkeypatch.setattr(shapes, "FILES", sums)

    return put


def test_a_split_is_its_pictures_and_its_questions(own_files, capsys):
    own_files()
    data = shapes.load("tiny")
    assert data.questions[1] == shapes.ShapesQuestion(
        1, "is a circle red", "true", "(is circle red)"
    )
    onp.testing.assert_array_equal(
        data.pictures[1, 0], PICTURES[1, :, :, 2]
    )  # red comes last in the file
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"output": b"false\n"}, "do not fit each other"),
        ({"output": b"false\nmaybe\n"}, "must be true or false, got 'maybe'"),
        ({"input_npy": npy(PICTURES[:1])}, "do not fit each other"),
        ({"input_npy": npy(PICTURES[:, :29])}, "must hold uint8"),
        ({"input_npy": npy(PICTURES.astype("int16"))}, "must hold uint8"),
        ({"input_npy": npy(onp.array([{}], object), allow_pickle=True)}, "must hold uint8"),
        ({"input_npy": npy(onp.asfortranarray(PICTURES))}, "must hold uint8 .* row by row"),
        ({"input_npy": npy(PICTURES)[:-5]}, "must hold 5400 pixels, and holds 5395"),
        ({"input_npy": npy(PICTURES) + b"\0"}, "must hold 5400 pixels, and holds 5401"),
        ({"input_npy": b"PK"}, "not a plain .npy file"),
        ({"input_npy": npy(PICTURES).replace(b"}", b"(")}, "not a plain .npy file"),
    ],
)
def test_files_that_do_not_fit_are_refused(own_files, change, message):
    own_files(**change)
    with pytest.raises(ValueError, match=message):
        shapes.load("tiny")


@pytest.mark.filterwarnings("ignore")  # of headers that Python reads and does not like
def test_a_header_with_changed_bytes_is_refused_or_changes_nothing(tmp_path):
    chance, refused = random.Random(0), 0
    (tmp_path / "whole.npy").write_bytes(npy(PICTURES))
    expected = shapes.read_pictures(tmp_path / "whole.npy")
    for _ in range(100):
        content = bytearray(npy(PICTURES))
        for place in chance.sample(range(80), 2):
            content[place] = chance.choice([*b"(){}[]'\":,#\\\n019", chance.randrange(256)])
        (tmp_path / "changed.npy").write_bytes(content)
        try:
            found = shapes.read_pictures(tmp_path / "changed.npy")
        except ValueError:
            refused += 1
        else:
            onp.testing.assert_array_equal(found, expected)
    assert refused > 80


def test_another_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(tmp_path))
    (tmp_path / "shapes-vqa").mkdir()
    (tmp_path / "shapes-vqa" / "train.tiny.input.npy").write_bytes(npy(PICTURES))
    with pytest.raises(ValueError, match="Delete it and try again"):
        shapes.load("tiny")


@pytest.mark.parametrize("split", ["large", "med", "train", ""])
def test_another_split_is_refused(split):
    with pytest.raises(ValueError, match="split must be one of tiny, small, val, test"):
        shapes.load(split)
