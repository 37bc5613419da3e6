"""`fit` computes what a loop by hand computes, stops when it should, and says plainly what went wrong."""

import numpy as onp
import pytest

from d2l_attention import seed_everything, training
from d2l_attention.datasets.batches import batches
from d2l_attention.training import History, fit, predict

from mxnet import autograd, gluon, np, optimizer
from mxnet.gluon import nn

X = onp.linspace(-1, 1, 20, dtype="float32")[:, None]
Y = 3 * X - 1
WHOLE = [((X,), Y)]


def squares(output, target):
    return np.square(output - target).reshape(-1)


def sgd(learning_rate=0.1):
    return optimizer.SGD(learning_rate=learning_rate)


@pytest.fixture
def line():
    """A linear model at zero, to be fitted to the points of y = 3 x - 1."""
    net = nn.Dense(1, in_units=1)
    net.initialize("zeros")
    return net


def run(net, data=WHOLE, **options):
    options = {"optimizer": sgd(), "epochs": 1, "loss": squares, "progress": False} | options
    return fit(net, data, options.pop("optimizer"), **options)


def values(net):
    return [parameter.data().asnumpy() for parameter in net.collect_params().values()]


def flat(net):
    return onp.concatenate([value.ravel() for value in values(net)])


# ------------------------------------------------------------------------------ descent
def test_learns_a_line(line):
    history = run(line, batches((X,), Y, 4, shuffle=True, seed=0), epochs=60)
    assert flat(line) == pytest.approx([3, -1], abs=1e-3)
    assert history["loss"][-1] < 1e-5 < history["loss"][0]
    assert (history.best, history.stopped_early) == (None, False)


def test_equals_gradient_descent_by_hand(line):
    """Batches of 8, 8 and 4: the loss is averaged over examples, not over batches."""
    history = run(line, batches((X,), Y, 8), epochs=3)
    weight, bias, expected = 0.0, 0.0, []
    for _ in range(3):
        total = 0.0
        for start in (0, 8, 16):
            xs, ys = X[start : start + 8, 0], Y[start : start + 8, 0]
            error = weight * xs + bias - ys
            total += (error**2).sum()
            weight, bias = weight - 0.2 * (error * xs).mean(), bias - 0.2 * error.mean()
        expected.append(total / 20)
    assert history["loss"] == pytest.approx(onp.array(expected), rel=1e-5)
    assert flat(line) == pytest.approx([weight, bias], rel=1e-5)


# The mean loss's gradient at zero, by hand: about -2.2 for the weight and 2 for the bias
GRADIENT = onp.array([(-2 * Y * X).mean(), (-2 * Y).mean()])


@pytest.mark.parametrize(("clip_norm", "length"), [(0.5, 0.5), (1e6, None), (None, None)])
def test_clips_the_norm_of_the_mean_gradient_over_all_parameters(line, clip_norm, length):
    run(line, optimizer=sgd(1), clip_norm=clip_norm)
    scale = 1 if length is None else length / onp.linalg.norm(GRADIENT)
    assert flat(line) == pytest.approx(-GRADIENT * scale, rel=1e-5)


def test_clips_each_parameter_by_itself(line):
    assert abs(GRADIENT[0]) > 2.1 > abs(GRADIENT[1])
    run(line, optimizer=sgd(1), clip_norm=2.1, clip_each=True)
    assert flat(line) == pytest.approx([2.1, -GRADIENT[1]], rel=1e-5)


def test_fixed_parameters_neither_move_nor_count_in_the_norm(line):
    line.bias.grad_req = "null"
    run(line, optimizer=sgd(1), clip_norm=0.5)
    assert line.bias.data().item() == 0
    assert abs(line.weight.data().item()) == pytest.approx(0.5)


class Watched(gluon.HybridBlock):
    """Notes in which mode it runs."""

    def __init__(self, net):
        super().__init__()
        self.net, self.modes = net, []

    def __call__(self, x):
        self.modes.append((autograd.is_recording(), autograd.is_training()))
        return self.net(x)

    def loss(self, output, target):
        return squares(output, target)


def test_a_model_supplies_its_loss_trains_in_steps_and_predicts_between(line):
    model = Watched(line)

    def evaluate():
        predict(model, WHOLE)
        return {"validation": np.array(0.5)}

    history = run(model, batches((X,), Y, 10), loss=None, evaluate=evaluate)
    assert model.modes == [(True, True), (True, True), (False, False)]
    assert history.epochs[0].keys() == {"epoch", "loss", "validation"}
    assert type(history.epochs[0]["validation"]) is float


