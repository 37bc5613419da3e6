"""Pre-trained networks as they are published: three files, with sizes, weights and vocabulary.

    NAME.config.json    Hugging Face's names of the sizes
    NAME.safetensors    the weights
    NAME.json           the pieces of words

The one of little reports is a part of the package, since its pre-training takes minutes, and what a notebook
fine-tunes should be the same everywhere. `python -m d2l_attention.notebook.pretrained` makes it anew.
"""

import json
from pathlib import Path

from safetensors import safe_open

from d2l_attention import checkpoints, seed_everything
from d2l_attention.datasets import masked_words, reports
from d2l_attention.datasets.minilm import Published
from d2l_attention.datasets.wordpiece import WordPiece
from d2l_attention.models.bert import SETTINGS, Bert, BertPretraining, settings
from d2l_attention.notebook import runs
from d2l_attention.schedules import WarmUp
from d2l_attention.training import fit

from mxnet import init, optimizer

FOLDER = Path(__file__).parent / "weights"
SIZES = {"hidden_size": 64, "layers": 2, "num_heads": 4, "feedforward_size": 256, "longest": 48}
SIZES |= {"dropout": 0.0, "attention_dropout": 0.0}  # no epoch repeats what another one has shown
REPORTS, EPOCHS, BATCH, RATE, WARMUP = 12_000, 12, 64, 0.003, 400
# Of the layers' first weights: 64 features add up less than the paper's 768. Vectors of words, segments
# and places start from the paper's 0.02, whatever this is: `Bert` gives them an initialiser of their own.
DEVIATION = 0.05


def of_reports() -> Published:
    """Return the files of the network that has read little reports, which the package has."""
    return _files(FOLDER, "reports")


def of_wikitext() -> Published:
    """Return the files of the network that has read WikiText-2, which BERT's notebook makes.

    Raises
    ------
    FileNotFoundError
        It has not been made; the message says how.
    """
    folder = runs.folder() / "bert"
    try:
        return _files(folder, "wikitext-2")
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error}. First run `make results NAME=bert`, which pre-trains on WikiText-2 and writes it "
            "there, or set D2L_ATTENTION_RUNS to a folder in which it has"
        ) from None


def network(published: Published, *, trained: bool = True, seed: int = 0, device=None,
            **options) -> BertPretraining | Bert:  # fmt: skip
    """Return a network of the published sizes: with the published weights, or with random ones.

    Parameters
    ----------
    published : Published
    trained : bool
        Whether it has the weights.
    seed : int
        Of random weights.
    options
        What shall be otherwise than published, such as dropout.

    Returns
    -------
    BertPretraining, if the file has the heads of pre-training, else Bert; initialised.
    """
    with safe_open(published.weights, framework="numpy") as file:
        heads = any(name.startswith("cls.") for name in file.keys())  # noqa: SIM118 - it is no dict
    seed_everything(seed)
    found = Bert(**settings(published.configuration) | options)
    found = BertPretraining(found) if heads else found
    deviation = published.configuration.get("initializer_range", 0.02)
    found.initialize(init.Normal(deviation), ctx=device)
    if trained:
        checkpoints.load(found, published.weights)
    return found


def encoder(published: Published, **options) -> Bert:
    """Return the encoder alone; arguments as for `network`."""
    found = network(published, **options)
    return found.bert if isinstance(found, BertPretraining) else found


def train() -> None:
    """Pre-train on little reports, and write the three files."""
    vocabulary = report_vocabulary()
    documents = masked_words.encode(reports.generate(REPORTS, seed=0), vocabulary)
    seed_everything(0)
    model = BertPretraining(Bert(len(vocabulary), **SIZES))
    model.initialize(init.Normal(DEVIATION))
    adam = optimizer.Adam(RATE, beta2=0.98, epsilon=1e-9, lr_scheduler=WarmUp(RATE, steps=WARMUP))
    make = {"longest": SIZES["longest"], "seed": 0}
    batches = masked_words.batches(documents, vocabulary, BATCH, **make)
    fit(model, batches, adam, epochs=EPOCHS, clip_norm=1.0, description="reports")
    write(FOLDER, "reports", model, vocabulary)


def report_vocabulary() -> WordPiece:
    """Return the words of little reports and of questions about them."""
    texts = [sentence for report in reports.generate(3000, seed=0) for sentence in report]
    return WordPiece([*texts, f"{' '.join(reports.QUESTIONS)} was ?"], size=1000, fewest=1)


def write(folder: Path, name: str, model: BertPretraining, vocabulary: WordPiece) -> None:
    """Write the three files of a network."""
    folder.mkdir(exist_ok=True)
    sizes = {"num_words": len(vocabulary), **SIZES, "num_segments": 2}
    configuration = {theirs: sizes[ours] for theirs, ours in SETTINGS.items() if ours in sizes}
    configuration |= {"model_type": "bert", "initializer_range": DEVIATION}
    text = json.dumps(configuration, indent=2) + "\n"
    (folder / f"{name}.config.json").write_text(text, "utf-8")
    vocabulary.write(folder / f"{name}.json")
    checkpoints.save(model, folder / f"{name}.safetensors")


def _files(folder: Path, name: str) -> Published:
    paths = [folder / f"{name}{ending}" for ending in (".config.json", ".safetensors", ".json")]
    if missing := [path.name for path in paths if not path.is_file()]:
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}")
    return Published(json.loads(paths[0].read_text("utf-8")), *paths[1:])


if __name__ == "__main__":
    train()
