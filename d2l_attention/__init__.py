"""Attention in Deep Learning: the package behind the book."""

from d2l_attention.backend import compatibility

compatibility.prepare()

from d2l_attention.backend.devices import seed_everything, try_all_gpus, try_gpu

__all__ = ["seed_everything", "try_all_gpus", "try_gpu"]
__version__ = "0.1.0"
