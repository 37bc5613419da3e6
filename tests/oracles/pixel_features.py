"""`PixelFeatures` in PyTorch, with the names of `d2l_attention.models.segmentation`."""

import torch
from torch import nn


class Convolution(nn.Module):
    def __init__(self, inputs, channels, stride=1, dilation=1):
        super().__init__()
        self.convolution = nn.Conv2d(inputs, channels, 3, stride, dilation, dilation, bias=False)
        self.norm, self.residual = nn.BatchNorm2d(channels), stride == 1

    def forward(self, x):
        y = torch.relu(self.norm(self.convolution(x)))
        return x + y if self.residual else y
