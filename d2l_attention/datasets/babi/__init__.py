"""bAbI: twenty tasks of reading a little story and answering a question about it (Weston et al., 2015)."""

from d2l_attention.datasets.babi.files import TASKS, Question, load, read, tokenize

__all__ = ["TASKS", "Question", "load", "read", "tokenize"]
