"""The loop computes what a hand-written loop computes, stops when it should, and says
plainly what went wrong.
"""

import contextlib
import functools
import itertools
import os
import struct
import subprocess
import sys

import nbclient
import nbformat
import numpy as onp
import pytest
from tqdm import tqdm

from d2l_attention import seed_everything, training
from d2l_attention.training import History, batches, train

from mxnet import autograd, gluon, np


@pytest.fixture
def line():
    """Points of y = 3 x - 1 and a linear model at zero: (x, y, net, step)."""
    x = onp.linspace(-1, 1, 20, dtype="float32")[:, None]
    net = gluon.nn.Dense(1, in_units=1)
    net.initialize("zeros")
    return x, 3 * x - 1, net, lambda x, y: np.square(net(x) - y).reshape(-1)


def sgd(net, learning_rate=0.1):
    return gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": learning_rate})


def values(net):
    return [parameter.data().asnumpy() for parameter in net.collect_params().values()]


def test_learns_a_line(line):
    x, y, net, step = line
    data = batches((x, y), batch_size=4, shuffle=True, seed=0)
    history = train(step, data, sgd(net), epochs=60, progress=False)
    assert net.weight.data().item() == pytest.approx(3, abs=1e-3)
    assert net.bias.data().item() == pytest.approx(-1, abs=1e-3)
    assert history["loss"][-1] < 1e-5 < history["loss"][0]
    assert (history.best, history.stopped_early) == (None, False)


def test_equals_gradient_descent_by_hand(line):
    """Three epochs of batches of 8, 8 and 4: the loss is averaged over examples, not
    over batches.
    """
    x, y, net, step = line
    data = batches((x, y), batch_size=8, shuffle=False)
    history = train(step, data, sgd(net), epochs=3, progress=False)
    weight, bias, expected = 0.0, 0.0, []
    for _ in range(3):
        total = 0.0
        for start in (0, 8, 16):
            xs, ys = x[start : start + 8, 0], y[start : start + 8, 0]
            error = weight * xs + bias - ys
            total += (error**2).sum()
            weight, bias = (
                weight - 0.1 * (2 * error * xs).mean(),
                bias - 0.1 * (2 * error).mean(),
            )
        expected.append(total / 20)
    assert history["loss"] == pytest.approx(onp.array(expected), rel=1e-5)
    assert [net.weight.data().item(), net.bias.data().item()] == pytest.approx(
        [weight, bias], rel=1e-5
    )


@pytest.mark.parametrize("clip_norm, length", [(0.5, 0.5), (1e6, None), (None, None)])
def test_clips_the_norm_of_the_mean_gradient_over_all_parameters(line, clip_norm, length):
    x, y, net, step = line
    train(
        step,
        [(np.array(x), np.array(y))],
        sgd(net, learning_rate=1),
        epochs=1,
        clip_norm=clip_norm,
        progress=False,
    )
    # At zero, by hand
    gradient = onp.array([(-2 * y[:, 0] * x[:, 0]).mean(), (-2 * y[:, 0]).mean()])
    expected = -gradient if length is None else -gradient * length / onp.linalg.norm(gradient)
    assert onp.concatenate([v.ravel() for v in values(net)]) == pytest.approx(expected, rel=1e-5)


def test_clips_each_parameter_by_itself(line):
    """At zero the mean gradient is about -2.2 for the weight and 2 for the bias: only
    one is above 2.1.
    """
    x, y, net, step = line
    data = [(np.array(x), np.array(y))]
    gradient = onp.array([(-2 * y[:, 0] * x[:, 0]).mean(), (-2 * y[:, 0]).mean()])
    assert abs(gradient[0]) > 2.1 > abs(gradient[1])
    train(
        step,
        data,
        sgd(net, learning_rate=1),
        epochs=1,
        clip_norm=2.1,
        clip_each=True,
        progress=False,
    )
    expected = [2.1, -gradient[1]]
    assert onp.concatenate([v.ravel() for v in values(net)]) == pytest.approx(expected, rel=1e-5)


