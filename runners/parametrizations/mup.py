"""muP, the maximal-update parametrization, for AdamW."""

from __future__ import annotations

from runners.parametrizations.base import Parametrization, Role, Rule, Scale


class MuP(Parametrization):
    """Every feature moves by the same amount at every width, so the best learning rate transfers.

    | role      | std                 | lr  | decay | epsilon | output |
    |-----------|---------------------|-----|-------|---------|--------|
    | embedding | constant            | 1   | 1     | 1/m     | 1      |
    | hidden    | 1/sqrt(fan_in)      | 1/m | m     | 1/m     | 1      |
    | norm      | gain 1              | 1   | 0     | 1/m     | 1      |
    | read-out  | 1/sqrt(fan_in / m)  | 1   | 1     | 1/m     | 1/m    |

    The decay of hidden matrices grows with m because AdamW multiplies it by the learning rate, and their product is
    what must stay. Epsilon shrinks as gradients do. Attention logits need no rule of their own: the family widens by
    heads of one size.

    Source: Yang et al. 2022, arXiv 2203.03466, Table 8; epsilon from Everett et al. 2024, arXiv 2407.05872.
    """

    name = "mup"
    optimizers = ("adamw",)
    source = "Yang et al. 2022, arXiv 2203.03466, Table 8"

    def rule(self, role: Role, fan_in: int, scale: Scale) -> Rule:
        """The row of the table above."""
        m = scale.m
        if role is Role.embedding:
            return Rule(scale.init_std, epsilon=1 / m)
        if role is Role.input:
            return Rule(fan_in**-0.5, epsilon=1 / m)
        if role is Role.hidden:
            return Rule(fan_in**-0.5, lr=1 / m, decay=m, epsilon=1 / m)
        if role in (Role.norm, Role.bias):
            return Rule(1.0, decay=0.0, epsilon=1 / m)
        return Rule((fan_in / m) ** -0.5, epsilon=1 / m, output=1 / m)


KIND = MuP()
