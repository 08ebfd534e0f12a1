"""The standard parametrization: variances 1/fan_in, one learning rate for every tensor."""

from __future__ import annotations

from runners.parametrizations.base import Parametrization, Role, Rule, Scale


class Standard(Parametrization):
    """Initial std 1/sqrt(fan_in); every multiplier 1; no decay of norms and biases."""

    name = "standard"
    source = "LeCun et al. 1998; the SP column of Yang et al. 2022, arXiv 2203.03466, Table 3"

    def rule(self, role: Role, fan_in: int, scale: Scale) -> Rule:
        """Nothing follows the width but 1/fan_in."""
        std = scale.init_std if role is Role.embedding else fan_in**-0.5
        return Rule(std, decay=0.0 if role in (Role.norm, Role.bias) else 1.0)


KIND = Standard()
