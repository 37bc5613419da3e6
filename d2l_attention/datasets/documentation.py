"""Python's own documentation, as prose: some 25,000 words of technical English on every machine.

`help("with")` reads it from a module of the standard library, so it needs no network. It is not the same
everywhere: the sentences that Python 3.10 to 3.13 all have are 82 to 88% of what each has, and two
releases of 3.11 differ in one sentence of twenty. So compare nothing to the letter that was learned
from it; `datasets.senses` is the same on every machine.
"""

import re
from pydoc_data.topics import topics

FEWEST, MOST = 5, 60  # words of a sentence
SENTENCE = re.compile(r"[A-Z][A-Za-z0-9 ,;:'\"()*.`_\-/=]+\.")


def load() -> dict[str, list[str]]:
    """Return {topic: its sentences}, in the order in which they stand.

    Only prose is taken: whole sentences of 5 to 60 words, no code, tables or headings. A topic with fewer
    than two of them is left out, and so is a sentence that another topic has as well.

    >>> documents = load()
    >>> len(documents) > 50 and sum(map(len, documents.values())) > 1000
    True
    >>> documents["booleans"][0].startswith("In the context of Boolean operations")
    True
    """
    seen, documents = set(), {}
    for topic in sorted(topics):
        found = [s for s in _sentences(topics[topic]) if s not in seen]
        found = list(dict.fromkeys(found))
        if len(found) >= 2:
            documents[topic] = found
            seen.update(found)
    return documents


def _sentences(text: str) -> list[str]:
    """The prose of a topic: its paragraphs, cut behind full stops."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        whole = " ".join(paragraph.split())
        for sentence in re.split(r"(?<=[.!?:]) +(?=[A-Z])", whole):
            if FEWEST <= len(sentence.split()) <= MOST and SENTENCE.fullmatch(sentence):
                found.append(sentence)
    return found
