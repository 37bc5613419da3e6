"""Figures in the dark theme: plots are turned round, photographs stay; citations are told apart."""

import doctest

import numpy as np
from PIL import Image

from book.publishing import citations, dark_pictures


def figure(tmp_path, photograph: bool):
    """A white figure with a black line and a square of noise, or of one colour."""
    pixels = np.full((200, 300, 3), 255, "uint8")
    pixels[20:22, 10:290] = 0
    noise = np.random.RandomState(0).randint(0, 250, (100, 100, 3))
    pixels[60:160, 100:200] = noise if photograph else (0, 114, 178)
    Image.fromarray(pixels).save(tmp_path / "figure.png")
    return pixels, tmp_path / "figure.png", tmp_path / "dark.png"


def test_a_photograph_stays_as_it_is_on_a_dark_page(tmp_path):
    pixels, source, target = figure(tmp_path, photograph=True)
    assert dark_pictures.darken(source, target)
    dark = np.asarray(Image.open(target))
    assert (dark[60:160, 100:200] == pixels[60:160, 100:200]).all()
    assert (dark[0, 0] == 0x12).all() and (dark[20, 100] > 230).all()


def test_a_plot_needs_no_version_of_its_own(tmp_path):
    _, source, target = figure(tmp_path, photograph=False)
    assert not dark_pictures.darken(source, target) and not target.exists()


def test_a_coarse_picture_stays_if_it_is_declared(tmp_path):
    pixels, source, target = figure(tmp_path, photograph=False)
    assert dark_pictures.darken(source, target, declared=True)
    dark = np.asarray(Image.open(target))
    assert (dark[60:160, 100:200] == pixels[60:160, 100:200]).all()
    assert (dark[0, 0] == 0x12).all() and (dark[20, 100] > 230).all()


def test_docstring_examples():
    assert doctest.testmod(citations).failed == 0
