"""Few labels: each variant trains what it should, and the record holds what it says."""

import numpy as onp
import pytest

from d2l_attention.datasets.wordpiece import WordPiece
from d2l_attention.notebook import few_labels, pretrained
from d2l_attention.notebook.few_labels import LittleTask, little_tasks, scores, tuned

PUBLISHED = pretrained.of_reports()
TASKS = little_tasks(WordPiece.read(PUBLISHED.vocabulary))


def short(name: str) -> LittleTask:
    little = TASKS[name]
    return LittleTask(little.task, little.make, little.labels, 2, little.rate)


def bert_weights(network) -> onp.ndarray:
    return network.bert.words.weight.data().asnumpy()


def test_the_layer_alone_leaves_bert_as_it_was(monkeypatch):
    monkeypatch.setitem(few_labels.ALONE, "steps", 2)
    before = pretrained.encoder(PUBLISHED).words.weight.data().asnumpy()
    case = {"trained": True, "labels": 16, "seed": 0}
    alone = tuned(short("pair"), PUBLISHED, variant="new layer alone", **case)
    everything = tuned(short("pair"), PUBLISHED, **case)
    assert (bert_weights(alone) == before).all() and (bert_weights(everything) != before).any()


def test_variants_differ_in_what_their_names_say(monkeypatch):
    asked = []
    monkeypatch.setattr(few_labels, "fine_tune", lambda *_, **options: asked.append(options))
    for variant in few_labels.VARIANTS:
        tuned(TASKS["names"], PUBLISHED, trained=True, labels=8, seed=1, variant=variant)
    plain, alone, large, longer = asked
    assert "frozen" not in plain and alone["frozen"] and alone["steps"] > plain["steps"]
    assert large["rate"] > 5 * plain["rate"] and large["steps"] == plain["steps"]
    assert longer["steps"] == few_labels.LONGER * plain["steps"] and longer["rate"] == plain["rate"]
    with pytest.raises(ValueError, match="variant must be one of"):
        tuned(TASKS["names"], PUBLISHED, trained=True, labels=8, seed=1, variant="twice")


@pytest.mark.parametrize("name", TASKS)
def test_a_record_holds_scores_on_new_and_on_learned_examples(name):
    little = short(name)
    network = tuned(little, PUBLISHED, trained=False, labels=16, seed=3)
    tested, learned = little.make(30, seed=9), little.make(16, seed=103)
    found = scores(little, network, tested, learned)
    assert few_labels.score_of(found) == few_labels.score_of(little.task.scored(network, tested))
    assert found["learned"] == few_labels.score_of(little.task.scored(network, learned))
    if name == "answers":
        kinds = {
            kind: sum(kind in q.question.split() for q in tested)
            for kind in ("what", "where", "who")
        }
        right = sum(found[kind] * count for kind, count in kinds.items())
        assert sum(kinds.values()) == 30 and right / 30 == pytest.approx(found["em"])
