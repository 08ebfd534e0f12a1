"""The multi-power law: the loss along a run under any learning-rate schedule."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalelaw.errors import DataError, UsageError
from scalelaw.laws._jet_law import JetLaw, Scaling
from scalelaw.laws._jets import Jet, compose, exp, log
from scalelaw.laws._schedules import Drops
from scalelaw.laws.base import Floats, Param
from scalelaw.runs import RunTable

GROUPS = 128
"""Falls of a schedule that are told apart: with as many, published errors of 1e-3 come out right to 1e-6."""
BLOCK = 200_000
"""Falls times runs times members worked on at once, so that they stay in the cache."""
PAIRS = ((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2))
"""Second derivatives in (ln C, gamma, beta), in the order `_sums` gives them."""


class MultiPower(JetLaw):
    """L(t) = L_0 + A S1(t)^-alpha - B sum_k (eta_(k-1) - eta_k) [1 - (1 + C eta_k^-gamma S_k(t))^-beta].

    eta_k is the learning rate of step k, S1(t) their sum to step t, and S_k(t) their sum from step k to step t. The sum
    over k begins with the first step and eta_0 = 0, so that a warm-up counts as falls of negative size.

    Args:
        schedules: by name, the learning rate of every step of a run, warm-up included. The column `schedule` of a table
            holds these names (or their numbers, from 1, in the order given) and `step` the step each loss is from.

    Source: Luo et al. 2025, arXiv 2503.12811; that the warm-up is counted so is what reproduces their
    published errors from their published parameters.

    >>> law = MultiPower({"constant": [1e-3] * 100, "step": [1e-3] * 50 + [1e-4] * 50})
    >>> law.number("step")
    2.0
    """

    name = "multi_power"
    formula = "L = L_0 + A S1^-alpha - B sum_k (eta_(k-1) - eta_k) [1 - (1 + C eta_k^-gamma S_k)^-beta]"
    source = "Luo et al. 2025, arXiv 2503.12811"
    inputs = ("schedule", "step")
    params = (
        Param("L_0", "nats/token", "irreducible loss: what remains of an endless run"),
        Param("A", "nats/token x S1^alpha", "size of the term that falls as the run goes on"),
        Param("alpha", "", "how fast that term falls", high=5.0),
        Param("B", "nats/token per learning rate", "what a fall of the learning rate brings in the end"),
        Param("C", "eta^gamma / S1", "how soon it brings that", start=(0.2, 20.0)),
        Param("beta", "", "exponent of the approach to that", low=1e-3, high=10.0, start=(0.2, 1.5)),
        Param("gamma", "", "how that depends on the rate fallen to", high=5.0, start=(0.2, 1.0)),
    )
    identifiability = (
        "B, C, beta and gamma trade off against one another: judge the law by its predictions under schedules it has "
        "not seen. It needs at least one run that decays, and points well after each fall."
    )
    plain = frozenset({"L_0", "alpha", "beta", "gamma"})
    scaled: Mapping[str, tuple[Scaling, ...]] = {}

    def __init__(self, schedules: Mapping[str, ArrayLike] | None = None) -> None:
        self.schedules = dict(schedules or {})

    @cached_property
    def _drops(self) -> tuple[Drops, ...]:
        if not self.schedules:
            raise UsageError(
                "The law multi_power needs the schedules its runs followed. Next: in Python, from "
                "scalelaw.laws.multi_power import MultiPower and fit MultiPower({name: learning rate of every step}), "
                "the names being those in the table's column schedule."
            )
        return tuple(Drops.of(schedule, GROUPS) for schedule in self.schedules.values())

    def number(self, name: str) -> float:
        """The number that stands for a schedule among the inputs; `UsageError` lists the names there are."""
        if name not in self.schedules:
            raise UsageError(f"Unknown schedule {name!r}. Known: {', '.join(self.schedules) or 'none'}.")
        return 1.0 + list(self.schedules).index(name)

    @property
    def continuous(self) -> tuple[str, ...]:
        """The step."""
        return ("step",)

    def encode(self, name: str, value: ArrayLike) -> Floats:
        """Names of schedules as their numbers; anything else as it is."""
        values = np.asarray(value)
        if name != "schedule" or values.dtype.kind in "iuf":
            return super().encode(name, value)
        return np.array([self.number(str(text)) for text in values.ravel()]).reshape(values.shape)

    def read(self, runs: RunTable) -> Floats:
        """Schedule numbers and steps, `[n, 2]`."""
        return np.stack([self.encode("schedule", runs.column("schedule")), self._column(runs, "step")], axis=1)

    def curve(self, x: Mapping[str, Jet], p: Mapping[str, Jet]) -> Jet:
        """The formula; each run meets the falls of its own schedule, those to come counting nothing."""
        schedule, step = x["schedule"].value, x["step"].value
        arguments = (log(p["C"]), p["gamma"], p["beta"])
        S1 = np.full(len(step), np.nan)
        shape = np.broadcast_shapes(*(argument.value.shape for argument in arguments), (1, 1))
        log_C, gamma, beta = (np.broadcast_to(argument.value, shape)[:, 0] for argument in arguments)
        second = any(argument.gradient and argument.hessian is not None for argument in arguments)
        sums = np.zeros((10, shape[0], len(step)))
        for number, drops in enumerate(self._drops, 1):
            rows = np.flatnonzero(schedule == number)
            S1[rows] = drops.total[self._last(number, step[rows]) - 1]
            if len(rows) and len(drops.size):
                sums[:, :, rows] = _sums(drops, S1[rows], log_C, gamma, beta, second)
        brought = compose(sums[0], list(sums[1:4]), dict(zip(PAIRS, sums[4:], strict=True)), arguments)
        return p["L_0"] + p["A"] * exp(-p["alpha"] * np.log(S1)) - p["B"] * brought

    def _last(self, number: int, step: Floats) -> NDArray[np.int64]:
        """Steps as whole numbers; `DataError` where the schedule has no such step."""
        steps = len(self._drops[number - 1].total)
        if len(step) and (step.min() < 1 or step.max() > steps):
            raise DataError(
                "E_STEP",
                f"the schedule {list(self.schedules)[number - 1]} has the steps 1 to {steps}",
                column="step",
                value=step.min() if step.min() < 1 else step.max(),
            )
        return step.astype(np.int64)


def _sums(drops: Drops, S1: Floats, log_C: Floats, gamma: Floats, beta: Floats, second: bool) -> Floats:
    """sum_k size_k f(u_k, beta) of a schedule's falls and its derivatives in (ln C, gamma, beta), `[10, b, n]`.

    With u = ln C - gamma ln eta_k + ln S_k and s = ln(1 + e^u), f = 1 - e^(-beta s). The order is the value, the three
    first derivatives, and the second ones of `PAIRS`.
    """
    log_rate = np.log(drops.rate)
    with np.errstate(divide="ignore"):
        log_since = np.log(np.maximum(S1[:, None] - drops.before, 0.0))
    weights = drops.size * np.stack([np.ones_like(log_rate), -log_rate, log_rate**2])  # of f and its derivatives in u
    found = np.zeros((10, len(log_C), len(S1)))
    block = max(1, BLOCK // log_since.size)
    for i in range(0, len(log_C), block):
        part = slice(i, i + block)
        b = beta[part, None, None]
        u = np.minimum(log_C[part, None, None] - (gamma[part, None] * log_rate)[:, None] + log_since, 700.0)
        e = np.exp(u)
        s, slope = np.log1p(e), e / (1.0 + e)
        left = np.exp(-b * s)
        bent = slope * left
        found[0, part] = (1.0 - left) @ weights[0]
        found[1:3, part] = _moments(b * bent, weights[:2])
        found[3, part] = (s * left) @ weights[0]
        if second:
            found[4:7, part] = _moments(b * bent * (1.0 - slope - b * slope), weights)
            found[7:9, part] = _moments(bent * (1.0 - b * s), weights[:2])
            found[9, part] = -(s * s * left) @ weights[0]
    return found


def _moments(values: Floats, weights: Floats) -> Floats:
    return np.moveaxis(values @ weights.T, -1, 0)


KIND = MultiPower()
