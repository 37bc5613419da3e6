"""Deep Sets in PyTorch, with the names of `d2l_attention.models.deep_sets`."""

import torch
from torch import nn


def pool(values, mask, how):
    """(B, n, d), (B, 1, n) -> (B, 1, d), where padding is left out."""
    there = mask.transpose(1, 2) > 0  # (B, n, 1)
    if how == "max":
        largest = values.masked_fill(~there, -torch.inf).amax(dim=1, keepdim=True)
        return largest.masked_fill(torch.isinf(largest), 0)  # of the empty set
    total = values.masked_fill(~there, 0).sum(dim=1, keepdim=True)
    return total / there.sum(dim=1, keepdim=True).clamp(min=1) if how == "mean" else total


class DeepSet(nn.Module):
    def __init__(self, phi, rho, how="sum"):
        super().__init__()
        self.phi, self.rho, self.how = phi, rho, how

    def forward(self, x, mask):
        return self.rho(pool(self.phi(x), mask, self.how)[:, 0])


class EquivariantLayer(nn.Module):
    def __init__(self, inputs, size, how="mean", activation=torch.relu):
        super().__init__()
        self.Lambda, self.Gamma = nn.Linear(inputs, size), nn.Linear(inputs, size, bias=False)
        self.how, self.activation = how, activation

    def forward(self, x, mask):
        return self.activation(self.Lambda(x) + self.Gamma(pool(x, mask, self.how)))


class SetScores(nn.Module):
    def __init__(self, phi, layers, size):
        super().__init__()
        self.phi, self.layers, self.w = phi, nn.ModuleList(layers), nn.Linear(size, 1)

    def forward(self, x, mask):
        x = self.phi(x)
        for layer in self.layers:
            x = layer(x, mask)
        return self.w(x)[:, :, 0].masked_fill(mask[:, 0] == 0, -torch.inf)


class SequenceReader(nn.Module):
    """Reads each set by itself, without its padding, so that no mask enters a gate but as a one."""

    def __init__(self, inputs, hidden_size, cell="lstm"):
        super().__init__()
        self.E, self.rho = nn.Linear(inputs, hidden_size, bias=False), nn.Linear(hidden_size, 1)
        layer = nn.LSTM if cell == "lstm" else nn.GRU
        self.cell = nn.ModuleDict({cell: layer(hidden_size + 1, hidden_size, bias=False)})
        self.name, self.size = cell, hidden_size

    def forward(self, x, mask):
        last = []
        for rows, there in zip(x, mask[:, 0] > 0, strict=True):
            state = rows.new_zeros(1, self.size)
            if there.any():
                inputs = torch.cat([self.E(rows[there]), rows.new_ones(int(there.sum()), 1)], dim=1)
                state = self.cell[self.name](inputs)[0][-1:]
            last.append(state)
        return self.rho(torch.cat(last))


def margin_loss(scores, target, margin=1.0):
    own = scores.gather(1, target[:, None])
    others = torch.isfinite(scores).scatter(1, target[:, None], False)
    behind = torch.relu(margin + scores - own).masked_fill(~others, 0)
    return behind.sum(dim=1) / others.sum(dim=1).clamp(min=1)
