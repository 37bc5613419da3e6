"""Attention."""

from d2l_attention.attention.old import *  # noqa: F403
from d2l_attention.attention.old import KernelScore, Score, legacy  # noqa: F401
