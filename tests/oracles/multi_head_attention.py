"""Multi-head attention in PyTorch, and the network that asks by name, with the package's names."""

import torch
from torch import nn


def masked_softmax(scores, mask=None):
    """(..., m, n): weights of zero where the mask is zero, also where it is zero everywhere."""
    if mask is None:
        return torch.softmax(scores, dim=-1)
    scores = scores.masked_fill(mask == 0, torch.finfo(scores.dtype).min)
    return torch.softmax(scores, dim=-1) * mask


class MultiHeadAttention(nn.Module):
    """query (B, m, d_q), key (B, n, d_k), value (B, n, d_v), mask (B|1, m|1, n) ->
    context (B, m, d), weights (B, H, m, n).
    """

    def __init__(self, hidden_size, num_heads, *, sizes, use_bias=False):
        super().__init__()
        self.num_heads = num_heads
        query_size, key_size, value_size = sizes  # which Gluon finds at the first call
        self.W_q = nn.Linear(query_size, hidden_size, bias=use_bias)
        self.W_k = nn.Linear(key_size, hidden_size, bias=use_bias)
        self.W_v = nn.Linear(value_size, hidden_size, bias=use_bias)
        self.W_o = nn.Linear(hidden_size, hidden_size, bias=use_bias)

    def split(self, x):
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)  # (B, H, n, d / H)

    def forward(self, query, key, value, mask=None):
        query, key = self.split(self.W_q(query)), self.split(self.W_k(key))
        value = self.split(self.W_v(value))
        scores = query @ key.mT / query.shape[-1] ** 0.5  # (B, H, m, n)
        weights = masked_softmax(scores, None if mask is None else mask[:, None])
        context = (weights @ value).transpose(1, 2).flatten(2)  # (B, m, d)
        return self.W_o(context), weights


class Answer(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.W_1, self.W_2 = nn.Linear(size, 2 * size), nn.Linear(2 * size, 2)

    def forward(self, c):
        return self.W_2(torch.relu(self.W_1(c)))


class ByName(nn.Module):
    def __init__(self, num_names, size, num_heads):
        super().__init__()
        self.E_1, self.E_2, self.E = (nn.Embedding(num_names, size) for _ in range(3))
        self.attention = MultiHeadAttention(size, num_heads, sizes=(size, size, 1))
        self.answer = Answer(size)

    def forward(self, first, second, names, price, mask):
        query, key = self.E_1(first) + self.E_2(second), self.E(names)
        context, weights = self.attention(query, key, price, mask)
        return self.answer(context), weights
