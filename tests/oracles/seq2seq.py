"""Sequence to sequence in PyTorch, with the names of `d2l_attention.models.seq2seq`."""

import torch
from torch import nn


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
        return self.lstm(torch.cat([x * mask, mask], dim=2))


class Encoder(nn.Module):
    def __init__(self, num_words, size):
        super().__init__()
        self.embedding = nn.Embedding(num_words, size)
        self.layers = nn.ModuleList([MaskedLSTM(size)])

    def forward(self, words, mask):
        return self.layers[0](self.embedding(words), mask.mT)


class AttentionDecoder(nn.Module):
    def __init__(self, size, attention):
        super().__init__()
        self.layers = nn.ModuleList([nn.LSTM(size, size, batch_first=True)])
        self.attention = attention
        self.W_c, self.W_h = (nn.Linear(size, size, bias=False) for _ in range(2))

    def forward(self, x, key, mask, state):
        s, state = self.layers[0](x, state)  # (B, T, d)
        context, weights = self.attention(s, key, mask)
        return torch.tanh(self.W_c(context) + self.W_h(s)), weights, state


class Seq2Seq(nn.Module):
    def __init__(self, num_source, num_target, size, attention):
        super().__init__()
        self.encoder, self.embedding = Encoder(num_source, size), nn.Embedding(num_target, size)
        self.decoder, self.W_s = AttentionDecoder(size, attention), nn.Linear(size, num_target)

    def forward(self, source, mask, previous):  # (B, n), (B, 1, n), (B, T)
        key, state = self.encoder(source, mask)
        s, weights, _ = self.decoder(self.embedding(previous), key, mask, state)
        return self.W_s(s), weights  # logits (B, T, V)
