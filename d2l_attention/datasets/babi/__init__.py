"""bAbI: twenty tasks of reading a little story and answering a question about it (Weston et al., 2015).

`generate` tells new stories without end, in this book's words; `load` gives the
published ones, and `require` finds or downloads them before anything is computed.
"""

from d2l_attention.datasets.babi.files import Question, load, read, require
from d2l_attention.datasets.babi.generator import generate
from d2l_attention.datasets.babi.release import TASKS

__all__ = ["TASKS", "Question", "generate", "load", "read", "require"]
