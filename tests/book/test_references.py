"""The bibliography: every entry can be followed, every reference of the tutorial is
there, notebooks cite nothing else.
"""

import json
import re
import unicodedata
from pathlib import Path

import pytest
from pybtex.database import parse_file

ROOT = Path(__file__).resolve().parents[2]
BIBLIOGRAPHY = ROOT / "book" / "references.bib"
PAGES = [
    path
    for pattern in ("chapters/*/*.ipynb", "book/*.ipynb", "book/*.md", "*.md")
    for path in sorted(ROOT.glob(pattern))
    if ".ipynb_checkpoints" not in path.parts
]

# First author and year of the tutorial's reference slides, as printed there (a
# preprint's year where it gives one); the last two stand on its slide of open
# questions.
TUTORIAL = """
    Zaheer 2017, Ilse 2018, Salton 1986, Mikolov 2013, Wang 2016, Yang 2016, Hu 2018, Velickovic 2017,
    Sukhbaatar 2015, Yang 2016, Sutskever 2014, Tay 2019, Bahdanau 2014, Luong 2015, Vinyals 2015, Graves 2014,
    Vaswani 2017, Zhang 2019, Devlin 2018, Radford 2018, Radford 2019, Al-Rfou 2018, Dai 2019, Child 2019,
    Nadaraya 1964, Watson 1964, Hewitt 2019, Coenen 2019
"""

ARXIV = re.compile(
    r"arxiv\.org/(?:abs|pdf)/(\d{4}\.\d{4,5})|doi\.org/10\.48550/arxiv\.(\d{4}\.\d{4,5})",
    re.IGNORECASE,
)
DOI = re.compile(r"doi\.org/(10\.\d{4,9}/[^\s)\]}>\"']+)", re.IGNORECASE)


@pytest.fixture(scope="module")
def entries():
    return parse_file(BIBLIOGRAPHY).entries  # raises on a repeated key


def plain(text: str) -> str:
    """Letters a-z and hyphens only: accents and LaTeX removed, lower case."""
    text = re.sub(r"\\[a-zA-Z]+\s*|\\.|[{}]", "", text)
    return re.sub(r"[^a-z-]", "", unicodedata.normalize("NFKD", text).lower())


def cited_ids(text: str) -> set[str]:
    """Identifiers of the DOI and arXiv links in a text, in the form that `entry_ids`
    gives them.
    """
    arxiv = {first or second for first, second in ARXIV.findall(text)}
    dois = {doi.rstrip(".,;:").lower() for doi in DOI.findall(text)}
    return arxiv | {doi for doi in dois if not doi.startswith("10.48550/")}


def entry_ids(entries) -> set[str]:
    fields = [entry.fields for entry in entries.values()]
    return {field["doi"].lower() for field in fields if "doi" in field} | {
        field["eprint"] for field in fields if "eprint" in field
    }


def text_of(path: Path) -> str:
    """A page's Markdown, or the sources of all cells of a notebook."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])


def missing_references(entries, wanted: str) -> list[str]:
    """Those of "Surname 2017, ..." that no entry has, counting repeated ones; the year
    may be a preprint's.
    """
    found = []
    for entry in entries.values():
        surname = plain(" ".join(entry.persons["author"][0].last_names))
        years = {
            entry.fields["year"],
            *re.findall(r"\d{4}", entry.fields.get("note", "")),
        }
        found += [f"{surname} {year}" for year in years]
    missing = []
    for reference in wanted.split(","):
        surname, year = reference.split()
        if f"{plain(surname)} {year}" in found:
            found.remove(f"{plain(surname)} {year}")
        else:
            missing.append(reference.strip())
    return missing


def test_every_entry_can_be_followed(entries):
    for key, entry in entries.items():
        fields = entry.fields
        assert {"doi", "eprint", "url"} & set(fields), (
            f"{key} has neither DOI nor arXiv number nor address"
        )
        assert re.fullmatch(r"10\.\d{4,9}/\S+", fields.get("doi", "10.1234/x")), (
            f"{key}: {fields['doi']}"
        )
        assert re.fullmatch(r"\d{4}\.\d{4,5}", fields.get("eprint", "1706.03762")), (
            f"{key}: {fields['eprint']}"
        )
        assert ("eprint" in fields) == (fields.get("archiveprefix") == "arXiv"), (
            f"{key}: eprint and archiveprefix"
        )
        assert fields.get("url", "https://").startswith("https://"), f"{key}: {fields['url']}"


def test_entries_are_complete_and_named_alike(entries):
    for key, entry in entries.items():
        assert entry.persons.get("author"), f"{key} has no author"
        assert {"title", "year"} <= set(entry.fields), f"{key} lacks title or year"
        assert re.fullmatch(r"[a-z0-9]+\d{4}[a-z]*", key), f"{key} is not of the form surname2017"


def test_no_work_is_listed_twice(entries):
    for field in ("title", "doi", "eprint", "url"):
        values = [
            entry.fields[field].lower() for entry in entries.values() if field in entry.fields
        ]
        assert len(values) == len(set(values)), f"two entries share a {field}"


def test_the_tutorials_references_are_all_there(entries):
    assert missing_references(entries, TUTORIAL) == []


def test_a_missing_reference_is_noticed(entries):
    assert missing_references(entries, "Yang 2016, Yang 2016, Yang 2016, Zaheer 1917") == [
        "Yang 2016",
        "Zaheer 1917",
    ]


def test_links_are_recognised():
    text = (
        "[a](https://doi.org/10.1137/1109020), <https://arxiv.org/abs/1706.03762v5>. https://arxiv.org/pdf/1409.0473.pdf "
        "[b](https://doi.org/10.48550/arXiv.1410.5401), see https://doi.org/10.1109/CVPR.2018.00745."
    )
    arxiv = {"1706.03762", "1409.0473", "1410.5401"}
    assert cited_ids(text) == arxiv | {"10.1137/1109020", "10.1109/cvpr.2018.00745"}


def test_the_pages_to_check_cite_something():
    names = {path.name for path in PAGES}
    assert {"introduction.ipynb", "preface.md", "README.md"} <= names
    assert sum(bool(cited_ids(text_of(path))) for path in PAGES) >= 2


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_cite_what_the_bibliography_has(path, entries):
    unknown = cited_ids(text_of(path)) - entry_ids(entries)
    assert not unknown, f"{path.name} links to {sorted(unknown)}, which book/references.bib lacks"


def test_the_front_pages_figure_shows_what_the_equation_gives():
    """Weights and estimate in the picture are those of a Gaussian of width 0.9 at
    kilometre 1.7.
    """
    import numpy as np

    source = (ROOT / "book" / "_static" / "attention.svg").read_text(encoding="utf-8")
    shown = [float(number) for number in re.findall(r'class="number"[^>]*>([\d.]+)<', source)]
    values = [float(number) for number in re.findall(r">(\d+) °C<", source)]
    estimate = float(re.search(r">(\d+\.\d) °C<", source).group(1))
    weights = np.exp(-0.5 * ((1.7 - np.arange(5)) / 0.9) ** 2)
    weights /= weights.sum()
    assert np.allclose(shown, weights, atol=0.005)
    assert abs(sum(shown) - 1) < 1e-9
    assert abs(weights @ values - estimate) < 0.05
    for page in ("README.md", "book/index.md"):
        assert f"{estimate} degrees" in (ROOT / page).read_text(encoding="utf-8")
