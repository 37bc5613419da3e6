"""Memory networks in PyTorch, with the names of `d2l_attention.models.memory_networks`."""

from itertools import pairwise

import torch
from torch import nn


class Matrix(nn.Module):
    """A matrix that is trained."""

    def __init__(self, rows, columns):
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(rows, columns))


class MemoryNetwork(nn.Module):
    """story (N, n, J) and question (N, J) hold words from 1, 0 where a sentence has ended; age and
    mask are (N, n) -> logits (N, V), weights (N, K, n).
    """

    def __init__(self, num_words, longest, *, hidden_size=20, hops=3, memory_size=50,
                 encoding="position", tying="adjacent", nonlinear=False,
                 sentinel=True):  # fmt: skip
        super().__init__()
        self.hops, self.adjacent, self.nonlinear = hops, tying == "adjacent", nonlinear
        self.linear = False  # whether the softmax is left out, the "linear start"
        matrices = hops + 1 if self.adjacent else 2
        self.A = nn.ModuleList(Matrix(num_words, hidden_size) for _ in range(matrices))
        self.T = nn.ModuleList(Matrix(memory_size + sentinel, hidden_size) for _ in range(matrices))
        if not self.adjacent:
            self.B, self.W = Matrix(num_words, hidden_size), Matrix(num_words, hidden_size)
            self.H = nn.Linear(hidden_size, hidden_size, bias=False)
        j = torch.arange(1, longest + 1)[:, None] - (longest + 1) / 2
        k = torch.arange(1, hidden_size + 1) - (hidden_size + 1) / 2
        position = 1 + 4 * k * j / (hidden_size * longest) * (encoding == "position")
        self.register_buffer("position", position)  # l, (J, d)

    def sentence(self, matrix, words):
        """sum_j l_j * A x_j: (..., J) -> (..., d)."""
        zero = torch.zeros_like(matrix.weight[:1])  # of no word
        return (self.position * torch.cat([zero, matrix.weight])[words]).sum(-2)

    def memory(self, matrix, ages, story, age):
        zero = torch.zeros_like(ages.weight[:1])  # of the highest age, without a sentinel
        return self.sentence(matrix, story) + torch.cat([ages.weight, zero])[age]

    def forward(self, story, age, mask, question):
        memories = [self.memory(A, T, story, age) for A, T in zip(self.A, self.T, strict=True)]
        query, weights = self.sentence(self.A[0] if self.adjacent else self.B, question), []
        for key, value in pairwise(memories) if self.adjacent else [memories] * self.hops:
            scores = (key @ query[:, :, None])[:, :, 0]  # (N, n)
            softmax = torch.softmax(scores.masked_fill(mask == 0, -torch.inf), dim=-1)
            alpha = scores * mask if self.linear else softmax
            query = query if self.adjacent else self.H(query)
            query = query + (alpha[:, None] @ value)[:, 0]  # (N, d)
            query = torch.relu(query) if self.nonlinear else query
            weights.append(alpha)
        answer = self.A[-1] if self.adjacent else self.W
        return query @ answer.weight.T, torch.stack(weights, dim=1)