def test_fixed_parameters_neither_move_nor_count_in_the_norm(line):
    x, y, net, step = line
    net.bias.grad_req = "null"
    train(
        step,
        [(np.array(x), np.array(y))],
        sgd(net, 1),
        epochs=1,
        clip_norm=0.5,
        progress=False,
    )
    assert net.bias.data().item() == 0
    assert abs(net.weight.data().item()) == pytest.approx(0.5)


def test_step_trains_and_evaluate_predicts(line):
    x, y, net, _ = line
    modes = []

    def step(x, y):
        modes.append((autograd.is_recording(), autograd.is_training()))
        return np.square(net(x) - y).reshape(-1)

    def evaluate():
        modes.append((autograd.is_recording(), autograd.is_training()))
        return {"validation": np.array(0.5)}

    history = train(
        step,
        batches((x, y), 10, shuffle=False),
        sgd(net),
        epochs=1,
        evaluate=evaluate,
        progress=False,
    )
    assert modes == [(True, True), (True, True), (False, False)]
    assert history.epochs[0].keys() == {"epoch", "loss", "validation"}
    assert type(history.epochs[0]["validation"]) is float


def scripted(net, scores):
    """An `evaluate` that reports the given scores, and keeps the parameters that it
    saw.
    """
    seen, scores = [], iter(scores)

    def evaluate():
        seen.append(values(net))
        return {"validation": next(scores)}

    return evaluate, seen


@pytest.mark.parametrize(
    "scores, patience, best, epochs, stopped",
    [
        ([3, 2, 4, 5, 1], 2, 1, 4, True),
        # Patience runs out with the last epoch: nothing was cut short
        ([3, 2, 4, 1, 5], 2, 3, 5, False),
        ([3, 3, 3, 3, 3], 2, 0, 3, True),  # equal is no improvement
        ([5, 4, 3, 2, 1], 1, 4, 5, False),
        ([1, 2, 3, 4, 5], None, 0, 5, False),
        ([1, 2, 3, 4, 5], 4, 0, 5, False),
    ],
)
def test_patience_stops_and_the_best_parameters_come_back(
    line, scores, patience, best, epochs, stopped
):
    x, y, net, step = line
    evaluate, seen = scripted(net, scores)
    data = batches((x, y), 5, shuffle=False)
    history = train(
        step,
        data,
        sgd(net),
        epochs=5,
        evaluate=evaluate,
        monitor="validation",
        patience=patience,
        progress=False,
    )
    assert (history.best, len(history.epochs), history.stopped_early) == (
        best,
        epochs,
        stopped,
    )
    assert all((now == then).all() for now, then in zip(values(net), seen[best], strict=True))
    assert best == epochs - 1 or any(
        (now != then).any() for now, then in zip(values(net), seen[-1], strict=True)
    )


def test_running_statistics_come_back_with_the_best_parameters():
    net = gluon.nn.BatchNorm(in_channels=1)
    net.initialize()
    evaluate, _ = scripted(net, [1, 2])
    data = [(np.arange(4).reshape(4, 1).astype("float32"),)]
    train(
        lambda x: net(x).reshape(-1),
        data,
        sgd(net),
        epochs=2,
        evaluate=evaluate,
        monitor="validation",
        progress=False,
    )
    mean = net.running_mean.data().asnumpy()
    assert mean == pytest.approx(0.1 * 1.5)  # one epoch's worth, not two


def test_training_goes_on_after_the_best_parameters_came_back(line):
    x, y, net, step = line
    evaluate, _ = scripted(net, [1, 2, 3])
    data, trainer = batches((x, y), 5, shuffle=False), sgd(net)
    first = train(
        step,
        data,
        trainer,
        epochs=2,
        evaluate=evaluate,
        monitor="validation",
        progress=False,
    )
    second = train(step, data, trainer, epochs=1, progress=False)
    # Epoch two again, from the parameters after epoch one
    assert second["loss"][0] == first["loss"][1]


