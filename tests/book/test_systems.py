"""book/systems.yml: the map on the front page, the table of contents and the five places of each
system agree with it.
"""

import doctest
import re
from io import BytesIO
from unicodedata import normalize

import nbformat
import pytest
import yaml
from pybtex.database import parse_file
from pypdf import PdfReader

from book.publishing import slides, systems
from book.publishing.browser import file_url
from tests.book.publishing import ROOT, listen, math_errors, wait_until_typeset

SYSTEMS = systems.load(ROOT)
WRITTEN = [system.name for system in SYSTEMS.written()]
FIGURES = ROOT / "d2l_attention" / "figures"
# In the tutorial's order
TUTORIAL = """
    kernel_regression deep_sets multiple_instance document_attention hierarchical_attention
    squeeze_excitation graph_attention memory_networks stacked_attention seq2seq pointer_networks
    neural_turing_machine multi_head_attention transformer segmentation bert bert_fine_tuning gpt
    quaternion memory_efficient_attention transformer_xl sparse_transformer open_questions
"""


def by_name(name: str) -> systems.System:
    return next(system for system in SYSTEMS if system.name == name)


# --------------------------------------------------------------------------------- the file
def test_all_systems_of_the_tutorial_are_there_in_its_order():
    assert [system.name for system in SYSTEMS] == TUTORIAL.split()
    folders = [section.folder for section in SYSTEMS.sections]
    assert folders == sorted(folders)


def test_each_term_of_the_equation_is_changed_by_some_system():
    for term in SYSTEMS.terms:
        assert f"<{term}>" in SYSTEMS.equation
        assert any(system.changes == term for system in SYSTEMS), term


def test_sources_are_in_the_bibliography():
    known = parse_file(ROOT / "book" / "references.bib").entries
    for system in SYSTEMS:
        if isinstance(system.paper, str):
            assert re.fullmatch(r".+ \(\d{4}\)", system.paper), system.name
        else:
            assert system.paper and set(system.paper) <= set(known), system.name


def test_a_sentence_is_short_enough_for_a_card():
    for system in SYSTEMS:
        assert system.sentence.endswith(".") and len(system.sentence) <= 80, system.name
        assert len(system.title) <= 30, system.name


@pytest.mark.parametrize(
    "change, message",
    [
        ({"changes": "psi"}, "kernel_regression: changes must be one of .*, rho, sum"),
        ({"status": "soon", "notebook": None}, "status must be one of written, coming"),
        ({"notebook": "chapters/x.ipynb"}, "notebook must be chapters/01_.*, got chapters/x"),
        ({"status": "coming"}, "notebook must be None"),
        ({"papers": ["x"]}, "kernel_regression: .*unexpected keyword argument 'papers'"),
        ({"name": "deep_sets", "status": "coming", "notebook": None}, "deep_sets is there twice"),
    ],
)
def test_a_wrong_entry_is_refused(tmp_path, change, message):
    given = yaml.safe_load((ROOT / systems.FILE).read_text("utf-8"))
    given["sections"][0]["systems"][0].update(change)
    (tmp_path / "book").mkdir()
    (tmp_path / systems.FILE).write_text(yaml.safe_dump(given), "utf-8")
    with pytest.raises(ValueError, match=message):
        systems.load(tmp_path)


def test_docstring_examples():
    ran = doctest.testmod(systems)
    assert ran.attempted > 3 and ran.failed == 0


# ------------------------------------------------------------------ the table of contents, places
def test_the_table_of_contents_has_what_is_written_in_the_same_order():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    found = {
        part["caption"]: [entry["file"] for entry in part["chapters"]]
        for part in toc["parts"]
        if part["chapters"][0]["file"].startswith("chapters/")
    }
    expected = {}
    for section in SYSTEMS.sections:
        written = [system for system in section.systems if system.status == "written"]
        if written:
            names = ["index", *(system.name for system in written)]
            expected[section.title] = [f"chapters/{section.folder}/{name}" for name in names]
    assert found == expected and list(found) == list(expected)


