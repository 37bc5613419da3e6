"""Trained weights of a live figure as a script, data/NAME.js: half precision, so that a page loads fast."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as onp

from d2l_attention.figures.page import FOLDER

from mxnet import np

__all__ = ["LARGEST", "lstm", "read", "restore", "rounded", "script", "write"]

LARGEST = 600_000  # bytes


def rounded(parameters: dict) -> dict[str, onp.ndarray]:
    """Round Gluon parameters to half precision, in place, and return their values by name, as rows:
    (d,) and (1, 1, d) become (1, d).
    """
    arrays = {}
    for name, parameter in parameters.items():
        values = parameter.data().asnumpy().astype("float16").astype("float32")
        parameter.set_data(np.array(values))
        arrays[name] = values.reshape(-1, values.shape[-1])
    return arrays


def restore(parameters: dict, arrays: dict[str, onp.ndarray]) -> None:
    """Give Gluon parameters the values that `read` returned, which are rows."""
    for name, parameter in parameters.items():
        parameter.set_data(np.array(arrays[name].reshape(parameter.shape)))


def lstm(layer, weight: str = "W_{}", bias: str = "b_{}") -> dict:
    """The parameters of an LSTM of one layer by the page's names: x is of the input, h of the state."""
    found = {}
    for letter, part in (("x", "i2h"), ("h", "h2h")):
        found[weight.format(letter)] = getattr(layer, f"l0_{part}_weight")
        found[bias.format(letter)] = getattr(layer, f"l0_{part}_bias")
    return found


def script(name: str, settings: dict, arrays: dict[str, onp.ndarray]) -> str:
    """The text of data/NAME.js: settings (what JSON can hold) and arrays of one or two axes.

    Raises
    ------
    ValueError
        An array has another number of axes, a weight is not finite in half precision, or the
        script has more than `LARGEST` bytes.

    >>> script("tiny", {"hops": 2}, {"W": onp.ones((1, 2))})
    'D2L.load("tiny", {"hops":2,"arrays":{"W":{"shape":[1,2],"float16":"ADwAPA=="}}});\\n'
    """
    packed = {}
    for key, array in arrays.items():
        rounded = onp.asarray(array).astype("<f2")
        if rounded.ndim not in (1, 2) or not onp.isfinite(rounded).all():
            raise ValueError(f"{key} must be finite, with one or two axes, got {rounded.shape}")
        shape = [1, *rounded.shape][-2:]
        packed[key] = {"shape": shape, "float16": base64.b64encode(rounded.tobytes()).decode()}
    contents = json.dumps({**settings, "arrays": packed}, separators=(",", ":"), allow_nan=False)
    text = f"D2L.load({json.dumps(name)}, {contents});\n"
    if len(text) > LARGEST:
        raise ValueError(f"arrays must fit {LARGEST} bytes, got {len(text)}")
    return text


def write(name: str, settings: dict, arrays: dict[str, onp.ndarray]) -> Path:
    """Write data/NAME.js, and return its path."""
    path = FOLDER / "data" / f"{name}.js"
    path.parent.mkdir(exist_ok=True)
    path.write_text(script(name, settings, arrays), "utf-8")
    return path


def read(name: str) -> tuple[dict, dict[str, onp.ndarray]]:
    """The settings and the arrays (m, n) of data/NAME.js, rounded as they are, in float32."""
    text = (FOLDER / "data" / f"{name}.js").read_text("utf-8")
    settings = json.loads(text.partition(", ")[2].rstrip()[:-2])
    arrays = {
        key: onp.frombuffer(base64.b64decode(packed["float16"]), "<f2")
        .reshape(packed["shape"])
        .astype("float32")
        for key, packed in settings.pop("arrays").items()
    }
    return settings, arrays
