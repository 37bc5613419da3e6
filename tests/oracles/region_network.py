"""The CNN that describes regions, in PyTorch, with the names of `RegionNetwork`."""

import torch
from torch import nn


class RegionNetwork(nn.Module):
    """Pictures (B, 3, grid * cell, grid * cell) -> features (B, grid^2, c + 2), cell by cell."""

    def __init__(self, *, attributes, grid, cell, channels=32):
        super().__init__()
        self.grid, self.cell = grid, cell
        self.half_cells = nn.Conv2d(3, channels, cell // 2, cell // 2)
        self.cells = nn.Conv2d(channels, channels, 2, 2)
        self.output = nn.Linear(channels, attributes)

    def forward(self, pictures):
        rows = []
        for row in range(self.grid):
            for column in range(self.grid):
                top, left = row * self.cell, column * self.cell
                cell = pictures[:, :, top : top + self.cell, left : left + self.cell]
                maps = torch.relu(self.cells(torch.relu(self.half_cells(cell)))).flatten(1)
                place = torch.tensor([[row, column]]) - (self.grid - 1) / 2
                named = torch.sigmoid(self.output(maps))
                rows.append(torch.cat([named, place.to(named).expand(len(cell), 2)], dim=1))
        return torch.stack(rows, dim=1)
