"""Sphinx extension: photographs and drawn scenes in the dark theme.

Figures are drawn on white. In the dark theme book.css inverts their lightness and keeps
their hues: white becomes the page, black becomes white, a heat map shines where it was
dark. In a photograph, or a scene whose colours the text names, that would be false. Such
a figure gets a second file for the dark theme, in which all is inverted but its pictures:
the rectangles that are filled with many colours. Coarse pictures have few: a cell whose metadata
give its image the class `picture` says that all filled rectangles are pictures.
"""

from pathlib import Path

import numpy as np
from docutils import nodes
from PIL import Image
from scipy import ndimage

MANY_COLORS = 2600  # a plot has up to about 2,000, most of them at the edges of letters and lines
PAGE = 0x12 / 255  # the lightness of the page in the dark theme


def is_pictorial(pixels: np.ndarray) -> bool:
    """Whether an image (height, width, 3) of bytes has more colours than a plot."""
    return len(np.unique(pixels.reshape(-1, 3).astype(int) @ [65536, 256, 1])) > MANY_COLORS


def picture_mask(pixels: np.ndarray, declared: bool) -> np.ndarray:
    """Which pixels belong to filled rectangles of at least a sixth of the figure's height, of many
    colours unless they are declared to be pictures.
    """
    height, width, _ = pixels.shape
    inked = pixels.min(-1) < 255
    gap = 1 if declared else 2 * (width // 160) + 1  # what may be white between two dots of noise
    labels, _ = ndimage.label(ndimage.binary_closing(inked, np.ones((gap, gap))))
    mask = np.zeros((height, width), bool)
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        box = trimmed(inked, box)
        inside = labels[box] == number
        large = min(inside.shape, default=0) > height / 6
        if large and inside.mean() > 0.85 and (declared or is_varied(pixels[box])):
            mask[box] = True
    return mask


def trimmed(inked: np.ndarray, box: tuple[slice, slice]) -> tuple[slice, slice]:
    """The longest run of filled rows and of filled columns of a box: without the letters
    that stand close to a picture.
    """
    kept = []
    for axis, side in enumerate(box):
        runs, _ = ndimage.label(inked[box].mean(1 - axis) > 0.35)
        longest = max((run[0] for run in ndimage.find_objects(runs)), key=length, default=slice(0))
        kept.append(slice(side.start + (longest.start or 0), side.start + longest.stop))
    return tuple(kept)


def length(run: slice) -> int:
    return run.stop - run.start


def is_varied(pixels: np.ndarray) -> bool:
    return len(np.unique(pixels.reshape(-1, 3), axis=0)) > MANY_COLORS / 7


def invert(pixels: np.ndarray) -> np.ndarray:
    """Bytes whose luma is turned round between white and the dark page, hues kept."""
    colors = pixels / 255
    luma = colors @ [0.213, 0.715, 0.072]
    turned = colors + (1 - 2 * luma)[..., None]
    return (255 * (PAGE + (1 - 2 * PAGE) * turned)).clip(0, 255).round().astype("uint8")


def darken(source: Path, target: Path, declared: bool = False) -> bool:
    """Writes the dark version of a figure that holds pictures, by its colours or because it is
    declared; False for other figures.
    """
    with Image.open(source) as image:
        pixels = np.asarray(image.convert("RGB"))
    if not (declared or is_pictorial(pixels)):
        return False
    mask = picture_mask(pixels, declared)
    Image.fromarray(np.where(mask[..., None], pixels, invert(pixels))).save(target)
    return True


def add_dark_versions(app, doctree) -> None:
    """Puts a dark version beside each figure in a page's outputs that needs one."""
    for image in list(doctree.findall(nodes.image)):
        source = Path(app.srcdir, image["uri"].lstrip("/"))
        if source.suffix != ".png" or not source.is_file():
            continue
        target = source.with_name(f"{source.stem}-dark.png")
        if darken(source, target, declared="picture" in image["classes"]):
            dark = image.copy()
            dark["uri"] = image["uri"].removesuffix(source.name) + target.name
            dark["classes"] = [*image["classes"], "only-dark"]
            image["classes"] = [*image["classes"], "only-light"]
            image.parent.insert(image.parent.index(image) + 1, dark)


def setup(app) -> dict:
    app.connect("doctree-read", add_dark_versions, priority=100)  # before images are collected
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
