"""How colours look: contrast, and distances as readers perceive them."""

import numpy as onp
from matplotlib.colors import to_rgb


def linear(color) -> onp.ndarray:
    """Linear RGB of an sRGB colour (IEC 61966-2-1)."""
    c = onp.array(to_rgb(color))
    return onp.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def luminance(color) -> float:
    return float(linear(color) @ [0.2126, 0.7152, 0.0722])


def contrast(a, b) -> float:
    """Contrast of two colours as WCAG 2 defines it, from 1 to 21."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def lab(linear_rgb) -> onp.ndarray:
    """CIELAB (D65) of linear RGB: Euclidean distances are roughly perceived
    differences.
    """
    to_xyz = onp.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    t = to_xyz @ onp.clip(linear_rgb, 0, 1) / to_xyz.sum(axis=1)
    f = onp.where(t > 216 / 24389, onp.cbrt(t), (24389 / 27 * t + 16) / 116)
    return onp.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])
