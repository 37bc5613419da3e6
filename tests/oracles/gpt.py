"""GPT and GPT-2 in PyTorch, with the names of `d2l_attention.models.gpt`."""

import torch
from torch import nn

from tests.oracles.multi_head_attention import MultiHeadAttention


class Layer(nn.Module):
    """norm(x + f(x)) of each part, or x + f(norm(x))."""

    def __init__(self, d, heads, pre_norm):
        super().__init__()
        self.attention = MultiHeadAttention(d, heads, sizes=(d, d, d), use_bias=True)
        self.network = nn.ModuleDict({"W_1": nn.Linear(d, 4 * d), "W_2": nn.Linear(4 * d, d)})
        self.norm_1, self.norm_2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.pre_norm = pre_norm

    def ask(self, x, mask):
        return self.attention(x, x, x, mask)

    def compute(self, x):
        hidden = nn.functional.gelu(self.network["W_1"](x), approximate="tanh")
        return self.network["W_2"](hidden)

    def forward(self, x, mask):
        if self.pre_norm:
            context, weights = self.ask(self.norm_1(x), mask)
            x = x + context
            return x + self.compute(self.norm_2(x)), weights
        context, weights = self.ask(x, mask)
        x = self.norm_1(x + context)
        return self.norm_2(x + self.compute(x)), weights


class Decoder(nn.Module):
    def __init__(self, num_words, *, d, layers, heads, longest, pre_norm):
        super().__init__()
        self.embedding = nn.Embedding(num_words, d)
        self.positions = nn.ParameterDict({"table": nn.Parameter(torch.zeros(longest, d))})
        self.layers = nn.ModuleList([Layer(d, heads, pre_norm) for _ in range(layers)])
        self.norm = nn.LayerNorm(d) if pre_norm else None

    def forward(self, words, mask):  # (B, n), (B, 1, n)
        place = (mask.cumsum(2) - mask)[:, 0].long()
        x = self.embedding(words) + self.positions["table"][place]  # (B, n, d)
        before, weights = mask * torch.ones(words.shape[1], words.shape[1]).tril(), []
        for layer in self.layers:
            x, alpha = layer(x, before)
            weights.append(alpha)
        return self.norm(x) if self.norm else x, torch.stack(weights, dim=1)


class GPT(nn.Module):
    def __init__(self, num_words, **sizes):
        super().__init__()
        self.decoder = Decoder(num_words, **sizes)

    def forward(self, words, mask):
        s, weights = self.decoder(words, mask)
        return s @ self.decoder.embedding.weight.T, weights  # (B, n, V), (B, N, H, n, n)


class GPTClassifier(nn.Module):
    def __init__(self, model, num_classes):
        super().__init__()
        self.model, d = model, model.decoder.embedding.embedding_dim
        self.W_y = nn.Linear(d, num_classes)

    def loss(self, words, mask, label, auxiliary):  # -> (B,)
        s, _ = self.model.decoder(words, mask)
        logits, _ = self.model(words, mask)
        cost = nn.functional.cross_entropy(
            logits[:, :-1].mT, words[:, 1:], reduction="none"
        )  # (B, n - 1)
        spoken = (cost * mask[:, 0, :-1]).sum(1) / mask[:, 0, :-1].sum(1)
        return nn.functional.cross_entropy(self.W_y(s[:, -1]), label, reduction="none") + (
            auxiliary * spoken
        )
