"""What a design minimises, one criterion to a file."""

from __future__ import annotations

from scalelaw.designing.criteria.base import Criterion, OneMore
from scalelaw.registry import Registry

CRITERIA: Registry[Criterion] = Registry("scalelaw.designing.criteria", "design criterion")

__all__ = ["CRITERIA", "Criterion", "OneMore"]
