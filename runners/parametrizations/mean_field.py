"""The mean-field parametrization: deviations of the base shape, and 1/m in front of the read-out."""

from __future__ import annotations

from runners.parametrizations.base import GAINS_AND_BIASES, Parametrization, Role, Rule, Scale, initial_std


class MeanField(Parametrization):
    """The output is a mean over features that each move at every width: muP in other coordinates.

    | role        | std                | output    | SGD: lr | AdamW: lr | decay | epsilon  |
    |-------------|--------------------|-----------|---------|-----------|-------|----------|
    | embedding   | constant           | 1         | m       | 1         | 1/lr  | 1/m      |
    | input       | 1/sqrt(fan_in)     | 1         | m       | 1         | 1/lr  | 1/m      |
    | hidden      | 1/sqrt(fan_in / m) | 1/sqrt(m) | m       | 1/sqrt(m) | 1/lr  | m^(-3/2) |
    | norm, bias  | gain 1, bias 0     | 1         | m       | 1         | 0     | 1/m      |
    | read-out    | 1/sqrt(fan_in / m) | 1/m       | m       | 1         | 1/lr  | 1/m      |

    With one hidden layer, which has no `hidden` matrix, it is the mean-field limit of Mei, Montanari & Nguyen 2018
    (arXiv 1804.06561). Dividing by m in every deeper layer, too, would send features to zero (Yang & Hu 2020,
    arXiv 2011.14522), so deeper ones take 1/sqrt(m), as in Everett et al. 2024, arXiv 2407.05872, Table 1.
    A hidden weight is sqrt(m) times muP's and moves sqrt(m) times as fast: the functions learned are the same,
    until a norm clips the gradients: a hidden one is 1/sqrt(m) of muP's, and one norm over all tensors sees that.
    """

    name = "mean_field"
    output_exponent = -0.5
    source = "Mei, Montanari & Nguyen 2018, arXiv 1804.06561; Everett et al. 2024, arXiv 2407.05872, Table 1"

    def row(self, role: Role, fan_in: int, scale: Scale) -> Rule:
        """The row of the table above."""
        m, hidden, readout = scale.m, role is Role.hidden, role is Role.readout
        if scale.optimizer == "sgd":
            lr, epsilon = m, 1.0
        else:
            lr, epsilon = (m**-0.5, m**-1.5) if hidden else (1.0, 1 / m)
        return Rule(
            std=initial_std(role, fan_in / m if hidden or readout else fan_in, scale),
            lr=lr,
            decay=0.0 if role in GAINS_AND_BIASES else 1 / lr,
            epsilon=epsilon,
            output=m**-0.5 if hidden else 1 / m if readout else 1.0,
        )


KIND = MeanField()