def test_every_notebook_of_a_chapter_is_a_system_that_is_written():
    found = {path.stem for path in (ROOT / "chapters").glob("*/*.ipynb") if path.stem != "index"}
    assert found == set(WRITTEN)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_written_system_has_its_notebook_module_tests_slides_and_results(name):
    notebook = ROOT / by_name(name).notebook
    assert notebook.is_file()
    assert (ROOT / "d2l_attention" / "models" / f"{name}.py").is_file()
    assert (ROOT / "tests" / "models" / f"test_{name}.py").is_file()
    assert (ROOT / "results" / "papers" / f"{name}.json").is_file()
    cells = nbformat.read(notebook, as_version=4).cells
    kinds = [cell.metadata.get("slideshow", {}).get("slide_type") for cell in cells]
    assert kinds.count("slide") >= 5
    decks = [deck for deck in slides.decks(ROOT) if by_name(name).notebook in deck.notebooks]
    assert len(decks) == 1


@pytest.mark.parametrize("name", WRITTEN)
def test_a_written_system_has_its_live_figure(name):
    assert (FIGURES / f"{name}.js").is_file()


def test_what_is_coming_has_no_place_yet():
    for system in SYSTEMS:
        if system.status == "coming":
            assert not list((ROOT / "chapters").glob(f"*/{system.name}.ipynb")), system.name


# ------------------------------------------------------------------------------------- the map
@pytest.mark.plumbing
def test_the_map_has_a_card_for_each_system_and_leads_to_what_is_written(html, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    problems = listen(page)
    page.goto(file_url(html / "book" / "index.html"))
    wait_until_typeset(page)
    assert problems == [] and math_errors(page) == []
    cards = page.locator(".system-map li.system")
    assert cards.count() == len(list(SYSTEMS))
    for card, system in zip(cards.all(), SYSTEMS, strict=True):
        text = card.inner_text()
        term = SYSTEMS.terms[system.changes]
        assert system.title in text and system.sentence in text
        assert f"changes {term['letter']}, the {term['word']}" in card.text_content()
        # The term that changes is framed: not by its color alone
        assert card.locator(".system-equation b").inner_text().strip() == term["letter"]
        assert ("coming" in text.split("\n")) == (system.status == "coming")
        links = card.locator(".system-title a")
        assert links.count() == (system.status == "written")
        if system.status == "written":
            card.click(position={"x": 40, "y": 60})  # not on the title
            page.wait_for_url(f"**/{system.name}.html")
            page.go_back()
            wait_until_typeset(page)
    page.close()


@pytest.mark.plumbing
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_sticks_out_of_a_card(html, browser, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(file_url(html / "book" / "index.html"))
    wait_until_typeset(page)
    found = page.locator(".system-map li.system").evaluate_all(
        """cards => cards.filter(card => {
          const right = card.getBoundingClientRect().right;
          return [...card.querySelectorAll("p, mjx-container, .system-equation")]
            .some(part => part.getBoundingClientRect().right > right + 1);
        }).map(card => card.textContent.trim().slice(0, 40))"""
    )
    assert found == []
    page.close()


@pytest.mark.plumbing
def test_the_map_prints_on_one_page(html, browser):
    page = browser.new_page()
    page.goto(file_url(html / "book" / "index.html"))
    wait_until_typeset(page)
    printed = PdfReader(BytesIO(page.pdf(format="A4", print_background=True)))
    page.close()
    plain = [normalize("NFKC", sheet.extract_text()) for sheet in printed.pages]  # no ligatures
    texts = ["".join(text.split()) for text in plain]
    titles = ["".join(system.title.split()) for system in SYSTEMS]
    assert [sum(title in text for title in titles) == len(titles) for text in texts].count(
        True
    ) == 1
