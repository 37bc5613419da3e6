"""Sequence to sequence in PyTorch, with the names of `d2l_attention.models.seq2seq`."""

import torch
from torch import nn


class BilinearScore(nn.Module):  # "general"
    def __init__(self, size):
        super().__init__()
        self.W = nn.Linear(size, size, bias=False)

    def forward(self, query, key):
        return query @ self.W(key).mT  # (B, T, n)


class Attention(nn.Module):
    def __init__(self, score):
        super().__init__()
        self.score = score

    def forward(self, query, key, mask):
        scores = self.score(query, key).masked_fill(mask == 0, -torch.inf)
        weights = torch.softmax(scores, dim=-1)  # (B, T, n)
        return weights @ key, weights


class MaskedLSTM(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.lstm = nn.LSTM(size + 1, size, bias=False, batch_first=True)

    def forward(self, x, mask):  # (B, n, d), (B, n, 1)
        return self.lstm(torch.cat([x, mask], dim=2))


class Encoder(nn.Module):
    def __init__(self, num_words, size, layers):
        super().__init__()
        self.embedding = nn.Embedding(num_words, size)
        self.layers = nn.ModuleList(MaskedLSTM(size) for _ in range(layers))

    def forward(self, words, mask):
        x, last = self.embedding(words) * mask.mT, []
        for layer in self.layers:
            x, state = layer(x * mask.mT, mask.mT)
            last.append(state)
        return x, last


class Decoder(nn.Module):
    def __init__(self, input_size, size, layers, attention):
        super().__init__()
        several = (
            nn.LSTM(size if i else input_size, size, batch_first=True) for i in range(layers)
        )
        self.layers, self.attention = nn.ModuleList(several), attention
        if attention:
            self.W_c = nn.Linear(size, size, bias=False)
            self.W_h = nn.Linear(size, size, bias=False)

    def forward(self, x, key, mask, states):
        after = []
        for layer, state in zip(self.layers, states, strict=True):
            x, state = layer(x, state)
            after.append(state)
        if not self.attention:
            return x, None, after
        context, weights = self.attention(x, key, mask)
        return torch.tanh(self.W_c(context) + self.W_h(x)), weights, after


class Seq2Seq(nn.Module):
    def __init__(self, num_source, num_target, *, hidden_size, layers=1, attention=None,
                 input_feeding=False):  # fmt: skip
        super().__init__()
        self.encoder = Encoder(num_source, hidden_size, layers)
        self.embedding = nn.Embedding(num_target, hidden_size)
        width = hidden_size * (1 + input_feeding)
        self.decoder = Decoder(width, hidden_size, layers, attention)
        self.W_s, self.input_feeding = nn.Linear(hidden_size, num_target), input_feeding

    def forward(self, source, mask, previous):
        key, states = self.encoder(source, mask)
        words, s = self.embedding(previous), []
        if not self.input_feeding:
            s, weights, _ = self.decoder(words, key, mask, states)
            return self.W_s(s), weights
        fed, weights = torch.zeros_like(words[:, :1]), []
        for t in range(words.shape[1]):
            x = torch.cat([words[:, t : t + 1], fed], dim=2)
            fed, alpha, states = self.decoder(x, key, mask, states)
            s.append(fed)
            weights.append(alpha)
        return self.W_s(torch.cat(s, dim=1)), torch.cat(weights, dim=1)