def test_the_training_loss_can_be_monitored(line):
    x, y, net, step = line
    history = train(
        step,
        batches((x, y), 5, shuffle=False),
        sgd(net),
        epochs=3,
        monitor="loss",
        progress=False,
    )
    assert history.best == 2


def test_the_same_seed_gives_the_same_run_to_the_last_bit():
    def run():
        seed_everything(1)
        net = gluon.nn.HybridSequential()
        net.add(
            gluon.nn.Dense(8, in_units=1, activation="relu"),
            gluon.nn.Dropout(0.5),
            gluon.nn.Dense(1, in_units=8),
        )
        net.initialize()
        x = onp.linspace(-1, 1, 64, dtype="float32")[:, None]
        data = batches((x, x**2), 10, shuffle=True, seed=3)
        trainer = gluon.Trainer(net.collect_params(), "adam")
        loss = gluon.loss.L2Loss()
        return train(lambda x, y: loss(net(x), y), data, trainer, epochs=3, progress=False)["loss"]

    assert (run() == run()).all()


@pytest.mark.parametrize(
    "steps",
    [1, training.QUEUED_STEPS, training.QUEUED_STEPS + 1, 3 * training.QUEUED_STEPS],
)
def test_every_loss_is_counted_once_however_late_it_is_read(line, steps):
    _, _, net, _ = line
    data = [(np.full((2, 1), i), np.array([float(i), i + 1.0])) for i in range(steps)]
    history = train(
        lambda x, loss: 0 * net(x)[:, 0] + loss,
        data,
        sgd(net),
        epochs=1,
        progress=False,
    )
    assert history["loss"] == pytest.approx([steps / 2])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_not_finite_is_named_by_epoch_and_step(line, bad):
    _, _, net, _ = line
    clean = [(np.ones((2, 1)), np.zeros(2))] * 30
    spoilt = [*clean[:16], (np.ones((2, 1)), np.array([0, bad])), *clean[17:]]
    with pytest.raises(FloatingPointError, match="epoch 2, step 17"):
        train(
            lambda x, loss: 0 * net(x)[:, 0] + loss,
            lambda epoch: spoilt if epoch == 1 else clean,
            sgd(net),
            epochs=3,
            progress=False,
        )


def test_a_monitored_value_that_is_not_a_number_is_refused(line):
    x, y, net, step = line
    evaluate, _ = scripted(net, [1, float("nan")])
    with pytest.raises(FloatingPointError, match="validation is not a number after epoch 2"):
        train(
            step,
            batches((x, y), 5, shuffle=False),
            sgd(net),
            epochs=3,
            evaluate=evaluate,
            monitor="validation",
            progress=False,
        )


def test_an_iterator_that_ends_is_noticed_in_the_second_epoch(line):
    x, y, net, step = line
    with pytest.raises(ValueError, match="batches is empty in epoch 2"):
        train(step, iter([(np.array(x), np.array(y))]), sgd(net), epochs=2, progress=False)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"epochs": 0}, "epochs must be positive"),
        ({"clip_norm": 0}, "clip_norm must be positive"),
        ({"clip_norm": float("nan")}, "clip_norm must be positive"),
        ({"monitor": "loss", "patience": 0}, "patience must be positive"),
        ({"patience": 3}, "patience needs monitor"),
        ({"monitor": "accuracy"}, "monitor must be one of epoch, loss"),
        ({"step": lambda x, y: np.square(x - y)}, r"shape \(batch,\), got \(20, 1\)"),
        ({"step": lambda x, y: np.square(x - y).mean()}, r"shape \(batch,\), got \(\)"),
        ({"step": lambda x, y: np.zeros(0)}, "one loss per example"),
        ({"batches": []}, "batches is empty in epoch 1"),
    ],
)
def test_bad_arguments_are_named(line, arguments, message):
    x, y, net, step = line
    call = {
        "step": step,
        "batches": [(np.array(x), np.array(y))],
        "epochs": 1,
        "progress": False,
    }
    with pytest.raises(ValueError, match=message):
        train(trainer=sgd(net), **(call | arguments))


