"""The demo goes on with what is typed, from a checkpoint or with a network of its own."""

import json

import pytest

from d2l_attention import checkpoints
from d2l_attention.datasets.byte_pairs import BytePairs
from d2l_attention.models.gpt import GPT
from d2l_attention.notebook import gpt_demo

from mxnet import np


def typed(*lines):
    """What asks for a line, and gives these, and then an end of input."""
    remaining = iter(lines)

    def read(prompt):
        try:
            return next(remaining)
        except StopIteration:
            raise EOFError from None

    return read


def written(folder, pre_norm=True) -> BytePairs:
    """A checkpoint and its pieces in a folder."""
    pieces = BytePairs.learn(["the lowest of the lower"] * 3, size=270)
    network = GPT(len(pieces), hidden_size=8, layers=2, num_heads=2, longest=12, pre_norm=pre_norm)
    network.initialize()
    network(np.ones((1, 2), dtype="int32"))
    checkpoints.save(network, folder / "model.safetensors")
    (folder / "vocab.json").write_text(json.dumps(pieces.numbers), encoding="utf-8")
    lines = ["#version: 0.2", *map(" ".join, pieces.merges), ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    return pieces


@pytest.mark.parametrize("pre_norm", [True, False], ids=["GPT-2", "GPT"])
def test_it_goes_on_with_what_is_typed(tmp_path, pre_norm):
    written(tmp_path, pre_norm)
    command = ["--checkpoint", str(tmp_path / "model.safetensors"), "--heads", "2"]
    several = []
    for seed in ("1", "1", "2"):
        lines = []
        options = [*command, "--length", "6", "--samples", "3", "--seed", seed]
        gpt_demo.main(options, read=typed("the low", "a text that is longer than the places", ""),
                      write=lines.append)  # fmt: skip
        several.append(lines)
        assert lines[1::2][:3] == [f"--- sample {number} ---" for number in range(3)]
        assert all(line.startswith("the low") for line in lines[2:8:2])
        assert all(line.startswith("a text that") for line in lines[8::2]) and len(lines) == 13
    assert several[0] == several[1] != several[2]


def test_without_a_checkpoint_it_says_so():
    lines = []
    gpt_demo.main(["--steps", "2", "--length", "5"], read=typed("The"), write=lines.append)
    assert lines[0].startswith("No checkpoint is given") and lines[-1].startswith("The")


def test_other_files_are_refused(tmp_path):
    written(tmp_path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        gpt_demo.published(tmp_path / "no.safetensors")
    with pytest.raises(ValueError, match="num_heads"):
        gpt_demo.published(tmp_path / "model.safetensors", num_heads=3)
    from safetensors.numpy import load_file, save_file

    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["wte.weight"]
    save_file(tensors, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="must hold GPT-2 or GPT"):
        gpt_demo.published(tmp_path / "other.safetensors")
