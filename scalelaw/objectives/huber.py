"""Huber's loss of the loss itself."""

from __future__ import annotations

from dataclasses import dataclass

from scalelaw.objectives.log_huber import LogHuber


@dataclass(frozen=True)
class Huber(LogHuber):
    """rho(r) = r^2/2 for |r| <= delta, delta (|r| - delta/2) beyond; r = predicted - observed, delta in nats per token.

    The default is what a delta of 1e-3 in the logarithm is at a loss of 3 nats per token.

    Source: Huber 1964.
    """

    delta: float = 3e-3
    name = "huber"
    formula = "sum of Huber(predicted - observed)"
    space = "raw"


KIND = Huber()
