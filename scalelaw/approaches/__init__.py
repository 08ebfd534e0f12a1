"""The three roads from runs to a compute-optimal allocation (Hoffmann et al. 2022): envelope, isoflop, surface."""

from __future__ import annotations

from scalelaw.approaches.base import Allocation, Budget, PowerLaw
from scalelaw.approaches.bias import DesignBias, design_bias
from scalelaw.approaches.envelope import envelope
from scalelaw.approaches.isoflop import isoflop
from scalelaw.approaches.surface import surface

__all__ = ["Allocation", "Budget", "DesignBias", "PowerLaw", "design_bias", "envelope", "isoflop", "surface"]
