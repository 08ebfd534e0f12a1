"""The compute-optimal number of tokens as a power law of compute."""

from __future__ import annotations

from scalelaw.laws._formula import FormulaLaw
from scalelaw.laws.base import Param

KIND = FormulaLaw(
    "k * C^b",
    (
        Param("k", "tokens / flops^b", "optimal tokens at C = 1", start=(1e-3, 10.0)),
        Param("b", "", "how fast the optimal number of tokens grows with compute", high=3.0),
    ),
    name="d_opt",
    source="Hoffmann et al. 2022, arXiv 2203.15556, section 3 (D_opt = k C^b)",
    response="n_tokens",
    response_unit="tokens",
    identifiability="The runs are optima: one (C, D_opt) for each budget, from an envelope or from IsoFLOP parabolas.",
)
"""n_tokens = k C^b over the optima of several budgets."""
