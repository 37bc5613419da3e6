"""Kernel regression in PyTorch, with the names of `d2l_attention.models.kernel_regression`."""

import torch
from torch import nn


class GaussianScore(nn.Module):
    """a(q, k) = log K(u) = -u^2 / 2, u = ||(q - k) / h||; h is one number, or one a feature."""

    def __init__(self, bandwidth=1.0, *, learn=False):
        super().__init__()
        log_bandwidth = torch.atleast_1d(torch.as_tensor(bandwidth)).log()
        if learn:  # its logarithm is trained, so that h stays positive
            self.log_bandwidth = nn.Parameter(log_bandwidth)
        else:
            self.register_buffer("log_bandwidth", log_bandwidth)

    def forward(self, query, key):
        u = (query[..., :, None, :] - key[..., None, :, :]) / self.log_bandwidth.exp()
        return -0.5 * u.square().sum(-1)  # (..., m, n)


class Attention(nn.Module):
    def __init__(self, score):
        super().__init__()
        self.score = score

    def forward(self, query, key, value, mask):
        scores = self.score(query, key).masked_fill(mask == 0, -torch.inf)
        weights = torch.softmax(scores, dim=-1)  # (..., m, n); NaN where a row allows no key
        return weights @ value, weights


class KernelRegression(nn.Module):
    def __init__(self, score, *, features=None, projection_size=None):
        super().__init__()
        self.attention, self.W = Attention(score), None
        if projection_size is not None:
            self.W = nn.Linear(features, projection_size, bias=False)

    def forward(self, query, key, value, mask):
        if self.W is not None:
            query, key = self.W(query), self.W(key)  # (B, m, r), (B, n, r)
        return self.attention(query, key, value, mask)  # (B, m, c), (B, m, n)

    def loss(self, output, value):
        return (output[0] - value).square().mean(dim=(1, 2))  # (B,)


def leave_one_out_mask(size):
    """Each of n points may be estimated from all but itself: (1, n, n)."""
    return 1 - torch.eye(size)[None]
