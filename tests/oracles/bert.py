"""BERT and its pre-training in PyTorch, with the names of `d2l_attention.models.bert`."""

import torch
from torch import nn
from torch.nn import functional as F

from tests.oracles.multi_head_attention import MultiHeadAttention

EPSILON = 1e-12


class Layer(nn.Module):
    def __init__(self, d, heads, hidden):
        super().__init__()
        self.attention = MultiHeadAttention(d, heads, sizes=(d, d, d), use_bias=True)
        self.network = nn.ModuleDict({"W_1": nn.Linear(d, hidden), "W_2": nn.Linear(hidden, d)})
        self.norm_1, self.norm_2 = (nn.LayerNorm(d, eps=EPSILON) for _ in range(2))

    def forward(self, x, mask):
        context, weights = self.attention(x, x, x, mask)
        x = self.norm_1(x + context)
        return self.norm_2(x + self.network["W_2"](F.gelu(self.network["W_1"](x)))), weights


class Bert(nn.Module):
    def __init__(self, num_words, *, d, layers, heads, hidden, longest, num_segments=2):
        super().__init__()
        self.words, self.segments = nn.Embedding(num_words, d), nn.Embedding(num_segments, d)
        self.positions = nn.ParameterDict({"table": torch.zeros(longest, d)})
        self.norm = nn.LayerNorm(d, eps=EPSILON)
        self.layers = nn.ModuleList([Layer(d, heads, hidden) for _ in range(layers)])
        self.pooler = nn.Linear(d, d)

    def forward(self, ids, segments, mask):  # (B, n), (B, n), (B, 1, n)
        x = self.words(ids) + self.segments(segments) + self.positions["table"][: ids.shape[1]]
        x, weights = self.norm(x), []
        for layer in self.layers:
            x, alpha = layer(x, mask)
            weights.append(alpha)
        pooled = torch.tanh(self.pooler(x[:, 0]))
        return x, pooled, torch.stack(weights, dim=1)  # (B, n, d), (B, d), (B, N, H, n, n)


class BertPretraining(nn.Module):
    def __init__(self, bert, d):
        super().__init__()
        self.bert, self.transform, self.next = bert, nn.Linear(d, d), nn.Linear(d, 2)
        self.norm, self.decoder = nn.LayerNorm(d, eps=EPSILON), nn.Linear(d, len(bert.words.weight))
        self.decoder.weight = bert.words.weight

    def forward(self, ids, segments, mask, places):  # places (B, m)
        states, pooled, _ = self.bert(ids, segments, mask)
        masked = states.gather(1, places[..., None].expand(-1, -1, states.shape[-1]))
        words = self.decoder(self.norm(F.gelu(self.transform(masked))))  # (B, m, V)
        return words, self.next(pooled)  # and (B, 2)

    def loss(self, output, words, other):
        of_words = F.cross_entropy(output[0].flatten(0, 1), words.flatten(), ignore_index=0)
        return of_words + F.cross_entropy(output[1], other)
