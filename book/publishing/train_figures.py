"""Train the networks of live figures, and take their pictures: python -m
book.publishing.train_figures [--pictures] [NAME ...]

Writes d2l_attention/figures/data/NAME.js and d2l_attention/figures/pictures/NAME.png, which are
committed; `make execute FIGURES=1` does so, for all figures or one, before the notebooks run. With
--pictures the weights stay and only the pictures are taken again, as after a change of a script.
"""

import argparse
import importlib
import io
import tempfile
from pathlib import Path

from PIL import Image

from book.publishing import browser, processor

WIDTH = 390  # pixels of a phone; a picture has twice as many


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="figures; default: all that have a network")
    parser.add_argument("--pictures", action="store_true", help="take pictures only")
    arguments = parser.parse_args()
    processor.pin()  # before NumPy and MXNet load
    from d2l_attention.figures import data, page

    for name in arguments.names or page.names():
        module = importlib.import_module(f"d2l_attention.figures.{name}")
        if not hasattr(module, "train"):
            continue
        if not arguments.pictures:
            print(data.write(name, *module.train()), flush=True)
        print(take_picture(name, page.FOLDER / "pictures"), flush=True)


def take_picture(name: str, folder: Path) -> Path:
    """Photograph a figure as it is on a phone, before anything was touched; 256 colours."""
    from book.publishing import live_figures

    with tempfile.TemporaryDirectory() as static, browser.chromium() as chromium:
        live_figures.copy_assets(Path(static))
        file = Path(static, "page.html")
        html = (
            f'<html><head><meta charset="utf-8"><style>{STYLE}</style></head>{PLACE.format(name)}'
        )
        file.write_text(live_figures.with_scripts(html, Path(static).as_uri()), "utf-8")
        page = chromium.new_page(
            viewport={"width": WIDTH, "height": 844}, device_scale_factor=2, reduced_motion="reduce"
        )
        page.goto(browser.file_url(file))
        taken = page.locator(".d2l-figure[data-ready] .photographed").screenshot()
    picture = Image.open(io.BytesIO(taken)).convert("RGB").quantize(256)
    folder.mkdir(exist_ok=True)
    picture.save(folder / f"{name}.png", optimize=True)
    return folder / f"{name}.png"


STYLE = (
    "body { margin: 8px; background: white; color: #222832;"
    " font-family: 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif }"
    " .photographed .tokens { display: none }"  # what can only be tapped
)
PLACE = '<body><div class="d2l-figure" id="figure" data-figure="{}"></div>'

if __name__ == "__main__":
    main()