def test_bad_types_are_named(line):
    x, _, net, step = line
    with pytest.raises(TypeError, match="batches must yield tuples, got ndarray"):
        train(step, [np.array(x)], sgd(net), epochs=1, progress=False)
    with pytest.raises(TypeError, match="step must return an MXNet array, got float"):
        train(lambda x: 0.0, [(np.array(x),)], sgd(net), epochs=1, progress=False)


def test_history_is_read_by_name():
    history = History([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}])
    assert history["loss"].tolist() == [2, 1]
    with pytest.raises(KeyError, match="no 'accuracy' in this history: it has epoch, loss"):
        history["accuracy"]


def rows(epoch_batches):
    return [tuple(array.tolist() for array in batch) for batch in epoch_batches]


def test_batches_in_order_with_a_smaller_last_one():
    data = batches((onp.arange(5), onp.arange(5) / 2), 2, shuffle=False)
    assert rows(data(0)) == rows(data(7)) == [([0, 1], [0, 0.5]), ([2, 3], [1, 1.5]), ([4], [2])]


def test_shuffled_batches_are_a_permutation_fixed_by_seed_and_epoch():
    x = onp.arange(100)
    data = batches((x, 2 * x), 7, shuffle=True, seed=5)
    first = rows(data(0))
    assert sorted(itertools.chain(*(batch[0] for batch in first))) == x.tolist()
    assert all(two == 2 * one for batch in first for one, two in zip(*batch, strict=True))
    assert first == rows(data(0)) == rows(batches((x, 2 * x), 7, shuffle=True, seed=5)(0))
    assert first != rows(data(1)) and first != rows(batches((x, 2 * x), 7, shuffle=True, seed=6)(0))


