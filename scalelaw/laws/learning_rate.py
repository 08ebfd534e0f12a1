"""The best learning rate as a power law of parameters and tokens."""

from __future__ import annotations

from scalelaw.laws._formula import FormulaLaw
from scalelaw.laws.base import Param

KIND = FormulaLaw(
    "c * D^b / N^a",
    (
        Param("c", "n_params^a / n_tokens^b", "learning rate at N = D = 1", start=(1e-3, 10.0)),
        Param("b", "", "how fast the best learning rate grows with the tokens", low=-3.0, high=3.0, start=(-1.0, 1.0)),
        Param(
            "a", "", "how fast the best learning rate falls with the parameters", low=-3.0, high=3.0, start=(-1.0, 1.5)
        ),
    ),
    name="learning_rate",
    source="Li et al. 2025, arXiv 2503.04715 (Step Law)",
    response="learning_rate",
    response_unit="",
    identifiability=(
        "The runs are the best of a sweep over learning rates at each (N, D), or those within a hair of the best; the "
        "exponents move with how narrowly that hair is chosen."
    ),
)
"""learning_rate = c N^-a D^b: published c = 1.79, a = 0.713, b = 0.307."""
