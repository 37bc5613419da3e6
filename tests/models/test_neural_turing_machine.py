"""The machine equals the paper's equations, written in NumPy row by row; weights are weights."""

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention import seed_everything
from d2l_attention.datasets.copying import copy
from d2l_attention.models.neural_turing_machine import LSTMNetwork, NeuralTuringMachine

from mxnet import autograd, init, np

SIZES = {"input_size": 4, "output_size": 2, "rows": 6, "width": 3, "hidden_size": 5}
both = pytest.mark.parametrize("controller", ["LSTM", "feed-forward"])


def build(controller="LSTM", seed=0, **sizes):
    seed_everything(seed)
    machine = NeuralTuringMachine(**SIZES | sizes, controller=controller)
    machine.initialize()
    machine(np.zeros((1, 1, (SIZES | sizes)["input_size"])))
    random = onp.random.RandomState(seed)
    for parameter in machine.collect_params().values():
        parameter.set_data(np.array(random.normal(0, 0.8, parameter.shape)))
    return machine


def inputs(count=2, steps=7, seed=0):
    return np.array(onp.random.RandomState(seed).normal(size=(count, steps, 4)).astype("float32"))


# ------------------------------------------------------------------ the paper's equations
def sigmoid(x):
    return 1 / (1 + onp.exp(-x))


def softplus(x):
    return onp.log1p(onp.exp(x))


def dense(layer, x):
    bias = layer.bias.data().asnumpy().astype("float64")
    return layer.weight.data().asnumpy().astype("float64") @ x + bias


def address(said, memory, before):
    """Equations 5 to 9 for one head, from what it is told; memory (N, W) and weights (N,)."""
    n, width = memory.shape
    key, beta, gate = onp.tanh(said[:width]), softplus(said[width]), sigmoid(said[width + 1])
    scores = []
    for row in memory:
        norms = onp.linalg.norm(key) * onp.linalg.norm(row)
        scores.append(onp.exp(beta * (key @ row) / onp.sqrt(norms**2 + 1e-8)))
    content = [score / sum(scores) for score in scores]
    gated = [gate * c + (1 - gate) * w for c, w in zip(content, before, strict=True)]
    shift = onp.exp(said[width + 2 : width + 5])
    shift = dict(zip((-1, 0, 1), shift / shift.sum(), strict=True))
    moved = [sum(gated[(i - s) % n] * shift[s] for s in shift) for i in range(n)]
    sharp = onp.array(moved) ** (1 + softplus(said[width + 5]))
    return sharp / sharp.sum()


def by_hand(machine, x, controller):
    """The outputs and weights for one sequence (T, i)."""
    step, width = machine.step, machine.width
    memory = onp.full((machine.rows, width), 1e-6)
    read, cell, h = onp.zeros(width), onp.zeros(5), onp.zeros(5)
    w_read = w_write = onp.eye(machine.rows)[0]
    found = []
    for now in x:
        seen = onp.concatenate([now, read])
        if controller == "LSTM":
            i, f, g, o = onp.split(dense(step.controller.W, onp.concatenate([seen, h])), 4)
            cell = sigmoid(f) * cell + sigmoid(i) * onp.tanh(g)
            h = sigmoid(o) * onp.tanh(cell)
        else:
            h = onp.tanh(dense(step.controller.W, seen))
        said = dense(step.memory.addressing.says, h)
        w_write = address(said[: width + 6], memory, w_write)
        w_read = address(said[width + 6 :], memory, w_read)
        erase, add = sigmoid(dense(step.memory.erase, h)), onp.tanh(dense(step.memory.add, h))
        memory = onp.array(
            [row * (1 - w * erase) + w * add for row, w in zip(memory, w_write, strict=True)]
        )
        read = sum(w * row for w, row in zip(w_read, memory, strict=True))
        found.append((dense(machine.W_o, onp.concatenate([h, read])), w_read, w_write))
    return [onp.stack(part) for part in zip(*found, strict=True)]


