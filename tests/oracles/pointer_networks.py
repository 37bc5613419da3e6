"""Pointer networks in PyTorch, with the names of `d2l_attention.models.pointer_networks`."""

import torch
from torch import nn


class LSTMEncoder(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.lstm = nn.LSTM(size, size, batch_first=True)

    def forward(self, x):
        return self.lstm(x)


class WithFirst(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.first = nn.Parameter(torch.zeros(1, 1, size))

    def forward(self, x):
        return torch.cat([self.first.expand(len(x), 1, -1), x], dim=1)


class AdditiveScore(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.W_q, self.W_k = (nn.Linear(size, size, bias=False) for _ in range(2))
        self.v = nn.Linear(size, 1, bias=False)

    def forward(self, query, key):  # (B, T, d), (B, 1 + n, d)
        return self.v(torch.tanh(self.W_q(query)[:, :, None] + self.W_k(key)[:, None]))[..., 0]


class PointerNetwork(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.W_P, self.encoder = nn.Linear(2, size), LSTMEncoder(size)
        self.P_0, self.e_0 = WithFirst(size), WithFirst(size)
        self.decoder, self.score = nn.LSTM(size, size, batch_first=True), AdditiveScore(size)

    def forward(self, points, previous):  # (B, n, 2), (B, T)
        P = self.W_P(points)
        e, state = self.encoder(P)
        P, e = self.P_0(P), self.e_0(e)  # (B, 1 + n, d)
        chosen = P[torch.arange(len(P))[:, None], previous]  # (B, T, d)
        d, _ = self.decoder(chosen, state)
        u = self.score(d, e)  # (B, T, 1 + n)
        return u, torch.softmax(u, dim=-1)
