"""Attention in Deep Learning: the package behind the book. One module per system,
attention at its heart.
"""

from d2l_attention import runtime

runtime.prepare()

from d2l_attention.runtime import seed_everything, try_all_gpus, try_gpu

__all__ = ["seed_everything", "try_all_gpus", "try_gpu"]
__version__ = "0.1.0"