@both
@pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])
def test_is_the_papers_equations(controller, hybridize):
    for seed in range(3):
        machine, x = build(controller, seed), inputs(seed=seed)
        if hybridize:
            machine.hybridize(static_alloc=True)
        found = [array.asnumpy() for array in machine(x)]
        for row in range(2):
            expected = by_hand(machine, x.asnumpy()[row].astype("float64"), controller)
            for ours, theirs in zip(found, expected, strict=True):
                onp.testing.assert_allclose(ours[row], theirs, atol=1e-4)


@both
def test_gradients_are_numerical_derivatives(controller):
    """In some entries of each matrix, through all steps of the memory."""
    machine, x = build(controller), inputs(steps=4)
    signs = np.array(onp.random.RandomState(1).normal(size=(2, 4, 2)).astype("float32"))
    with autograd.record():
        total = (machine(x)[0] * signs).sum()
    total.backward()
    random = onp.random.RandomState(0)
    for name, parameter in machine.collect_params().items():
        gradient, start = parameter.grad().asnumpy(), parameter.data().asnumpy()
        for _ in range(2):
            place = tuple(random.randint(size) for size in start.shape)
            values = []
            for step in (1e-2, -1e-2):
                moved = start.copy()
                moved[place] += step
                parameter.set_data(np.array(moved))
                values.append(float((machine(x)[0] * signs).sum().asnumpy()))
            parameter.set_data(np.array(start))
            numerical = (values[0] - values[1]) / 2e-2
            assert gradient[place] == pytest.approx(numerical, abs=5e-3, rel=2e-2), name


@both
def test_equals_the_same_in_pytorch(controller):
    """Outputs, weights and gradients of all parameters, to 1e-5."""
    torch = pytest.importorskip("torch")
    from tests.oracles import neural_turing_machine as oracle
    from tests.oracles.weights import compare_gradients, copy_weights

    for seed in range(3):
        machine, x = build(controller, seed), inputs(seed=seed)
        signs = onp.random.RandomState(seed).normal(size=(2, 7, 2))
        same = oracle.NeuralTuringMachine(**SIZES, controller=controller)
        copy_weights(machine, same)
        with autograd.record():
            found = machine(x)
            total = (found[0] * np.array(signs)).sum()
        total.backward()
        expected = same(torch.tensor(x.asnumpy()).double())
        (expected[0] * torch.tensor(signs)).sum().backward()
        for ours, theirs in zip(found, expected, strict=True):
            onp.testing.assert_allclose(ours.asnumpy(), theirs.detach().numpy(), atol=1e-5)
        compare_gradients(machine, same)


@both
def test_a_hybridized_machine_learns_the_same(controller):
    """Its graph holds several steps; gradients are those of steps one by one."""
    gradients = []
    for hybridize in (False, True):
        machine, x = build(controller), inputs(steps=9)
        if hybridize:
            machine.hybridize(static_alloc=True)
        for _ in range(2):
            with autograd.record():
                total = np.square(machine(x)[0]).sum()
            total.backward()
        gradients.append([p.grad().asnumpy() for p in machine.collect_params().values()])
    for one, other in zip(*gradients, strict=True):
        onp.testing.assert_allclose(one, other, atol=1e-5 * max(1, abs(one).max()))


