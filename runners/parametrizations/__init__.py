"""How initialisation, learning rates and multipliers follow the width, one parametrization to a file."""

from __future__ import annotations

from runners.parametrizations.base import Parametrization, Role, Rule, Scale
from scalelaw.registry import Registry

PARAMETRIZATIONS: Registry[Parametrization] = Registry("runners.parametrizations", "parametrization")

__all__ = ["PARAMETRIZATIONS", "Parametrization", "Role", "Rule", "Scale"]
