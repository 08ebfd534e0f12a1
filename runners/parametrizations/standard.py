"""The standard parametrization: variances 1/fan_in, one learning rate for every tensor."""

from __future__ import annotations

from runners.parametrizations.base import GAINS_AND_BIASES, Parametrization, Role, Rule, Scale, initial_std


class Standard(Parametrization):
    """Nothing follows the width but the deviation 1/sqrt(fan_in).

    | role        | std             | lr | decay | epsilon | output |
    |-------------|-----------------|----|-------|---------|--------|
    | embedding   | constant        | 1  | 1     | 1       | 1      |
    | input       | 1/sqrt(fan_in)  | 1  | 1     | 1       | 1      |
    | hidden      | 1/sqrt(fan_in)  | 1  | 1     | 1       | 1      |
    | norm, bias  | gain 1, bias 0  | 1  | 0     | 1       | 1      |
    | read-out    | 1/sqrt(fan_in)  | 1  | 1     | 1       | 1      |

    Its largest stable rate falls with the width, like 1/width in the limit (Yang & Hu 2020, arXiv 2011.14522): whoever
    wants that asks for such rates.
    """

    name = "standard"
    source = "LeCun et al. 1998; the SP column of Yang et al. 2022, arXiv 2203.03466, Table 3"

    def row(self, role: Role, fan_in: int, scale: Scale) -> Rule:
        """The row of the table above."""
        return Rule(initial_std(role, fan_in, scale), decay=0.0 if role in GAINS_AND_BIASES else 1.0)


KIND = Standard()
