"""CompleteP: muP in width, and residual branches divided by the depth, for AdamW."""

from __future__ import annotations

from dataclasses import replace

from runners.parametrizations.base import Parametrization, Role, Rule, Scale
from runners.parametrizations.mup import KIND as MUP

ALPHA = 1.0
"""The exponent at which every layer learns features; at 1/2 (depth-muP) deep layers stay near their linearisation."""
BRANCH = (Role.hidden, Role.norm, Role.bias)
"""Roles that live in residual branches."""


class CompleteP(Parametrization):
    """muP's row, times powers of l = depth / base depth; a branch adds l^-alpha F(x) to the stream.

    | role        | std                | lr              | decay | epsilon         | output |
    |-------------|--------------------|-----------------|-------|-----------------|--------|
    | embedding   | constant           | 1               | 1     | 1/m             | 1      |
    | input       | 1/sqrt(fan_in)     | 1               | 1     | 1/m             | 1      |
    | hidden      | 1/sqrt(fan_in)     | l^(alpha-1) / m | m     | l^(-alpha) / m  | 1      |
    | norm, bias  | gain 1, bias 0     | l^(alpha-1)     | 0     | l^(-alpha) / m  | 1      |
    | read-out    | 1/sqrt(fan_in / m) | 1               | 1     | 1/m             | 1/m    |

    alpha = 1, so the rates do not follow the depth. Two tensors depart from the paper for want of a role of their own:
    the final norm's gain and an input's bias lie outside the branches and would take epsilon 1/m; theirs is smaller,
    which changes nothing while gradients are far above epsilon.

    Source: Dey et al. 2025, arXiv 2505.01618, Table 1, which has no rules for SGD.
    """

    name = "completep"
    output_exponent = -0.5
    optimizers = ("adamw",)
    source = "Dey et al. 2025, arXiv 2505.01618, Table 1"

    def row(self, role: Role, fan_in: int, scale: Scale) -> Rule:
        """The row of the table above."""
        rule, l = MUP.row(role, fan_in, scale), scale.l  # noqa: E741
        if role not in BRANCH:
            return rule
        return replace(rule, lr=rule.lr * l ** (ALPHA - 1), epsilon=rule.epsilon * l**-ALPHA)

    def branch(self, scale: Scale) -> float:
        """l^-alpha."""
        return float(scale.l**-ALPHA)


KIND = CompleteP()
