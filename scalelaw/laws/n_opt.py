"""The compute-optimal size as a power law of compute."""

from __future__ import annotations

from scalelaw.laws._formula import FormulaLaw
from scalelaw.laws.base import Param

KIND = FormulaLaw(
    "k * C^a",
    (
        Param("k", "parameters / flops^a", "optimal size at C = 1", start=(1e-3, 10.0)),
        Param("a", "", "how fast the optimal size grows with compute", high=3.0),
    ),
    name="n_opt",
    source="Hoffmann et al. 2022, arXiv 2203.15556, section 3 (N_opt = k C^a)",
    response="n_params",
    response_unit="parameters",
    identifiability="The runs are optima: one (C, N_opt) for each budget, from an envelope or from IsoFLOP parabolas.",
)
"""n_params = k C^a over the optima of several budgets."""
