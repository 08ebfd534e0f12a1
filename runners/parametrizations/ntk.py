"""The neural-tangent parametrization: deviations of the base shape, and 1/sqrt(m) in front of every wide product."""

from __future__ import annotations

from runners.parametrizations.base import GAINS_AND_BIASES, Parametrization, Role, Rule, Scale, initial_std


class NeuralTangent(Parametrization):
    """Under SGD at one rate the kernel converges and features stop moving as the model widens.

    | role        | std                | output    | SGD: lr | AdamW: lr | decay     | epsilon   |
    |-------------|--------------------|-----------|---------|-----------|-----------|-----------|
    | embedding   | constant           | 1         | 1       | 1         | 1         | 1/sqrt(m) |
    | input       | 1/sqrt(fan_in)     | 1         | 1       | 1         | 1         | 1/sqrt(m) |
    | hidden      | 1/sqrt(fan_in / m) | 1/sqrt(m) | 1       | 1/sqrt(m) | 1/lr      | 1/m       |
    | norm, bias  | gain 1, bias 0     | 1         | 1       | 1         | 0         | 1/sqrt(m) |
    | read-out    | 1/sqrt(fan_in / m) | 1/sqrt(m) | 1       | 1/sqrt(m) | 1/lr      | 1/sqrt(m) |

    The kernel regime is SGD's: Adam moves every weight by its rate however small the gradient, so one rate would blow
    up like sqrt(m), and the rates above, the largest stable ones for each layer, do move features. What the model gives
    may then grow with the width: a read-out of deviation 1/sqrt(width) meets features that moved along it.

    Source: Jacot et al. 2018, arXiv 1806.07572; SGD's exponents in Yang & Hu 2020, arXiv 2011.14522, Table 1; AdamW's
    and the sizes of gradients in Everett et al. 2024, arXiv 2407.05872, Table 1 (full alignment).
    """

    name = "ntk"
    source = "Jacot et al. 2018, arXiv 1806.07572; Everett et al. 2024, arXiv 2407.05872, Table 1 (AdamW)"

    def row(self, role: Role, fan_in: int, scale: Scale) -> Rule:
        """The row of the table above."""
        m, wide, adamw = scale.m, role in (Role.hidden, Role.readout), scale.optimizer == "adamw"
        lr = m**-0.5 if wide and adamw else 1.0
        return Rule(
            std=initial_std(role, fan_in / m if wide else fan_in, scale),
            lr=lr,
            decay=0.0 if role in GAINS_AND_BIASES else 1 / lr,
            epsilon=(1 / m if role is Role.hidden else m**-0.5) if adamw else 1.0,
            output=m**-0.5 if wide else 1.0,
        )


KIND = NeuralTangent()
