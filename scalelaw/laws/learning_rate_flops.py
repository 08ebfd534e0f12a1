"""The best learning rate as a power law of compute."""

from __future__ import annotations

from scalelaw.laws._formula import FormulaLaw
from scalelaw.laws.base import Param

KIND = FormulaLaw(
    "c / C^a",
    (
        Param("c", "flops^a", "learning rate at C = 1", start=(1e-3, 10.0)),
        Param("a", "", "how fast the best learning rate falls with compute", low=-3.0, high=3.0, start=(-0.5, 0.5)),
    ),
    name="learning_rate_flops",
    source="DeepSeek-AI 2024, arXiv 2401.02954, eq. 1",
    response="learning_rate",
    response_unit="",
    identifiability="The runs are the best of a sweep over learning rates at each budget, N and D near-optimal for it.",
)
"""learning_rate = c C^-a: published c = 0.3118, a = 0.125."""
