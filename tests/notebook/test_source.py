"""What the reader sees is the package's source, readable in every theme, and the same
on each execution.
"""

import functools
import html
import inspect
import re

import pytest

from d2l_attention import seed_everything, training
from d2l_attention.backend import devices
from d2l_attention.notebook import source
from d2l_attention.notebook.source import ORACLES, Source, show_oracle, show_source
from tests.notebook.colors import contrast


@pytest.fixture
def shown(monkeypatch):
    """Collect what `show_source` displays."""
    displayed = []
    monkeypatch.setattr(source, "display", displayed.append)
    return displayed


def plain(markup: str) -> str:
    """The text a browser would show."""
    without_style = re.sub(r"<style>.*?</style>", "", markup, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", without_style)).strip()


@pytest.mark.parametrize("obj", [seed_everything, training.History, training.History.__getitem__])
def test_shows_the_source_under_its_file(shown, obj):
    show_source(obj)
    (only,) = shown
    first, _, rest = repr(only).partition("\n")
    assert first == f"# {obj.__module__.replace('.', '/')}.py"
    assert rest == inspect.cleandoc("\n" + inspect.getsource(obj)).rstrip()
    assert plain(only._repr_html_()) == repr(only)


def test_a_module_is_shown_whole(shown):
    show_source(source)
    assert (
        repr(shown[0])
        == "# d2l_attention/notebook/source.py\n" + inspect.getsource(source).rstrip()
    )


def test_several_objects_share_the_name_of_their_file(shown):
    show_source(devices.try_gpu, devices.try_all_gpus, training.fit)
    headers = [line for line in repr(shown[0]).splitlines() if line.startswith("# d2l_attention")]
    assert headers == ["# d2l_attention/backend/devices.py", "# d2l_attention/training.py"]
    assert len(shown) == 1


def test_bound_methods_and_wrapped_functions_show_what_was_written(shown):
    @functools.wraps(seed_everything)
    def wrapped(*args):
        return seed_everything(*args)

    show_source(wrapped)
    show_source(Source("x").__repr__)
    assert "def seed_everything" in repr(shown[0])
    assert (
        repr(shown[1])
        == "# d2l_attention/notebook/source.py\ndef __repr__(self) -> str:\n    return self.text"
    )


@pytest.mark.parametrize("obj", [len, 3, int, Source("x"), functools.partial(seed_everything, 1)])
def test_objects_without_source_are_named(obj):
    with pytest.raises(TypeError, match="source"):
        show_source(obj)


def test_text_cannot_become_markup(shown):
    code = 'x = "<script>alert(1)</script>" if 1 < 2 & 3 else None'
    markup = Source(code)._repr_html_()
    assert "<script" not in markup and plain(markup) == code


def test_the_output_is_the_same_each_time(shown):
    show_source(training)
    show_source(training)
    assert shown[0]._repr_html_() == shown[1]._repr_html_()
    assert "0x" not in shown[0]._repr_html_()


def test_code_reads_on_light_and_on_dark_pages():
    light, dark = re.findall(r"\{(--code[^}]*)\}", Source("x")._repr_html_())
    for colours, page in ((light, "#ffffff"), (dark, "#121212")):
        found = re.findall(r"--(\w+): (#\w{6})", colours)
        assert len(found) == 5
        assert all(contrast(colour, page) >= 4.5 for _, colour in found)


def test_every_colour_that_is_used_is_defined_for_both_themes():
    markup = Source("x")._repr_html_()
    used = set(re.findall(r"var\(--(\w+)\)", markup))
    for colours in re.findall(r"\{(--code[^}]*)\}", markup):
        assert set(re.findall(r"--(\w+):", colours)) == used


def test_outside_a_notebook_the_plain_source_is_printed(capsys):
    show_source(seed_everything)
    assert capsys.readouterr().out.startswith(
        "# d2l_attention/backend/devices.py\ndef seed_everything(seed: int)"
    )


@pytest.mark.parametrize("name", sorted(path.stem for path in ORACLES.glob("*.py")))
def test_an_oracle_is_shown_as_it_stands(shown, name):
    show_oracle(name)
    (only,) = shown
    first, _, rest = repr(only).partition("\n")
    assert first == f"# tests/oracles/{name}.py"
    assert rest == (ORACLES / f"{name}.py").read_text(encoding="utf-8").rstrip()


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("nothing_here", FileNotFoundError),
        ("../conftest", ValueError),
        ("memory_networks.py", ValueError),
        ("", ValueError),
        (None, TypeError),
    ],
)
def test_an_oracle_that_is_not_there_is_said(shown, name, error):
    with pytest.raises(error, match="memory_networks" if error is FileNotFoundError else "name"):
        show_oracle(name)
    assert not shown
