"""BERT's heads in PyTorch, with the names of `d2l_attention.models.bert_fine_tuning`."""

import torch
from torch import nn
from torch.nn import functional as F


class FineTuned(nn.Module):
    def __init__(self, bert, d, outputs):
        super().__init__()
        self.bert, self.W = bert, nn.Linear(d, outputs)


class SequenceClassifier(FineTuned):
    def forward(self, ids, segments, mask):
        _, pooled, weights = self.bert(ids, segments, mask)
        return self.W(pooled), weights  # (B, K)

    def loss(self, output, target):
        return F.cross_entropy(output[0], target)


class TokenClassifier(FineTuned):
    def forward(self, ids, segments, mask):
        states, _, weights = self.bert(ids, segments, mask)
        return self.W(states), weights  # (B, n, K)

    def loss(self, output, target):  # -1: no tag is asked for
        return F.cross_entropy(output[0].flatten(0, 1), target.flatten(), ignore_index=-1)


class QuestionAnswering(FineTuned):
    def forward(self, ids, segments, mask, text):  # text (B, 1, n)
        states, _, weights = self.bert(ids, segments, mask)
        scores = self.W(states).transpose(1, 2).masked_fill(text == 0, -torch.inf)
        return scores, scores.softmax(dim=-1), weights  # (B, 2, n), (B, 2, n)

    def loss(self, output, target):  # first and last place (B, 2)
        start, end = (F.cross_entropy(output[0][:, k], target[:, k]) for k in (0, 1))
        return (start + end) / 2


def best_span(scores, longest):
    """The first of the best spans that start first, and of these the shortest."""
    n, best = scores.shape[1], (-torch.inf, None)
    for first in range(n):
        for last in range(first, min(n, first + longest)):
            if (score := (scores[0, first] + scores[1, last]).item()) > best[0]:
                best = score, (first, last)
    return best[1]
