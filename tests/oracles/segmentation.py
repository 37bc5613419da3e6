"""Segmentation networks in PyTorch, with the names of `d2l_attention.models.segmentation`."""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, pixel_shuffle

from tests.oracles.multi_head_attention import MultiHeadAttention


class PixelAttention(nn.Module):
    def __init__(self, d, num_heads):
        super().__init__()
        self.attention = MultiHeadAttention(d, num_heads, sizes=3 * (d,))
        self.norm = nn.LayerNorm(d)

    def forward(self, x, others):
        z, weights = self.attention(self.norm(x), self.norm(others), self.norm(others))
        return x + z, weights


class CooccurrentContext(nn.Module):
    def __init__(self, d, num_heads, mixtures):
        super().__init__()
        self.H, self.K, self.norm, self.W_g = num_heads, mixtures, nn.LayerNorm(d), nn.Linear(d, d)
        self.W_t, self.W_c = (nn.Linear(d, mixtures * d, bias=False) for _ in range(2))
        self.W_phi, self.W_o = (nn.Linear(d, d, bias=False) for _ in range(2))
        self.W_pi = nn.Linear(mixtures * d // num_heads, mixtures, bias=False)

    def forward(self, x, others):  # (B, n, d), (B, m, d)
        target, others = self.W_t(self.norm(x)), self.norm(others)
        v, u = (
            a.unflatten(2, (self.H, self.K, -1)).permute(0, 2, 3, 1, 4)
            for a in (target, self.W_c(others))
        )
        pi = torch.softmax(self.W_pi(target.mean(1).unflatten(1, (self.H, -1))), -1)  # (B, H, K)
        p = torch.softmax(v @ u.mT / v.shape[-1] ** 0.5, dim=-1)  # (B, H, K, n, m)
        p = (pi[..., None, None] * p).sum(2)  # (B, H, n, m)
        phi = self.W_phi(others).unflatten(2, (self.H, -1)).transpose(1, 2)  # (B, H, m, d / H)
        z = self.W_o((p @ phi).transpose(1, 2).flatten(2))  # (B, n, d)
        scene = torch.relu(self.W_g(x.mean(1, keepdim=True))).expand_as(x)
        return torch.cat([x + z, scene], 2), p


class SegmentationNetwork(nn.Module):
    def __init__(self, classes, layers, context, *, sizes, stride, pool):
        super().__init__()
        self.features, self.context, self.stride, self.pool = nn.Module(), context, stride, pool
        self.features.layers = nn.Sequential(*layers)
        self.output = nn.Linear(sizes, stride**2 * classes)

    def forward(self, image):
        maps = self.features.layers(image)  # (B, d, h / stride, w / stride)
        x, others = (a.flatten(2).mT for a in (maps, avg_pool2d(maps, self.pool)))
        x, weights = self.context(x, others) if self.context else (x, None)
        y = self.output(x).unflatten(2, (self.stride**2, -1)).permute(0, 3, 2, 1)
        y = pixel_shuffle(y.flatten(1, 2).unflatten(2, maps.shape[2:]), self.stride)  # (B, C, h, w)
        return y.permute(0, 2, 3, 1), weights  # (B, h, w, C), (B, H, n, m)
