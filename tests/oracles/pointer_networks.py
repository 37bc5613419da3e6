"""Pointer networks in PyTorch, with the names of `d2l_attention.models.pointer_networks`."""

import torch
from torch import nn


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

    def forward(self, query, key):  # (B, T, d), (B, n, d)
        return self.v(torch.tanh(self.W_q(query)[:, :, None] + self.W_k(key)[:, None]))[..., 0]


class Pointer(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.e_0, self.score = WithFirst(size), AdditiveScore(size)

    def forward(self, d, e):  # (B, T, d), (B, n, d)
        u = self.score(d, self.e_0(e))  # (B, T, 1 + n)
        return u, torch.softmax(u, dim=-1)


class LSTMEncoder(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.lstm = nn.LSTM(size, size, batch_first=True)

    def forward(self, x):
        return self.lstm(x)


class PointerNetwork(nn.Module):
    def __init__(self, size, encoder=None, output=None):
        super().__init__()
        self.W_P, self.encoder = nn.Linear(2, size), encoder or LSTMEncoder(size)
        self.P_0, self.decoder = WithFirst(size), nn.LSTM(size, size, batch_first=True)
        self.output = output or Pointer(size)

    def forward(self, points, previous):  # (B, n, 2), (B, T)
        P = self.W_P(points)
        e, state = self.encoder(P)
        table = self.P_0(P)  # (B, 1 + n, d)
        chosen = table[torch.arange(len(P))[:, None], previous]  # (B, T, d)
        d, _ = self.decoder(chosen, state)
        return self.output(d, e)
