"""The machine in PyTorch, with the names of `d2l_attention.models.neural_turing_machine`."""

import torch
from torch import nn
from torch.nn.functional import softplus


def address(said, M, w):
    """What heads are told (B, 2, W + 6), memory (B, N, W), weights (B, 2, N) -> new weights."""
    k, beta, g, s, gamma = said.split([M.shape[2], 1, 1, 3, 1], dim=2)
    k, g, s = torch.tanh(k), torch.sigmoid(g), torch.softmax(s, dim=2)
    squares = k.square().sum(2, keepdim=True) * M.square().sum(2)[:, None]
    cosine = k @ M.mT / torch.sqrt(squares + 1e-8)  # (B, 2, N)
    w_c = torch.softmax(softplus(beta) * cosine, dim=2)
    w_g = g * w_c + (1 - g) * w
    moved = torch.stack([w_g.roll(j, dims=2) for j in (-1, 0, 1)], dim=3)  # (B, 2, N, 3)
    w_s = (moved * s[:, :, None]).sum(3)
    w = w_s.clamp_min(1e-30) ** (1 + softplus(gamma))
    return w / w.sum(2, keepdim=True)


def lstm(gates, c):
    i, f, g, o = gates.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


class NeuralTuringMachine(nn.Module):
    def __init__(self, input_size, output_size, *, rows=128, width=20, hidden_size=100,
                 controller="LSTM"):  # fmt: skip
        super().__init__()
        self.rows, self.width, self.hidden_size = rows, width, hidden_size
        self.recurrent = controller == "LSTM"
        seen = input_size + width + hidden_size * self.recurrent
        W = nn.Linear(seen, hidden_size * (4 if self.recurrent else 1))
        says = nn.Linear(hidden_size, 2 * (width + 6))
        erase, add = nn.Linear(hidden_size, width), nn.Linear(hidden_size, width)
        memory = {"addressing": nn.ModuleDict({"says": says}), "erase": erase, "add": add}
        parts = {"controller": nn.ModuleDict({"W": W}), "memory": nn.ModuleDict(memory)}
        self.step, self.W_o = nn.ModuleDict(parts), nn.Linear(hidden_size + width, output_size)

    def forward(self, inputs):
        W, memory = self.step["controller"]["W"], self.step["memory"]
        B, outputs, says = len(inputs), [], memory["addressing"]["says"]
        h, c = inputs.new_zeros(2, B, self.hidden_size)
        r, M = inputs.new_zeros(B, self.width), inputs.new_full((B, self.rows, self.width), 1e-6)
        w = torch.eye(self.rows, dtype=inputs.dtype)[0].expand(B, 2, self.rows)
        for x in inputs.unbind(1):
            if self.recurrent:
                h, c = lstm(W(torch.cat([x, r, h], dim=1)), c)
            else:
                h = torch.tanh(W(torch.cat([x, r], dim=1)))
            w = address(says(h).unflatten(1, (2, -1)), M, w)
            e, a = torch.sigmoid(memory["erase"](h))[:, None], torch.tanh(memory["add"](h))[:, None]
            writing, reading = w[:, 0, :, None], w[:, 1:]  # (B, N, 1), (B, 1, N)
            M = M * (1 - writing * e) + writing * a
            r = (reading @ M)[:, 0]
            outputs.append((self.W_o(torch.cat([h, r], dim=1)), w[:, 1], w[:, 0]))
        return tuple(torch.stack(parts, dim=1) for parts in zip(*outputs, strict=True))
