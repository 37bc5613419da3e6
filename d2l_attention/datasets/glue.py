"""Two tasks of GLUE (Wang et al. 2019): is a phrase of a film's review praise, and does one text follow from another?

SST-2: Socher et al. (2013), phrases of reviews from Rotten Tomatoes; no licence is stated, for research.
RTE: sentences of news, and what may or may not be concluded from them, from the contests on textual
entailment 1, 2, 3 and 5; for research. GLUE keeps the test sets' labels, so we test on its development sets.
"""

from pathlib import Path

from d2l_attention.backend.checks import check_choice
from d2l_attention.datasets.labelled_texts import Labelled
from d2l_attention.datasets.needed import fetch_all

COMMIT = "0d0288be08079531c7b3a85af3d532f9adb0f13a"
URL = f"https://raw.githubusercontent.com/F0restL1n/BERT/{COMMIT}/glue_data"
FILES = {  # task: folder of the cache, folder at the address, {split: (file, bytes, SHA-256, examples)}
    "sst2": ("sst", "glue-SST-2/", "SST-2", {
        "train": ("train.tsv", 3_806_081,
                  "48eac26399f8456935f81dd9e3a745c1430adb6c62e233ccfe22db4a0d15d1d1", 67_349),
        "test": ("dev.tsv", 94_931,
                 "54a9c12c77e402fc14d6a66a506f24d999f596b0176eb777c972cccc2f9cc4b0", 872),
    }),
    "rte": ("rte", "", "RTE", {
        "train": ("train.tsv", 846_226,
                  "41e3a9b063433392343fad9e962cf2f58b681c78d8f71592f4186f0837246c5c", 2490),
        "test": ("dev.tsv", 90_343,
                 "80230dfa1347282e7b532b06a1004a76a710087541189bf874223ddf0e3819fb", 277),
    }),
}  # fmt: skip
LABELS = {"sst2": ("0", "1"), "rte": ("not_entailment", "entailment")}
SPLITS = ("train", "test")


def load(task: str, split: str, *, progress: bool = True) -> list[Labelled]:
    """Return the examples of a task: a text, maybe a second one, and 1 for praise or for what follows.

    Parameters
    ----------
    task : str
        "sst2" or "rte".
    split : str
        "train", or "test", which is GLUE's development set.
    progress : bool
        Whether a download shows its progress.

    Raises
    ------
    ValueError
        There is no such task or split, or a file is not what it should be.
    ConnectionError
        A file is neither in the cache nor to be had; the message says which to put where.
    """
    (path,) = _paths([(task, split)], progress)
    expected = FILES[task][3][split][3]
    found = read(path, LABELS[task])
    if len(found) != expected:
        raise ValueError(f"{path} must hold {expected} examples, got {len(found)}")
    return found


def require(task: str, *, progress: bool = True) -> None:
    """Find or download a task's files now, so that what is missing is said before anything runs.

    Raises
    ------
    ValueError, ConnectionError
        As for `load`.
    """
    _paths([(task, split) for split in SPLITS], progress)


def read(path: Path, labels: tuple[str, str]) -> list[Labelled]:
    """Return the examples of a table: sentence and label, or index, two sentences and label.

    Raises
    ------
    ValueError
        A line has another form, an empty text or an unknown label; the message says which.
    """
    head, *lines = path.read_text("utf-8").split("\n")
    columns = head.split("\t")
    texts = [k for k, name in enumerate(columns) if name.startswith("sentence")]
    found = []
    for number, line in enumerate(lines, start=2):
        if not line:
            continue
        cells = line.split("\t")
        if (
            len(cells) != len(columns)
            or cells[-1] not in labels
            or not all(cells[k].strip() for k in texts)
        ):
            raise ValueError(
                f"{path}, line {number}, must have {', '.join(columns)}, got {line[:60]!r}"
            )
        pair = [cells[k].strip() for k in texts]
        found.append(Labelled(pair[0], pair[1] if len(pair) > 1 else None, labels.index(cells[-1])))
    return found


def _paths(wanted: list[tuple[str, str]], progress: bool) -> list[Path]:
    files = []
    for task, split in wanted:
        check_choice(tuple(FILES), task=task)
        check_choice(SPLITS, split=split)
        name, here, there, of_split = FILES[task]
        file, size, sha256, _ = of_split[split]
        files.append({"name": name, "file_name": here + file, "urls": [f"{URL}/{there}/{file}"],
                      "size": size, "sha256": sha256})  # fmt: skip
    return fetch_all(files, progress=progress)
