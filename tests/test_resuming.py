"""A training that was stopped goes on from its checkpoint as if it had not been; what is no checkpoint is refused."""

import itertools
import os
import signal
import subprocess
import sys

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

from d2l_attention import checkpoints, resuming, seed_everything
from d2l_attention.datasets.batches import batches
from d2l_attention.resuming import Checkpoint
from d2l_attention.schedules import WarmUp
from d2l_attention.training import QUEUED_STEPS, fit
from tests.book.publishing import ROOT
from tests.distributed import pretraining_run as run

import mxnet as mx
from mxnet import lr_scheduler, np, optimizer
from mxnet.gluon import nn

X = onp.linspace(-1, 1, 20, dtype="float32")[:, None]
Y = onp.sin(3 * X)
STEPS = 5  # of an epoch
EPOCHS = 4


class StoppedError(Exception):
    """The training ends here."""


def squares(output, target):
    return np.square(output - target).reshape(-1)


def network(norm=False, shape_is_known=True, devices=None):
    seed_everything(2)
    net = nn.HybridSequential()
    net.add(nn.Dense(8, activation="tanh", in_units=1 if shape_is_known else 0))
    net.add(nn.Dropout(0.3), nn.Dense(1, in_units=8 if shape_is_known else 0))
    if norm:
        net.add(nn.BatchNorm(in_channels=1))
    net.initialize(ctx=devices)
    return net


def adam():
    return optimizer.Adam(learning_rate=0.02)


def stopped(data, at: int):
    """Batches that end in the middle of everything, behind so many steps of all epochs."""
    steps = itertools.count()

    def of_epoch(epoch):
        for batch in data(epoch):
            if next(steps) == at + 1:  # one step is taken before: a look at the first batch
                raise StoppedError
            yield batch

    return of_epoch


def train(path, *, make=adam, at=None, net=None, every=2, seed=4, epochs=EPOCHS, **options):
    """The history's records and all parameters, to the last bit."""
    net = network() if net is None else net
    data = options.pop("data", batches((X,), Y, 4, shuffle=True, seed=1))
    options = {"loss": squares, "progress": False, "clip_norm": 1.0} | options
    if path:
        options["checkpoint"] = Checkpoint(path, every=every, seed=seed)
    data = data if at is None else stopped(data, at)
    history = fit(net, data, make(), epochs=epochs, **options)
    found = [p.list_data()[0].asnumpy() for p in net.collect_params().values()]
    return history.epochs, history.best, history.stopped_early, [each.tolist() for each in found]


# --------------------------------------------------------------------------------- goes on
@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 6, 9, 10, 13, 19])
def test_a_stopped_training_goes_on_to_the_last_bit(tmp_path, at):
    """With dropout; stopped before the first checkpoint, at one, between two, at an epoch's end."""
    expected = train(tmp_path / "whole")
    with pytest.raises(StoppedError):
        train(tmp_path / "parts", at=at)
    assert train(tmp_path / "parts") == expected


@pytest.mark.parametrize("at", [14, 33])
def test_all_steps_before_a_checkpoint_have_been_taken(tmp_path, at):
    """Of an epoch with more steps than may wait in MXNet's queue."""
    options = {"data": batches((X,), Y, 1), "epochs": 2, "every": 3}
    assert len(X) > 2 * QUEUED_STEPS
    expected = train(tmp_path / "whole", **options)
    with pytest.raises(StoppedError):
        train(tmp_path / "parts", at=at, **options)
    numbers, _ = resuming.read(tmp_path / "parts")
    done = len(numbers["records"]) * len(X) + numbers["step"]
    assert numbers["step"] > 0 and set(numbers["updates"]) == {done}
    assert train(tmp_path / "parts", **options) == expected


def test_it_may_be_stopped_again_and_again(tmp_path):
    expected = train(tmp_path / "whole")
    for _ in range(3):
        with pytest.raises(StoppedError):
            train(tmp_path / "parts", at=5)  # five steps further each time
    assert train(tmp_path / "parts") == expected


