"""Model families, one to a file: a function from width and depth to a network."""

from __future__ import annotations

from runners.models.base import Family
from scalelaw.registry import Registry

FAMILIES: Registry[Family] = Registry("runners.models", "model family")

__all__ = ["FAMILIES", "Family"]