# ------------------------------------------------------------------------------ an LSTM alone
@pytest.mark.parametrize("layers", [1, 3])
def test_the_lstm_equals_pytorchs(layers):
    torch = pytest.importorskip("torch")
    network = LSTMNetwork(input_size=4, output_size=2, hidden_size=5, layers=layers)
    network.initialize(init.Normal(0.5))
    network.hybridize(static_alloc=True)
    x, signs = inputs(), onp.random.RandomState(1).normal(size=(2, 7, 2))
    with autograd.record():
        found = network(x)
        total = (found * np.array(signs)).sum()
    total.backward()
    lstm = torch.nn.LSTM(4, 5, layers, batch_first=True).double()
    parameters = {name.split("lstm")[-1].split("_", 1)[1]: p
                  for name, p in network.lstm.collect_params().items()}  # fmt: skip
    ours = {
        f"{kind}_{part.replace('2', '').replace('i2h', 'ih')}_l{layer}": parameters[
            f"l{layer}_{part}_{kind}"
        ]
        for layer in range(layers)
        for part in ("i2h", "h2h")
        for kind in ("weight", "bias")
    }
    for name, parameter in ours.items():
        getattr(lstm, name).data.copy_(torch.tensor(parameter.data().asnumpy()))
    W, b = (torch.tensor(p.data().asnumpy()).double().requires_grad_()
            for p in (network.W_o.weight, network.W_o.bias))  # fmt: skip
    expected = lstm(torch.tensor(x.asnumpy()).double())[0] @ W.mT + b
    (expected * torch.tensor(signs)).sum().backward()
    onp.testing.assert_allclose(found.asnumpy(), expected.detach().numpy(), atol=1e-5)
    for name, parameter in ours.items():
        gradient = getattr(lstm, name).grad.numpy()
        onp.testing.assert_allclose(parameter.grad().asnumpy(), gradient, atol=1e-5, err_msg=name)
    onp.testing.assert_allclose(network.W_o.weight.grad().asnumpy(), W.grad.numpy(), atol=1e-5)


# --------------------------------------------------------------------------- properties
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9))
def test_weights_sum_to_one(seed, rows):
    """With few rows, too, where neighbours are the same row."""
    machine = build(seed=seed, rows=rows)
    for weights in machine(inputs(seed=seed))[1:]:
        assert weights.shape == (2, 7, rows) and (weights.asnumpy() >= 0).all()
        onp.testing.assert_allclose(weights.asnumpy().sum(-1), 1, atol=1e-5)


@both
def test_outputs_depend_on_what_was_before_and_on_nothing_after(controller):
    machine, x = build(controller), inputs()
    changed = x.asnumpy().copy()
    changed[:, 3] += 1
    before, after = machine(x)[0].asnumpy(), machine(np.array(changed))[0].asnumpy()
    onp.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert (abs(before[:, 3:] - after[:, 3:]).max(axis=(0, 2)) > 1e-5).all()


def test_examples_do_not_disturb_each_other():
    machine, x = build(), inputs(count=3)
    together = machine(x)[0].asnumpy()
    for row in range(3):
        alone = machine(x[row : row + 1])[0].asnumpy()
        onp.testing.assert_allclose(alone[0], together[row], atol=1e-5)


def test_a_feed_forward_controller_has_no_memory_but_the_machines():
    """Without writing it would give the same output for the same input, whatever went before."""
    machine = build("feed-forward")
    x = onp.tile(inputs(steps=1).asnumpy(), (1, 5, 1))
    found = machine(np.array(x))[0].asnumpy()
    assert abs(found[:, 0] - found[:, 4]).max() > 1e-3
    machine.step.memory.add.weight.set_data(np.zeros((3, 5)))
    machine.step.memory.add.bias.set_data(np.zeros((3,)))
    found = machine(np.array(x))[0].asnumpy()
    onp.testing.assert_allclose(found[:, 0], found[:, 4], atol=1e-4)


def test_the_loss_is_the_sum_over_the_bits_that_are_asked():
    machine = build(input_size=4, output_size=2)
    (x,), target = copy(3, 2, bits=2, seed=0)
    output = machine(np.array(x))
    p = sigmoid(output[0].asnumpy().astype("float64"))
    expected = -(onp.where(target == 1, onp.log(p), onp.log(1 - p)) * (target >= 0)).sum((1, 2))
    found = machine.loss(output, np.array(target))
    onp.testing.assert_allclose(found.asnumpy(), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: build("GRU"), ValueError, "controller must be one of"),
        (lambda: build(rows=0), ValueError, "rows"),
        (lambda: build(width=1.5), TypeError, "width"),
        (lambda: build()(inputs()[:, :, :2]), ValueError, "inputs must be of shape"),
        (lambda: build()(inputs()[:, :0]), ValueError, "none of them 0"),
        (lambda: build().loss(build()(inputs()), np.full((2, 7, 2), 2)), ValueError, "target must"),
    ],
)
def test_wrong_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
