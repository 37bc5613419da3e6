"""Graph attention in PyTorch, over all N^2 pairs, with the package's names."""

import torch
from torch import nn
from torch.nn.functional import elu, leaky_relu


class GraphLayer(nn.Module):
    """x (N, f), adjacency (N, N) -> (N, H d), weights (H, N, N)."""

    def __init__(self, features, size, num_heads=1):
        super().__init__()
        self.W = nn.Linear(features, num_heads * size, bias=False)
        self.b = nn.Parameter(torch.zeros(num_heads * size))
        self.num_heads = num_heads

    def forward(self, x, adjacency):
        H = self.W(x).unflatten(1, (self.num_heads, -1)).transpose(0, 1)  # (H, N, d)
        weights = self.weights(H, adjacency)  # (H, N, N)
        return (weights @ H).transpose(0, 1).flatten(1) + self.b, weights


class GraphAttention(GraphLayer):
    def __init__(self, features, size, num_heads=1):
        super().__init__(features, size, num_heads)
        self.a_q, self.a_k = (nn.Parameter(torch.zeros(num_heads, size)) for _ in range(2))

    def scores(self, H):
        return leaky_relu(H @ self.a_q[:, :, None] + (H @ self.a_k[:, :, None]).mT, 0.2)

    def weights(self, H, adjacency):
        scores = self.scores(H).masked_fill(adjacency == 0, -torch.inf)
        return torch.softmax(scores, dim=-1).nan_to_num(0)  # 0 / 0: a node without edges


class DynamicGraphAttention(GraphAttention):
    def __init__(self, features, size, num_heads=1):
        super().__init__(features, size, num_heads)
        del self.a_q, self.a_k
        self.attention = nn.Module()
        self.attention.score = nn.Module()
        self.attention.score.a = nn.Parameter(torch.zeros(num_heads, 1, 1, size))

    def scores(self, H):
        pairs = H[:, :, None] + H[:, None]  # (H, N, N, d)
        return (leaky_relu(pairs, 0.2) * self.attention.score.a).sum(-1)


class GraphConvolution(GraphLayer):
    def weights(self, H, adjacency):
        degree = adjacency.sum(1).clamp(min=1)
        return (adjacency / (degree[:, None] * degree).sqrt())[None]


class NodeLayer(GraphLayer):
    def weights(self, H, adjacency):
        return torch.eye(len(adjacency), dtype=H.dtype)[None]


class GraphNetwork(nn.Module):
    def __init__(self, first, second):
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x, adjacency):
        h, first = self.first(x, adjacency)
        y, second = self.second(elu(h), adjacency)
        return y, first, second