# ------------------------------------------------------------------------ the best epoch
def scripted(net, scores):
    """An `evaluate` that reports the given scores, and keeps the parameters that it saw."""
    seen, scores = [], iter(scores)

    def evaluate():
        seen.append(values(net))
        return {"validation": next(scores)}

    return evaluate, seen


@pytest.mark.parametrize(
    ("scores", "patience", "best", "epochs", "stopped"),
    [
        ([3, 2, 4, 5, 1], 2, 1, 4, True),
        ([3, 2, 4, 1, 5], 2, 3, 5, False),
        ([1, 3, 2, 4, 5], 4, 0, 5, False),  # out of patience with the last epoch: nothing is cut
        ([3, 3, 3, 3, 3], 2, 0, 3, True),  # equal is no improvement
        ([5, 4, 3, 2, 1], 1, 4, 5, False),
        ([1, 2, 3, 4, 5], None, 0, 5, False),
        ([float("inf"), 2, 3, 4, 5], 2, 1, 4, True),
    ],
)
def test_patience_stops_and_the_best_parameters_come_back(
    line, scores, patience, best, epochs, stopped
):
    evaluate, seen = scripted(line, scores)
    options = {"evaluate": evaluate, "monitor": "validation", "patience": patience}
    history = run(line, batches((X,), Y, 5), epochs=5, **options)
    found = history.best, len(history.epochs), history.stopped_early
    assert found == (best, epochs, stopped)
    assert all((now == then).all() for now, then in zip(values(line), seen[best], strict=True))
    last = zip(values(line), seen[-1], strict=True)
    assert best == epochs - 1 or any((now != then).any() for now, then in last)


def test_running_statistics_come_back_with_the_best_parameters():
    net = nn.BatchNorm(in_channels=1)
    net.initialize()
    evaluate, _ = scripted(net, [1, 2])
    data = [((onp.arange(4, dtype="float32")[:, None],), onp.zeros(4, "float32"))]
    loss = lambda output, target: output.reshape(-1) + target
    run(net, data, epochs=2, loss=loss, evaluate=evaluate, monitor="validation")
    assert net.running_mean.data().asnumpy() == pytest.approx(0.1 * 1.5)  # one epoch's, not two


def test_training_goes_on_from_the_best_parameters(line):
    evaluate, _ = scripted(line, [1, 2])
    data = batches((X,), Y, 5)
    first = run(line, data, epochs=2, evaluate=evaluate, monitor="validation")
    assert run(line, data)["loss"][0] == first["loss"][1]  # epoch two again


def test_the_training_loss_can_be_monitored(line):
    assert run(line, batches((X,), Y, 5), epochs=3, monitor="loss").best == 2


def test_the_same_seed_gives_the_same_run_to_the_last_bit():
    def losses():
        seed_everything(1)
        net = nn.HybridSequential()
        net.add(nn.Dense(8, activation="relu"), nn.Dropout(0.5), nn.Dense(1))
        net.initialize()
        data = batches((X,), X**2, 6, shuffle=True, seed=3)
        return run(net, data, optimizer=optimizer.Adam(), epochs=3)["loss"]

    assert (losses() == losses()).all()


# ------------------------------------------------------------------------- what is wrong
def given(output, target):
    """A loss that is its target."""
    return 0 * output[:, 0] + target


ONES = onp.ones((2, 1), "float32")


@pytest.mark.parametrize("steps", [1, *(training.QUEUED_STEPS + more for more in (0, 1, 16))])
def test_every_loss_is_counted_once_however_late_it_is_read(line, steps):
    data = [((ONES,), onp.array([i, i + 1], "float32")) for i in range(steps)]
    assert run(line, data, loss=given)["loss"] == pytest.approx([steps / 2])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_not_finite_is_named_by_epoch_and_step(line, bad):
    clean = [((ONES,), onp.zeros(2, "float32"))] * 30
    spoilt = [*clean[:16], ((ONES,), onp.array([0, bad], "float32")), *clean[17:]]
    with pytest.raises(FloatingPointError, match="loss is not finite in epoch 2, step 17"):
        run(line, lambda epoch: spoilt if epoch == 1 else clean, loss=given, epochs=3)


