"""What `seq2seq` in PyTorch becomes with several layers, input feeding, other scores, or no attention."""

import torch
from torch import nn

from tests.oracles import seq2seq


class DotProductScore(nn.Module):
    def forward(self, query, key):
        return query @ key.mT  # (B, T, n)


class BilinearScore(nn.Module):  # "general"
    def __init__(self, size):
        super().__init__()
        self.W = nn.Linear(size, size, bias=False)

    def forward(self, query, key):
        return query @ self.W(key).mT


class AdditiveScore(nn.Module):  # "concat"
    def __init__(self, size):
        super().__init__()
        self.W_q, self.W_k = (nn.Linear(size, size, bias=False) for _ in range(2))
        self.v = nn.Linear(size, 1, bias=False)

    def forward(self, query, key):
        return self.v(torch.tanh(self.W_q(query)[:, :, None] + self.W_k(key)[:, None]))[..., 0]


class LocationScore(nn.Module):
    def __init__(self, size, longest):
        super().__init__()
        self.W = nn.Linear(size, longest, bias=False)

    def forward(self, query, key):
        return self.W(query)[:, :, : key.shape[1]].flip(2)


class Encoder(seq2seq.Encoder):
    def __init__(self, num_words, size, layers):
        super().__init__(num_words, size)
        self.layers = nn.ModuleList(seq2seq.MaskedLSTM(size) for _ in range(layers))

    def forward(self, words, mask):
        x, states = self.embedding(words), []
        for layer in self.layers:
            x, state = layer(x, mask.mT)
            states.append(state)
        return x, states


class Decoder(nn.Module):
    def __init__(self, input_size, size, layers, attention):
        super().__init__()
        sizes = [input_size] + (layers - 1) * [size]
        self.layers = nn.ModuleList(nn.LSTM(s, size, batch_first=True) for s in sizes)
        self.attention = attention
        if attention:
            self.W_c, self.W_h = (nn.Linear(size, size, bias=False) for _ in range(2))

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
    def __init__(self, num_source, num_target, size, *, layers=1, attention=None,
                 input_feeding=False):  # fmt: skip
        super().__init__()
        self.encoder = Encoder(num_source, size, layers)
        self.embedding, self.feeds = nn.Embedding(num_target, size), input_feeding
        self.decoder = Decoder(size * (1 + input_feeding), size, layers, attention)
        self.W_s = nn.Linear(size, num_target)

    def forward(self, source, mask, previous):
        key, states = self.encoder(source, mask)
        words = self.embedding(previous)
        if not self.feeds:
            s, weights, _ = self.decoder(words, key, mask, states)
            return self.W_s(s), weights
        fed, steps = torch.zeros_like(words[:, :1]), []
        for t in range(words.shape[1]):
            x = torch.cat([words[:, t : t + 1], fed], dim=2)
            fed, weights, states = self.decoder(x, key, mask, states)
            steps.append((self.W_s(fed), weights))
        logits, weights = zip(*steps, strict=True)
        return torch.cat(logits, dim=1), torch.cat(weights, dim=1)
