"""muP, the maximal-update parametrization, for AdamW and for SGD."""

from __future__ import annotations

from runners.parametrizations.base import GAINS_AND_BIASES, Parametrization, Role, Rule, Scale, initial_std


class MuP(Parametrization):
    """Every feature moves by the same amount at every width, so the best learning rate transfers.

    | role        | std                | output | AdamW: lr | decay | epsilon | SGD: lr | decay |
    |-------------|--------------------|--------|-----------|-------|---------|---------|-------|
    | embedding   | constant           | 1      | 1         | 1     | 1/m     | m       | 1/m   |
    | input       | 1/sqrt(fan_in)     | 1      | 1         | 1     | 1/m     | m       | 1/m   |
    | hidden      | 1/sqrt(fan_in)     | 1      | 1/m       | m     | 1/m     | 1       | 1     |
    | norm, bias  | gain 1, bias 0     | 1      | 1         | 0     | 1/m     | m       | 0     |
    | read-out    | 1/sqrt(fan_in / m) | 1/m    | 1         | 1     | 1/m     | m       | 1/m   |

    Both optimizers multiply the decay by the learning rate, and their product is what must stay. Gradients shrink like
    1/m, hence epsilon. Attention logits need no rule of their own: a family widens by heads of one size, or asks for
    `attention_scale = "linear"`. A bias is one of a layer as wide as the model; a read-out has none.

    Source: Yang et al. 2022, arXiv 2203.03466, Table 8; epsilon from Everett et al. 2024, arXiv 2407.05872.
    """

    name = "mup"
    output_exponent = -0.5
    source = "Yang et al. 2022, arXiv 2203.03466, Table 8"

    def row(self, role: Role, fan_in: int, scale: Scale) -> Rule:
        """The row of the table above."""
        m, readout, hidden = scale.m, role is Role.readout, role is Role.hidden
        if scale.optimizer == "sgd":
            lr, epsilon = (1.0 if hidden else m), 1.0
        else:
            lr, epsilon = (1 / m if hidden else 1.0), 1 / m
        return Rule(
            std=initial_std(role, fan_in / m if readout else fan_in, scale),
            lr=lr,
            decay=0.0 if role in GAINS_AND_BIASES else 1 / lr,
            epsilon=epsilon,
            output=1 / m if readout else 1.0,
        )


KIND = MuP()
