"""One module per system, its blocks only: no training, no data."""
