"""The rules that a spec's parametrization has for the tensors of its model."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runners.parametrizations import PARAMETRIZATIONS, Role, Rule
from runners.spec import TrainSpec


@dataclass(frozen=True, slots=True)
class Rules:
    """The spec's parametrization at the spec's scale."""

    spec: TrainSpec

    def __call__(self, role: Role, fan_in: int = 1) -> Rule:
        """The rule of a tensor of that role; see `Parametrization.rule`."""
        return PARAMETRIZATIONS[self.spec.parametrization].rule(role, fan_in, self.spec.scale)

    def readout(self, fan_in: int) -> Rule:
        """That of the read-out, which starts at zero where the spec says so."""
        rule = self(Role.readout, fan_in)
        return replace(rule, std=0.0) if self.spec.zero_readout else rule
