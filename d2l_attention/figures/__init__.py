"""Live figures of the book's pages."""

from d2l_attention.figures.page import figure

__all__ = ["figure"]
