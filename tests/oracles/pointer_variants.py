"""The paper's baselines, and an encoder that does not know the order, in PyTorch, with the names of
`d2l_attention.models.pointer_networks`.
"""

import torch
from torch import nn
from torch.nn.functional import relu, scaled_dot_product_attention

from tests.oracles.pointer_networks import AdditiveScore


class Positions(nn.Module):
    def __init__(self, num_points, size):
        super().__init__()
        self.W = nn.Linear(size, 1 + num_points)

    def forward(self, d, e):
        logits = self.W(d)
        return logits, torch.softmax(logits, dim=-1)


class AttendedPositions(nn.Module):
    def __init__(self, num_points, size):
        super().__init__()
        self.W, self.attention = nn.Linear(2 * size, 1 + num_points), nn.Module()
        self.attention.score = AdditiveScore(size)

    def forward(self, d, e):
        alpha = torch.softmax(self.attention.score(d, e), dim=-1)  # (B, T, n)
        return self.W(torch.cat([alpha @ e, d], dim=-1)), alpha


class EncoderLayer(nn.Module):
    def __init__(self, size, num_heads):
        super().__init__()
        self.attention, self.num_heads = nn.Module(), num_heads
        for name in ("W_q", "W_k", "W_v", "W_o"):
            setattr(self.attention, name, nn.Linear(size, size, bias=False))
        self.norm_1, self.norm_2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.W_1, self.W_2 = nn.Linear(size, 2 * size), nn.Linear(2 * size, size)

    def forward(self, x):
        y, a = self.norm_1(x), self.attention
        heads = (
            W(y).unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for W in (a.W_q, a.W_k, a.W_v)
        )
        x = x + a.W_o(scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2))
        return x + self.W_2(relu(self.W_1(self.norm_2(x))))


class TransformerEncoder(nn.Module):
    def __init__(self, size, layers=2, num_heads=4):
        super().__init__()
        self.layers = nn.Sequential(*(EncoderLayer(size, num_heads) for _ in range(layers)))
        self.norm, self.W_d, self.W_c = (
            nn.LayerNorm(size),
            nn.Linear(size, size),
            nn.Linear(size, size),
        )

    def forward(self, x):
        e = self.norm(self.layers(x))
        mean = e.mean(dim=1)
        return e, (torch.tanh(self.W_d(mean))[None], self.W_c(mean)[None])
