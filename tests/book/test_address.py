"""The repository's address stands in one place, and everywhere else agrees with it."""

import json
import re
import sys
import types

import pytest

from book.publishing import address
from book.publishing.contents import toc_notebooks
from tests.book.publishing import REPOSITORY, ROOT, copy_sources


@pytest.fixture
def copy(tmp_path):
    return copy_sources(tmp_path / "copy")


def texts(root) -> dict[str, str]:
    return {
        str(p.relative_to(root)): p.read_text("utf-8")
        for p in address.places(root, address.current(root))
    }


def test_all_places_agree():
    wrong = [
        p.name
        for p, text in address.places(ROOT, address.current(ROOT)).items()
        if p.read_text("utf-8") != text
    ]
    assert not wrong, "run `python -m book.publishing.address`"


def test_setting_is_complete_idempotent_and_reversible(copy):
    address.write(copy, "")
    before = texts(copy)
    changed = address.write(copy, "owner/attention-book")
    assert len(changed) == len(before) == 4 + len(toc_notebooks(ROOT))
    assert all("owner/attention-book" in text for text in texts(copy).values())
    assert address.current(copy) == "owner/attention-book"
    assert address.write(copy, "owner/attention-book") == []
    address.write(copy, "other/name")
    assert not any("owner/attention-book" in text for text in texts(copy).values())
    address.write(copy, "")
    assert texts(copy) == before


def test_readers_get_one_branch_whichever_way_they_come(copy):
    config = copy / "_config.yml"
    config.write_text(config.read_text("utf-8").replace("branch: main", "branch: second"), "utf-8")
    address.write(copy, "owner/name")
    found = texts(copy)
    for page in ("README.md", "book/how_to_run.md"):
        assert "git clone --branch second https://github.com/owner/name\n" in found[page]
        links = re.findall(r"/(?:blob|v2/gh/owner/name)/(\w+)", found[page])
        assert len(links) == 2 * len(toc_notebooks(ROOT)) and set(links) == {"second"}
    for notebook in toc_notebooks(ROOT):
        assert "--branch=second" in found[notebook]


def test_without_an_address_there_is_no_link_to_a_repository(copy):
    address.write(copy, "")
    for name, text in texts(copy).items():
        if name != "_config.yml":
            assert not re.search(REPOSITORY, text) and "mybinder.org/v2" not in text, name


@pytest.mark.parametrize(
    "name",
    ["owner", "owner/", "https://github.com/a/b", "a/b/c", "a b/c", "-a/b", "a/b\n"],
)
def test_a_wrong_name_is_refused(name):
    with pytest.raises(ValueError, match="REPOSITORY must be owner/name"):
        address.url_of(name)


def test_a_wrong_name_is_refused_in_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["address.py", "owner"])
    with pytest.raises(SystemExit) as stopped:
        address.main()
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("REPOSITORY must be owner/name") and said.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], [""], ["owner/name"]])
def test_without_a_name_the_present_one_is_written_again(copy, monkeypatch, capsys, arguments):
    address.write(copy, "present/one")
    (copy / "CITATION.cff").write_text(address.filled(copy / "CITATION.cff", address.BLOCK, ""))
    monkeypatch.setattr(address, "ROOT", copy)
    monkeypatch.setattr(sys, "argv", ["address.py", *arguments])
    address.main()
    assert address.current(copy) == (arguments or ["present/one"])[0]
    if not arguments:
        assert capsys.readouterr().out == "CITATION.cff\n"


def test_a_notebook_without_setup_cell_gets_one(copy):
    path = copy / toc_notebooks(copy)[0]
    notebook = json.loads(path.read_text("utf-8"))
    del notebook["cells"][0]
    path.write_text(json.dumps(notebook), "utf-8")
    address.write(copy, address.current(copy))
    first = json.loads(path.read_text("utf-8"))["cells"][0]
    assert first["metadata"] == {
        "slideshow": {"slide_type": "skip"},
        "tags": ["remove-cell"],
    }


def test_the_setup_cell_does_nothing_outside_colab(capsys):
    before = set(sys.modules)
    exec(address.setup_cell("", "main"), {})
    assert capsys.readouterr() == ("", "")
    assert set(sys.modules) == before


def test_the_setup_cell_on_colab_says_when_the_address_is_unknown(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    with pytest.raises(RuntimeError, match="does not know the book's address"):
        exec(address.setup_cell("", "main"), {})


def test_the_setup_cell_on_colab_clones_and_installs(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    monkeypatch.chdir(tmp_path)
    calls = []

    def clone(command, check):
        calls.append((command, check))
        script = tmp_path / command[-1] / "d2l_attention" / "notebook" / "colab.py"
        script.parent.mkdir(parents=True)
        script.write_text("if __name__ == '__main__':\n    print('installed')\n")

    monkeypatch.setattr("subprocess.run", clone)
    for _ in range(2):  # run twice: cloned once
        exec(address.setup_cell("owner/name", "second-edition"), {})
    command = "git clone --quiet --depth=1 --branch=second-edition https://github.com/owner/name"
    assert calls == [([*command.split(), "attention-book"], True)]
    assert capsys.readouterr().out == "installed\ninstalled\n"
