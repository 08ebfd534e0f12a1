"""The best batch size as a power law of tokens or compute."""

from __future__ import annotations

from scalelaw.laws._formula import FormulaLaw
from scalelaw.laws._variable import OfOneVariable, reading
from scalelaw.laws.base import Param


class BatchSize(OfOneVariable, FormulaLaw):
    """batch_tokens = c x^b, in tokens; x the tokens D (Step Law: c = 0.58, b = 0.571) or the compute C (DeepSeek:
    c = 0.2920, b = 0.3271).

    Source: Li et al. 2025, arXiv 2503.04715; DeepSeek-AI 2024, arXiv 2401.02954, eq. 1.
    """

    def __init__(self, x: str = "n_tokens") -> None:
        FormulaLaw.__init__(
            self,
            f"c * {reading(x)}^b",
            (
                Param("c", f"tokens / {x}^b", f"batch size at {x} = 1", start=(1e-2, 10.0)),
                Param("b", "", "how fast the best batch size grows", low=-3.0, high=3.0, start=(0.05, 1.2)),
            ),
            name="batch_size",
            source="Li et al. 2025, arXiv 2503.04715; DeepSeek-AI 2024, arXiv 2401.02954, eq. 1",
            response="batch_tokens",
            response_unit="tokens",
            identifiability="The runs are the best of a sweep over batch sizes, where the loss is nearly flat.",
        )


KIND = BatchSize()
