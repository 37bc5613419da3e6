"""What the sources in `book/references.bib` are called in a sentence, and where they are found.

The book cites with sphinxcontrib-bibtex; a notebook's output can not, and pybtex is not on
Colab. So the few fields that a sentence needs are read here.
"""

import functools
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

ACCENTS = {'"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "v": "\u030c", "=": "\u0304"}


@functools.cache
def read(path: Path) -> dict[str, tuple[str, str]]:
    """Return what each key of a bibliography is called and where it is found: {key: ("Surname
    et al. (2015)", address or "")}.

    >>> from d2l_attention.notebook.experiment import RESULTS
    >>> read(RESULTS.parent / "book" / "references.bib")["velickovic2018"][0]
    'Veličković et al. (2018)'
    """
    found = {}
    for entry in re.split(r"^@\w+\{", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        key, _, rest = entry.partition(",")
        fields = {
            name: " ".join(value.split())
            for name, value in re.findall(
                r"^\s*(\w+) = \{(.*?)\},?$", rest, re.MULTILINE | re.DOTALL
            )
        }
        found[key] = (_authors(fields), _address(fields))
    return found


def _authors(fields: Mapping[str, str]) -> str:
    names = [plain(author.partition(",")[0]) for author in fields["author"].split(" and ")]
    who = names[0] + {1: "", 2: f" and {names[-1]}"}.get(len(names), " et al.")
    return f"{who} ({fields['year']})"


def plain(latex: str) -> str:
    r"""Return a name without LaTeX.

    >>> plain(r"Veli{\v{c}}kovi{\'c}")
    'Veličković'
    """
    accent = re.compile(r"\\([\"'`^=v])\s*\{?(\w)\}?")
    text = accent.sub(lambda found: found[2] + ACCENTS[found[1]], latex)
    return unicodedata.normalize("NFC", re.sub(r"[{}]", "", text))


def _address(fields: Mapping[str, str]) -> str:
    if "eprint" in fields:
        return f"https://arxiv.org/abs/{fields['eprint']}"
    return f"https://doi.org/{fields['doi']}" if "doi" in fields else fields.get("url", "")
