"""The Transformer in PyTorch, with the names of `d2l_attention.models.transformer`."""

import torch
from torch import nn

from tests.oracles.multi_head_attention import MultiHeadAttention


class Layer(nn.Module):
    """Of the encoder; with `cross`, of the decoder."""

    def __init__(self, d, heads, hidden, *, cross=False):
        super().__init__()
        self.attention = MultiHeadAttention(d, heads, sizes=(d, d, d))
        self.network = nn.ModuleDict({"W_1": nn.Linear(d, hidden), "W_2": nn.Linear(hidden, d)})
        self.norm_1, self.norm_2 = nn.LayerNorm(d), nn.LayerNorm(d)
        if cross:
            self.cross, self.norm_cross = (
                MultiHeadAttention(d, heads, sizes=(d, d, d)),
                nn.LayerNorm(d),
            )

    def forward(self, x, mask, source=None, source_mask=None):
        context, _ = self.attention(x, x, x, mask)
        x = self.norm_1(x + context)
        if source is not None:
            context, weights = self.cross(x, source, source, source_mask)
            x = self.norm_cross(x + context)
        y = self.network["W_2"](torch.relu(self.network["W_1"](x)))
        x = self.norm_2(x + y)
        return x if source is None else (x, weights)


class Stack(nn.Module):
    def __init__(self, num_words, d, layers, *sizes, cross=False):
        super().__init__()
        self.embedding = nn.Embedding(num_words, d)
        self.layers = nn.ModuleList([Layer(d, *sizes, cross=cross) for _ in range(layers)])

    def words(self, numbers, place):  # (B, n) -> (B, n, d)
        d = self.embedding.embedding_dim
        angle = place[..., None] / 10000 ** (torch.arange(0, d, 2) / d)
        waves = torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(-2)
        return self.embedding(numbers) * d**0.5 + waves


class Transformer(nn.Module):
    def __init__(self, num_source, num_target, *, d, layers, heads, hidden):
        super().__init__()
        self.encoder = Stack(num_source, d, layers, heads, hidden)
        self.decoder = Stack(num_target, d, layers, heads, hidden, cross=True)

    def forward(self, source, mask, previous):  # (B, n), (B, 1, n), (B, T)
        x = self.encoder.words(source, (mask.cumsum(2) - mask)[:, 0])
        for layer in self.encoder.layers:
            x = layer(x, mask)
        place = torch.arange(previous.shape[1], dtype=x.dtype)
        s, causal = self.decoder.words(previous, place), (place[:, None] >= place)[None]
        for layer in self.decoder.layers:
            s, weights = layer(s, causal, x, mask)
        return s @ self.decoder.embedding.weight.T, weights  # (B, T, V), (B, H, T, n)
