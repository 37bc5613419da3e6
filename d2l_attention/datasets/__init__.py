"""Data as NumPy arrays: generators that need no network, and readers of the real files."""
