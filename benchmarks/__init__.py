"""Speed and memory of the book's blocks against those of other libraries, as ratios within one run."""
