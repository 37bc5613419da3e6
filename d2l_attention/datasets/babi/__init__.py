"""bAbI: twenty tasks of reading a little story and answering a question about it (Weston et al., 2015).

`generate` tells new stories without end, in this book's words; `load` gives the
published ones.
"""

from d2l_attention.datasets.babi.files import TASKS, Question, load, read
from d2l_attention.datasets.babi.generator import generate

__all__ = ["TASKS", "Question", "generate", "load", "read"]
