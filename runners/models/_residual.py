"""How a branch joins the residual stream."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from runners.parametrizations import PARAMETRIZATIONS
from runners.spec import TrainSpec


class Residual(nn.Module):
    """x + branch y, with the parametrization's multiplier; in training, dropout of y by torch's global stream."""

    def __init__(self, spec: TrainSpec) -> None:
        super().__init__()
        self.branch = PARAMETRIZATIONS[spec.parametrization].branch(spec.scale)
        self.dropout = spec.dropout

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        if self.dropout:
            y = functional.dropout(y, self.dropout, self.training)
        return torch.add(x, y, alpha=self.branch)
