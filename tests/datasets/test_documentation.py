"""Python's documentation as prose: whole sentences, each once, in the order in which they stand."""

from pydoc_data.topics import topics

from d2l_attention.datasets.documentation import load


def test_there_is_enough_on_every_python():
    """1589 to 1709 sentences in 63 topics, on Python 3.10 to 3.13."""
    documents = load()
    sentences = [sentence for each in documents.values() for sentence in each]
    assert len(documents) > 50 and 1300 < len(sentences) < 2200
    assert 20_000 < sum(len(sentence.split()) for sentence in sentences) < 40_000


def test_sentences_are_whole_and_occur_once():
    sentences = [sentence for each in load().values() for sentence in each]
    assert len(set(sentences)) == len(sentences)
    for sentence in sentences:
        assert sentence[0].isupper() and sentence.endswith(".") and "\n" not in sentence
        assert 5 <= len(sentence.split()) <= 60


def test_sentences_stand_in_their_topic_in_this_order():
    for topic, sentences in load().items():
        text, place = " ".join(topics[topic].split()), 0
        assert len(sentences) >= 2
        for sentence in sentences:
            place = text.find(sentence, place)
            assert place >= 0, sentence
            place += 1