def test_the_shuffle_is_the_one_that_the_committed_outputs_saw():
    assert rows(batches((onp.arange(8),), 8, shuffle=True, seed=0)(0)) == [
        ([3, 7, 4, 0, 2, 6, 5, 1],)
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8"])
def test_batches_keep_the_dtype_and_do_not_alias_the_data(dtype):
    x = onp.ones((4, 2), dtype=dtype)
    for (batch,) in batches((x,), 2, shuffle=False)(0):
        assert batch.dtype == onp.dtype(dtype) and batch.shape == (2, 2)
        batch[:] = 0
    assert (x == 1).all()


@pytest.mark.parametrize(
    "arrays, batch_size, error",
    [
        ((onp.arange(3), onp.arange(4)), 2, ValueError),
        ((onp.arange(0),), 2, ValueError),
        ((), 2, ValueError),
        ((onp.arange(3),), 0, ValueError),
        (([1, 2, 3],), 2, TypeError),
    ],
)
def test_batches_refuses(arrays, batch_size, error):
    with pytest.raises(error, match=r"arrays must|batch_size must"):
        batches(arrays, batch_size, shuffle=False)


def test_batches_refuses_mxnet_arrays():
    with pytest.raises(TypeError, match="NumPy arrays, got ndarray"):
        batches((np.arange(3),), 2, shuffle=False)


NOTEBOOK = """
import numpy as onp
import d2l_attention
from mxnet import gluon, np
from d2l_attention.training import batches, train
d2l_attention.seed_everything(0)
net = gluon.nn.Dense(1, in_units=1)
net.initialize()
x = onp.linspace(-1, 1, 6400, dtype="float32")[:, None]
data = batches((x, 3 * x), 32, shuffle=True, seed=0, device=None)
loss = lambda x, y: np.square(net(x) - y).reshape(-1)
trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.01})
scores = iter([123456.0, 2.0, 1.0, 2.0, 2.0])
history = train(loss, data, trainer, epochs=8, evaluate=lambda: {"validation": next(scores)},
                monitor="validation", patience=2)
print(history.best)
"""
LAST_LINE = "training |##########| at most 8 epochs\n2\n"


@pytest.mark.parametrize("last_redraw", [0, 1, 30, 57, 60])
def test_the_progress_line_ends_the_same_however_fast_it_ran(
    line, capsys, monkeypatch, last_redraw
):
    """A slower machine rewrites the line at other moments; its last state has no trace
    of that.
    """
    x, y, net, step = line
    bars, steps = [], itertools.count()
    redrawing_at_every_step = functools.partial(tqdm, mininterval=0)
    monkeypatch.setattr(
        training,
        "tqdm",
        lambda **kw: bars.append(redrawing_at_every_step(**kw)) or bars[0],
    )

    def slowing_step(x, y):
        if next(steps) == last_redraw:
            bars[0].mininterval = 1e9
        return step(x, y)

    train(slowing_step, batches((x, y), 1, shuffle=False), sgd(net), epochs=3)
    out, err = capsys.readouterr()
    final = out.rpartition("\r")[2]
    assert final == "training |##########| 3/3 epochs\n" and err == ""
    assert out.count("\n") == 1 and last_redraw - 10 <= out.count("\r") <= last_redraw + 10


@pytest.mark.parametrize("scores", [[3, 2, 2, 2, 2, 2], [6, 5, 4, 3, 2, 1]])
def test_the_progress_line_ends_the_same_whether_or_not_it_stopped_early(line, capsys, scores):
    """When patience runs out depends on last bits, and these on the processor."""
    x, y, net, step = line
    left = iter(scores)
    history = train(
        step,
        batches((x, y), 5, shuffle=False),
        sgd(net),
        epochs=6,
        evaluate=lambda: {"validation": next(left)},
        monitor="validation",
        patience=2,
    )
    assert history.stopped_early == (scores[-1] == 2)
    final = capsys.readouterr().out.rpartition("\r")[2]
    assert final == "training |##########| at most 6 epochs\n"


def test_a_narrow_terminal_does_not_cut_the_progress_line():
    """tqdm asks the terminal for its width, also the one that a notebook's kernel was
    started in.
    """
    pty, fcntl, termios = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios"))
    parent, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    code = NOTEBOOK.replace("print(history.best)", "")
    subprocess.run([sys.executable, "-c", code], stdout=terminal, check=True)
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # how Linux says that a terminal is closed
        while part := os.read(parent, 65536):
            shown += part
    os.close(parent)
    last = shown.decode().replace("\r\n", "\n").rpartition("\r")[2]
    assert last == LAST_LINE.removesuffix("2\n")


def test_the_progress_line_of_an_executed_notebook_passes_strict_nbval(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    notebook.metadata.kernelspec = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    nbclient.NotebookClient(notebook, record_timing=False, coalesce_streams=True).execute()
    (output,) = notebook.cells[0].outputs
    assert (output.name, output.text) == ("stdout", LAST_LINE)

    nbformat.write(notebook, tmp_path / "right.ipynb")
    output.text = output.text.replace("most 8", "most 9")
    nbformat.write(notebook, tmp_path / "wrong.ipynb")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rA",
        "--nbval",
        "--nbval-current-env",
        "--color=no",
        str(tmp_path),
    ]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "PASSED right.ipynb" in result.stdout and "FAILED wrong.ipynb" in result.stdout


def test_progress_can_be_switched_off(line, capsys):
    x, y, net, step = line
    train(step, batches((x, y), 5, shuffle=False), sgd(net), epochs=2, progress=False)
    assert capsys.readouterr() == ("", "")