@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_a_parameter_that_a_finite_loss_spoils_is_noticed(line, clip_norm):
    """The root of |x| has an infinite gradient at zero."""
    loss = lambda output, target: np.sqrt(np.abs(output)).reshape(-1)
    with pytest.raises(FloatingPointError, match="a parameter is not finite in epoch 1, step 1"):
        run(line, loss=loss, clip_norm=clip_norm)


def test_a_monitored_value_that_is_not_a_number_is_refused(line):
    evaluate, _ = scripted(line, [1, float("nan")])
    with pytest.raises(FloatingPointError, match="validation is not a number after epoch 2"):
        run(line, epochs=3, evaluate=evaluate, monitor="validation")


def test_an_iterator_that_ends_is_noticed_in_the_second_epoch(line):
    with pytest.raises(ValueError, match="batches is empty in epoch 2"):
        run(line, iter(WHOLE), epochs=2)


ONE_NUMBER = "loss must return one number an example"
BAD = [
    (ValueError, "epochs must be at least 1", {"epochs": 0}),
    (TypeError, "epochs must be an integer", {"epochs": True}),
    (TypeError, "epochs must be an integer", {"epochs": 1.5}),
    (ValueError, "clip_norm must be a positive", {"clip_norm": 0}),
    (ValueError, "clip_norm must be a positive", {"clip_norm": float("nan")}),
    (ValueError, "clip_norm must be a positive", {"clip_norm": True}),
    (ValueError, "patience must be at least 1", {"monitor": "loss", "patience": 0}),
    (TypeError, "patience must be an integer", {"monitor": "loss", "patience": True}),
    (ValueError, "patience needs monitor", {"patience": 3}),
    (ValueError, "monitor must be one of epoch, loss", {"monitor": "accuracy"}),
    (ValueError, "evaluate must not return loss", {"evaluate": lambda: {"loss": 1.0}}),
    (ValueError, "evaluate must not return epoch", {"evaluate": lambda: {"epoch": 1, "x": 2}}),
    (TypeError, "evaluate must return a dict", {"evaluate": lambda: None}),
    (TypeError, "evaluate must return a dict", {"evaluate": lambda: 0.5}),
    (ValueError, ONE_NUMBER, {"loss": lambda output, y: np.square(output - y)}),
    (ValueError, ONE_NUMBER, {"loss": lambda output, y: np.square(output - y).mean()}),
    (ValueError, ONE_NUMBER, {"loss": lambda output, y: 0.0}),
    (ValueError, "batches is empty in epoch 1", {"data": []}),
    (ValueError, "batches is empty in epoch 1", {"data": lambda epoch: iter(())}),
]


@pytest.mark.parametrize(("error", "message", "options"), BAD)
def test_bad_arguments_are_named(line, error, message, options):
    with pytest.raises(error, match=message):
        run(line, **options)


def test_an_optimizer_that_has_trained_is_refused(line):
    """Gluon's Trainer would divide by the size of a batch once more with each training."""
    used = sgd()
    run(line, optimizer=used)
    with pytest.raises(ValueError, match="optimizer must be a new one"):
        run(line, optimizer=used)


def test_a_model_without_parameters_cannot_be_trained():
    with pytest.raises(ValueError, match="model has no parameters to train"):
        run(nn.Flatten())


# -------------------------------------------------------------------- history, progress
def test_history_is_read_by_name():
    history = History([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}])
    assert history["loss"].tolist() == [2, 1]
    with pytest.raises(KeyError, match="no 'accuracy' in this history: it has epoch, loss"):
        history["accuracy"]


def test_the_progress_line_ends_the_same_whether_or_not_it_stopped_early(line, capsys):
    for scores in ([3, 2, 2, 2, 2, 2], [6, 5, 4, 3, 2, 1]):
        evaluate, _ = scripted(line, scores)
        options = {"evaluate": evaluate, "monitor": "validation", "patience": 2}
        run(line, epochs=6, progress=True, description="learning", **options)
        last = capsys.readouterr().out.rpartition("\r")[2]
        assert last == "learning |##########| at most 6 epochs\n"
    run(line, epochs=2, progress=True)
    assert capsys.readouterr().out.rpartition("\r")[2] == "training |##########| 2/2 epochs\n"
    run(line, epochs=2)
    assert capsys.readouterr() == ("", "")
