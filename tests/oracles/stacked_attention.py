"""Stacked attention in PyTorch, with the names of `d2l_attention.models.stacked_attention`."""

import torch
from torch import nn


class ResidualBlock(nn.Module):
    def __init__(self, size, grid):
        super().__init__()
        self.grid = grid
        self.convolution, self.output = nn.Conv2d(size, size, 3, padding=1), nn.Linear(size, size)

    def forward(self, x):  # (B, n, d)
        picture = x.mT.unflatten(2, (self.grid, self.grid))  # (B, d, grid, grid)
        return x + self.output(torch.relu(self.convolution(picture)).flatten(2).mT)


class QuestionEncoder(nn.Module):
    def __init__(self, num_words, size):
        super().__init__()
        self.words, self.lstm = nn.Embedding(num_words, size), nn.LSTM(size, size, batch_first=True)

    def forward(self, question, length):  # (B, T), (B,)
        states, _ = self.lstm(self.words(question))  # (B, T, d)
        return states[torch.arange(len(length)), length - 1]


class AdditiveAttention(nn.Module):
    def __init__(self, size, score_size):
        super().__init__()
        self.score = nn.Module()
        self.score.W_q = nn.Linear(size, score_size)
        self.score.W_k = nn.Linear(size, score_size, bias=False)
        self.score.v = nn.Linear(score_size, 1, bias=False)

    def forward(self, u, v_I):  # (B, d), (B, n, d)
        h_A = torch.tanh(self.score.W_q(u)[:, None] + self.score.W_k(v_I))  # (B, n, h)
        p_I = torch.softmax(self.score.v(h_A)[:, :, 0], dim=-1)  # (B, n)
        return (p_I[:, None] @ v_I)[:, 0], p_I


class StackedAttention(nn.Module):
    def __init__(self, num_words, num_answers, *, features, hidden_size=64, score_size=32, hops=2,
                 blocks=0, grid=None, regions=None):  # fmt: skip
        super().__init__()
        self.regions, self.W_I = regions or nn.Identity(), nn.Linear(features, hidden_size)
        self.neighbours = nn.Sequential(*(ResidualBlock(hidden_size, grid) for _ in range(blocks)))
        self.encoder = QuestionEncoder(num_words, hidden_size)
        several = (AdditiveAttention(hidden_size, score_size) for _ in range(hops))
        self.attentions, self.W_u = nn.ModuleList(several), nn.Linear(hidden_size, num_answers)

    def forward(self, features, question, length):
        v_I = torch.tanh(self.neighbours(self.W_I(self.regions(features))))  # (B, n, d)
        u, weights = self.encoder(question, length), []  # (B, d)
        for attention in self.attentions:
            context, p_I = attention(u, v_I)
            u = u + context
            weights.append(p_I)
        return self.W_u(u), torch.stack(weights, dim=1)