OPTIMIZERS = {
    "SGD": lambda: optimizer.SGD(learning_rate=0.1),
    "momentum": lambda: optimizer.SGD(learning_rate=0.1, momentum=0.9, wd=0.01),
    "Adam": adam,
    "Nadam": lambda: optimizer.Nadam(learning_rate=0.01),  # which remembers a number, too
    "LAMB": lambda: optimizer.LAMB(learning_rate=0.01),
    "RMSProp": lambda: optimizer.RMSProp(learning_rate=0.01, centered=True),
    "AdaGrad": lambda: optimizer.AdaGrad(learning_rate=0.1),
    "warm-up": lambda: optimizer.Adam(0.02, lr_scheduler=WarmUp(0.02, steps=7)),
    "factor": lambda: optimizer.SGD(
        learning_rate=0.1, lr_scheduler=lr_scheduler.FactorScheduler(3, 0.8, base_lr=0.1)
    ),
    "factors": lambda: optimizer.SGD(
        learning_rate=0.1, lr_scheduler=lr_scheduler.MultiFactorScheduler([2, 9], base_lr=0.1)
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_whatever_an_optimizer_remembers_comes_back(tmp_path, name):
    make = OPTIMIZERS[name]
    expected = train(tmp_path / "whole", make=make)
    with pytest.raises(StoppedError):
        train(tmp_path / "parts", make=make, at=13)
    assert train(tmp_path / "parts", make=make) == expected


def scores(values):
    """An `evaluate` whose answers depend on the epoch alone, also after a stop."""
    return {"evaluate": lambda: {"validation": values.pop(0)}, "monitor": "validation"}


@pytest.mark.parametrize(("patience", "best"), [(None, 1), (1, 1), (3, 1)])
def test_the_best_epoch_comes_back_and_patience_goes_on(tmp_path, patience, best):
    of_all = [3.0, 1.0, 2.0, 4.0]
    expected = train(tmp_path / "whole", **scores([*of_all]), patience=patience)
    assert expected[1] == best
    with pytest.raises(StoppedError):
        train(tmp_path / "parts", at=11, **scores([*of_all]), patience=patience)
    assert train(tmp_path / "parts", **scores(of_all[2:]), patience=patience) == expected
    again = train(tmp_path / "parts", **scores([]), patience=patience)  # nothing is left to do
    assert again == expected


def test_a_training_that_is_over_gives_what_it_gave_and_may_go_on(tmp_path):
    whole = train(tmp_path / "whole")
    half = train(tmp_path / "parts", epochs=2)
    assert train(tmp_path / "parts", epochs=2) == half
    assert train(tmp_path / "parts") == whole
    with pytest.raises(ValueError, match=r"epochs must be at least 4, which .*parts has behind it"):
        train(tmp_path / "parts", epochs=3)


def test_running_statistics_and_fixed_parameters_come_back(tmp_path):
    def made():
        net = network(norm=True)
        net[0].bias.grad_req = "null"
        net[0].bias.set_data(np.ones(8))
        return net

    expected = train(tmp_path / "whole", net=made())
    with pytest.raises(StoppedError):
        train(tmp_path / "parts", net=made(), at=13)
    other = made()
    other[0].bias.set_data(np.zeros(8))
    assert train(tmp_path / "parts", net=other) == expected


def test_shapes_may_be_unknown_before_the_first_call(tmp_path):
    expected = train(tmp_path / "whole")
    with pytest.raises(StoppedError):
        train(tmp_path / "parts", at=13)
    assert train(tmp_path / "parts", net=network(shape_is_known=False)) == expected


def test_several_devices_resume(tmp_path):
    devices = [mx.cpu(0), mx.cpu(1)]
    options = {"device": devices}
    expected = train(tmp_path / "whole", net=network(devices=devices), **options)
    with pytest.raises(StoppedError):
        train(tmp_path / "parts", net=network(devices=devices), at=13, **options)
    assert train(tmp_path / "parts", net=network(devices=devices), **options) == expected
    net = network()  # the same file on one device: other random numbers in dropout, no other data
    records, *_ = train(tmp_path / "parts", net=net)
    assert records == expected[0]


def test_another_device_than_the_first_resumes(tmp_path):
    options = {"device": mx.cpu(1)}
    made = lambda: network(devices=mx.cpu(1))
    expected = train(tmp_path / "whole", net=made(), **options)
    with pytest.raises(StoppedError):
        train(tmp_path / "parts", net=made(), at=13, **options)
    assert train(tmp_path / "parts", net=made(), **options) == expected


def test_bert_resumes(tmp_path):
    """A matrix of it has two names."""
    expected = run.resumed(tmp_path / "whole")
    with pytest.raises(StoppedError):
        checkpoint = Checkpoint(tmp_path / "parts", every=run.EVERY, seed=5)
        data = stopped(run.batches(9), 14)
        run.train(9, dropout=0.3, epochs=2, data=data, checkpoint=checkpoint)
    found = run.resumed(tmp_path / "parts")
    for name, value in expected.items():
        onp.testing.assert_array_equal(found[name], value, err_msg=name)


def test_dropout_differs_from_checkpoint_to_checkpoint_and_from_seed_to_seed(tmp_path):
    one, other = (train(tmp_path / str(seed), seed=seed) for seed in (0, 1))
    assert one[0][0] != other[0][0]
    drawn = []

    def noted(output, target):
        drawn.append(output.asnumpy().tolist())
        return squares(output, target)

    data = [((X[:4],), Y[:4])] * 4
    train(
        tmp_path / "noted",
        data=lambda _: data,
        every=1,
        epochs=1,
        loss=noted,
        make=OPTIMIZERS["SGD"],
    )
    assert all(one != other for one, other in itertools.combinations(drawn, 2))


@pytest.mark.plumbing
def test_a_process_that_is_killed_resumes(tmp_path):
    """SIGKILL in the midst of the second epoch."""
    program = (
        "from pathlib import Path; import numpy; from tests.distributed import pretraining_run as run; "
        f"found = run.perform(TASK, Path({str(tmp_path)!r}), run.ALONE); "
        f"numpy.savez({str(tmp_path / 'found')!r}, **found)"
    )
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    codes = []
    for task in ("killed", "again"):
        command = [sys.executable, "-c", program.replace("TASK", repr(task))]
        codes.append(subprocess.run(command, env=variables, check=False).returncode)
    assert codes == [-signal.SIGKILL, 0]
    expected, found = run.resumed(tmp_path / "whole"), dict(onp.load(tmp_path / "found.npz"))
    for name, value in expected.items():
        onp.testing.assert_array_equal(found[name], value, err_msg=name)


# ------------------------------------------------------------------------- whole or not at all
@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A checkpoint's bytes."""
    path = tmp_path_factory.mktemp("checkpoint") / "file"
    train(path, epochs=1)
    return path.read_bytes()


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_file_that_is_cut_off_is_refused(written, tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "cut"
    path.write_bytes(written[: data.draw(st.integers(0, len(written) - 1))])
    with pytest.raises(ValueError, match=r"must be a checkpoint|is damaged"):
        resuming.read(path)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_changed_byte_is_noticed(written, tmp_path_factory, data):
    path, place = (
        tmp_path_factory.getbasetemp() / "changed",
        data.draw(st.integers(0, len(written) - 1)),
    )
    changed = bytearray(written)
    changed[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(changed)
    try:
        found = resuming.read(path)
    except ValueError:
        return
    path.write_bytes(written)  # or else it means the same: a blank for a blank
    numbers, arrays = resuming.read(path)
    assert found[0] == numbers and found[1].keys() == arrays.keys()
    for name, array in arrays.items():
        onp.testing.assert_array_equal(found[1][name], array)


def test_a_damaged_file_leaves_the_training_as_it_was(tmp_path, written):
    (tmp_path / "file").write_bytes(written[:-1])
    net, untouched = network(), network()
    with pytest.raises(ValueError, match="must be a checkpoint: it is none, or is damaged"):
        train(tmp_path / "file", net=net)
    for one, other in zip(
        net.collect_params().values(), untouched.collect_params().values(), strict=True
    ):
        assert (one.data() == other.data()).all()
    assert (tmp_path / "file").read_bytes() == written[:-1]


def test_there_is_always_a_whole_file(tmp_path, monkeypatch):
    """Writing fails, halfway and before the renaming: the last checkpoint stays, and no other file."""
    path = tmp_path / "file"
    train(path, epochs=1)
    before = path.read_bytes()

    def half(arrays, place, metadata):
        save_file(arrays, place, metadata=metadata)
        os.truncate(place, 100)
        raise OSError("no space left")

    def fail(number):
        raise OSError("no space left")

    for place, broken in (("d2l_attention.resuming.save_file", half), ("os.fsync", fail)):
        with monkeypatch.context() as patched, pytest.raises(OSError, match="no space left"):
            patched.setattr(place, broken)
            train(path, epochs=2)
        assert path.read_bytes() == before and os.listdir(tmp_path) == ["file"]
    assert train(path) == train(tmp_path / "whole")


def test_the_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    path, flushed, flush = tmp_path / "file", [], os.fsync
    place = lambda number: os.readlink(f"/proc/self/fd/{number}")
    monkeypatch.setattr("os.fsync", lambda n: flushed.append((place(n), path.exists())) or flush(n))
    train(path, epochs=1, every=9)
    assert flushed == [(f"{path}.unfinished", False), (str(tmp_path), True)]


def test_no_pickle(tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("pickled")

    monkeypatch.setattr("pickle.dumps", refuse)
    monkeypatch.setattr("pickle.loads", refuse)
    train(tmp_path / "file", epochs=1)
    train(tmp_path / "file")
    with safe_open(tmp_path / "file", framework="numpy") as file:
        assert file.metadata().keys() == {"format", "training", "digest"}


# -------------------------------------------------------------------------- of another training
OTHERS = [
    ("its clip_norm is 1.0, and not 2.0", {"clip_norm": 2.0}),
    ("its clip_each is False, and not True", {"clip_each": True}),
    ("its every is 2, and not 3", {"every": 3}),
    ("its seed is 4, and not 5", {"seed": 5}),
    ("its monitor is None, and not 'loss'", {"monitor": "loss"}),
    ("its lr is 0.02, and not 0.03", {"make": lambda: optimizer.Adam(0.03)}),
    ("its beta2 is 0.999, and not 0.9", {"make": lambda: optimizer.Adam(0.02, beta2=0.9)}),
    ("its .* is .*, and not ", {"make": OPTIMIZERS["SGD"]}),
    ("its schedule.* is None, and not ", {"make": OPTIMIZERS["warm-up"]}),
    ("its first batch is ", {"data": batches((X,), Y, 4, shuffle=True, seed=2)}),
    ("its first batch is ", {"data": batches((X,), Y, 5, shuffle=True, seed=1)}),
    ("its first batch is ", {"data": batches((X,), Y + 1, 4, shuffle=True, seed=1)}),
]


@pytest.mark.parametrize(("message", "options"), OTHERS)
def test_another_recipe_is_refused(tmp_path, message, options):
    train(tmp_path / "file", epochs=1)
    with pytest.raises(ValueError, match=f"file is the checkpoint of another training: {message}"):
        train(tmp_path / "file", **options)


@pytest.mark.parametrize(
    ("message", "layers"),
    [
        (r"model.0.bias is float32 of shape \(8,\), and not float32 of shape \(9,\)", (9, 1)),
        ("model.2.bias is float32 .* and not missing", (8,)),
        ("model.3.bias is missing, and not float32 ", (8, 1, 1)),
    ],
)
def test_another_model_is_refused(tmp_path, message, layers):
    train(tmp_path / "file", epochs=1)
    net = nn.HybridSequential()
    net.add(nn.Dense(layers[0], in_units=1, activation="tanh"), nn.Dropout(0.3))
    for size, before in zip(layers[1:], layers, strict=False):
        net.add(nn.Dense(size, in_units=before))
    net.initialize()
    with pytest.raises(ValueError, match=f"file is the checkpoint of another model: its {message}"):
        train(tmp_path / "file", net=net)


def test_weights_alone_are_no_checkpoint_and_the_other_way_round(tmp_path):
    checkpoints.save(run.build(), tmp_path / "weights")
    with pytest.raises(ValueError, match="must be a checkpoint of a training, and is another"):
        train(tmp_path / "weights")
    train(tmp_path / "training", epochs=1)
    with pytest.raises(ValueError, match="training lacks"):
        checkpoints.load(run.build(), tmp_path / "training")


def test_data_that_end_too_soon_are_refused(tmp_path):
    with pytest.raises(StoppedError):
        train(tmp_path / "file", at=4)
    data = batches((X,), Y, 4, shuffle=True, seed=1)
    fewer = lambda epoch: itertools.islice(data(epoch), 3)
    with pytest.raises(ValueError, match=r"batches must be those of .*file, and end at step 3"):
        train(tmp_path / "file", data=fewer)


def test_an_iterator_cannot_be_resumed(tmp_path):
    with pytest.raises(ValueError, match="batches must be a function of the epoch, or a list"):
        train(tmp_path / "file", data=iter([((X,), Y)]))


def test_a_parameter_that_is_not_finite_is_not_kept(tmp_path):
    loss = lambda output, target: np.sqrt(np.abs(output - output)).reshape(-1)
    with pytest.raises(FloatingPointError, match="a parameter is not finite"):
        train(tmp_path / "file", loss=loss, every=1)
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize(
    ("error", "options"),
    [(ValueError, {"every": 0}), (TypeError, {"every": 1.5}), (ValueError, {"seed": -1})],
)
def test_bad_numbers_are_refused(tmp_path, error, options):
    with pytest.raises(error):
        Checkpoint(tmp_path / "file", **({"every": 1} | options))


def test_the_folder_must_be_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="path must be in a folder that exists"):
        Checkpoint(tmp_path / "none" / "file", every=1)
