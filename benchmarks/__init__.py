"""Speed of the book's blocks against those of other libraries, as ratios within one run.

    python -m benchmarks [NAME ...] [--rounds N] [--record] [--output FILE.json]

A benchmark is a module here, with the name of the module of `d2l_attention` that it
measures and two things in it:

    GOALS    {peer: the largest ratio of our time to the peer's that we are content with}
    cases()  {case, in words: a function without arguments}

The function checks that all contestants give the same answers (and raises AssertionError
if not) and returns them as {"ours": step, peer: step, ..., part: step}, where a step is a
function without arguments. What is neither "ours" nor in GOALS is a part of ours, and its
share is printed below the ratios.
"""

import os

# One thread each. It has to be said before MXNet, NumPy and PyTorch load.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
