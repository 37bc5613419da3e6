"""Training memory networks: step by step as in PyTorch; a small task is learned, again and again the same."""

import numpy as onp
import pytest

from d2l_attention import seed_everything
from d2l_attention.attention import identity, masked_softmax
from d2l_attention.datasets.stories import Encoder, noisy_ages
from d2l_attention.models.memory_networks import MemoryNetwork
from d2l_attention.training import accuracy, fit, predict
from tests.models.walks import QUESTIONS, VARIANTS, arrays, build, oracle, question, walks, words

from mxnet import lr_scheduler, np, optimizer

RATE, BATCH, CLIP = 0.05, 4, 0.5


def noisy(stories, chosen, random):
    """Ages if sentences without words are mixed in."""
    age, first = stories.age[chosen], int(stories.sentinel)
    for row, length, ages in zip(
        age,
        stories.length[chosen],
        noisy_ages(stories.length[chosen], age.shape[1] - first, 0.4, random),
        strict=True,
    ):
        row[first : first + length] = ages[:length].clip(0, stories.memory_size - 1)
    return age


@pytest.mark.parametrize("variant", VARIANTS)
def test_training_equals_pytorch(variant):
    """Linear start, then softmax with a rate that halves; batches drawn, ages noisy, each gradient cut."""
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import weights

    questions = QUESTIONS[:13]
    encoder, network = build(variant, questions, memory_size=6, scale=0.5)
    other, stories, cut = oracle(torch, network, encoder, variant), encoder(questions), []
    for linear, epochs, step in [(True, 2, 1000), (False, 3, 3)]:
        network.attention.normalise = identity if linear else masked_softmax
        halving = lr_scheduler.FactorScheduler(step, factor=0.5, base_lr=RATE)
        losses = fit(
            network,
            stories.draws(BATCH, seed=5, noise=0.4),
            optimizer.SGD(learning_rate=RATE, lr_scheduler=halving),
            epochs=epochs,
            clip_norm=CLIP,
            clip_each=True,
            progress=False,
        )["loss"]
        other.linear, expected, updates = linear, [], 0
        for epoch in range(epochs):
            random, costs = onp.random.RandomState([5, epoch]), []
            for _ in range(len(questions) // BATCH):
                chosen = random.randint(13, size=BATCH)
                age, asked = noisy(stories, chosen, random), [questions[k] for k in chosen]
                inputs = words(encoder, asked, age, stories.mask[chosen])
                logits, _ = other(*map(torch.tensor, inputs))
                answer = torch.tensor(stories.answer[chosen], dtype=torch.long)
                cost = torch.nn.functional.cross_entropy(logits, answer)
                other.zero_grad()
                cost.backward()
                for p in other.parameters():
                    norm = torch.nn.utils.clip_grad_norm_([p], CLIP).item()
                    cut.append(norm > CLIP)
                    p.data -= RATE * 0.5 ** (updates // step) * p.grad
                updates += 1
                costs.append(cost.item())
            expected.append(onp.mean(costs))
        assert losses == pytest.approx(expected, rel=1e-4)
    assert 0.02 < onp.mean(cut) < 0.98  # else cutting would not be tested
    weights.compare_weights(network, other, atol=1e-4)


def test_learns_where_people_are_and_repeats_itself():
    training, test = walks(300, seed=1), walks(200, seed=2)
    shares = []
    for _ in range(2):
        seed_everything(3)
        encoder = Encoder(training, memory_size=10)
        network = MemoryNetwork(len(encoder.words), hops=1, memory_size=10)
        network.initialize()
        stories, losses = encoder(training), []
        for normalise, epochs in [(identity, 5), (masked_softmax, 40)]:
            network.attention.normalise = normalise
            history = fit(
                network,
                stories.draws(32, seed=epochs, noise=0.1),
                optimizer.SGD(learning_rate=0.3),
                epochs=epochs,
                clip_norm=1.25,
                clip_each=True,
                progress=False,
            )
            losses.append(history["loss"])
        shares.append(accuracy(network, encoder(test).in_order()))
    assert losses[1][-1] < losses[0][0] / 5
    assert shares[0] == shares[1] > 0.95


def test_a_linear_start_is_exchanged_for_softmax_after_fit_and_predict():
    """The graph of the first is not kept for the second."""
    encoder, network = build("adjacent")
    stories = encoder(QUESTIONS)
    network.hybridize(static_alloc=True)
    for normalise in (masked_softmax, identity, masked_softmax):
        network.attention.normalise = normalise
        sgd = optimizer.SGD(learning_rate=1e-9)
        fit(network, stories.draws(4, seed=0), sgd, epochs=1, progress=False)
        _, weights = predict(network, stories.in_order(batch_size=7))
        total = weights.sum(-1)
        assert onp.allclose(total, 1, atol=1e-5) == (normalise is masked_softmax)


def test_predict_is_the_network_in_order():
    encoder, network = build("adjacent")
    stories = encoder(QUESTIONS)
    logits, weights = network(*arrays(stories))
    for size in (1, 7, 250):
        found = predict(network, stories.in_order(size))
        onp.testing.assert_allclose(found[0], logits.asnumpy(), atol=1e-5)
        onp.testing.assert_allclose(found[1], weights.asnumpy(), atol=1e-6)
    share = (logits.asnumpy().argmax(-1) == stories.answer).mean()
    assert accuracy(network, stories.in_order(7)) == pytest.approx(share)


def test_loss_is_the_cross_entropy_of_each_answer():
    logits = onp.random.RandomState(0).normal(size=(3, 5)).astype("float32")
    answer = onp.array([4, 0, 2])
    loss = MemoryNetwork(5).loss((np.array(logits), None), np.array(answer, dtype="int32"))
    expected = onp.log(onp.exp(logits).sum(-1)) - logits[onp.arange(3), answer]
    onp.testing.assert_allclose(loss.asnumpy(), expected, rtol=1e-5)


def test_an_answer_outside_the_vocabulary_is_wrong_and_cannot_be_trained():
    encoder, network = build("adjacent")
    unknown = encoder([question(["Ada went to the hall."], "Where is Ada?", "moon")])
    assert unknown.answer.tolist() == [-1]
    assert accuracy(network, unknown.in_order()) == 0
    with pytest.raises(ValueError, match="not in the vocabulary"):
        unknown.draws(1, seed=0)
    sgd = optimizer.SGD(learning_rate=0.1)
    with pytest.raises(ValueError, match="answer must hold whole numbers from 0"):
        fit(network, lambda _: unknown.in_order(), sgd, epochs=1, progress=False)


def test_an_encoder_of_another_network_is_refused():
    _, network = build("adjacent")
    larger = Encoder([*QUESTIONS, question(["Dan left."], "Who left?", "Dan")], memory_size=10)
    with pytest.raises(ValueError, match="sentences must be of shape"):
        predict(network, larger(QUESTIONS).in_order())
    bag = Encoder(QUESTIONS, memory_size=10, encoding="bag")
    with pytest.raises(ValueError, match="sentences must be of shape"):
        predict(network, bag(QUESTIONS).in_order())
    older = Encoder(QUESTIONS, memory_size=11)
    with pytest.raises(ValueError, match="age must hold whole numbers from 0 to 10"):
        predict(network, older(QUESTIONS).in_order())


def test_without_questions_there_is_nothing_to_do():
    encoder, network = build("adjacent")
    sgd = optimizer.SGD(learning_rate=0.1)
    for call in (
        lambda: predict(network, []),
        lambda: accuracy(network, []),
        lambda: fit(network, [], sgd, epochs=1, progress=False),
        lambda: encoder([]),
    ):
        with pytest.raises(ValueError, match="empty"):
            call()


def test_a_check_copies_no_floats_from_the_device(monkeypatch):
    encoder, network = build("adjacent")
    inputs, read = arrays(encoder(QUESTIONS)), np.ndarray.asnumpy

    def refuse(array):
        assert array.dtype == "int32", "floats were read"
        return read(array)

    monkeypatch.setattr(np.ndarray, "asnumpy", refuse)
    network(*inputs)
