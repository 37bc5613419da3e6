"""all-MiniLM-L6-v2: a published BERT of six layers, whose mean state says what a sentence is about.

Wang et al. (2020) made a small BERT whose attention is like that of a large one; the authors of Sentence
Transformers trained it further so that sentences of one meaning have vectors in one direction (Reimers
and Gurevych 2019). Apache License 2.0.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from d2l_attention.datasets.needed import fetch_all

NAME = "all-minilm-l6-v2"
URL = f"https://huggingface.co/sentence-transformers/{NAME.replace('minilm-l6', 'MiniLM-L6')}"
FILES = {  # file: (bytes, SHA-256)
    "config.json": (
        612,
        "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    ),
    "model.safetensors": (
        90_868_376,
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    "tokenizer.json": (
        466_247,
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
}


@dataclass(frozen=True)
class Published:
    """What was published: sizes, weights (float32) and vocabulary.

    Attributes
    ----------
    configuration : dict
        Which `models.bert.settings` reads.
    weights : Path
        Which `checkpoints.load` reads.
    vocabulary : Path
        Which Hugging Face's `Tokenizer.from_file` reads.
    """

    configuration: dict
    weights: Path
    vocabulary: Path


def load(*, progress: bool = True) -> Published:
    """Return the published model's files, from the cache folder's `all-minilm-l6-v2/`, or download them.

    Parameters
    ----------
    progress : bool
        Whether a download (91 MB) shows its progress.

    Raises
    ------
    ConnectionError
        A file is neither in the cache nor to be had; the message says which to put where.
    ValueError
        A file is not the published one.
    """
    files = [
        {"name": NAME, "file_name": name, "urls": [f"{URL}/resolve/main/{name}"],
         "size": size, "sha256": sha256}
        for name, (size, sha256) in FILES.items()
    ]  # fmt: skip
    configuration, weights, vocabulary = fetch_all(files, progress=progress)
    return Published(json.loads(configuration.read_text("utf-8")), weights, vocabulary)
