"""A law as a function of N and D alone, for one vector of parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from scalelaw.laws import Law
from scalelaw.runs import Floats


@dataclass(frozen=True)
class Landscape:
    """ln L over N and D, a law's other inputs held.

    Attributes:
        natural: the natural parameters, `[p]`.
        held: the other inputs by name.
    """

    law: Law
    natural: Floats
    held: Mapping[str, float | str]

    @property
    def plain(self) -> bool:
        """Whether the law is one of N and D alone, so that its own optimum is the answer to a budget 6 N D."""
        return self.law.inputs == ("n_params", "n_tokens")

    @cached_property
    def _others(self) -> Mapping[str, float]:
        return {name: float(self.law.encode(name, value)) for name, value in self.held.items()}

    def log_loss(self, n_params: ArrayLike, n_tokens: ArrayLike) -> Floats:
        """ln L, `[m]`, for arrays that broadcast together; infinite where D or N is not positive."""
        N, D = np.broadcast_arrays(np.atleast_1d(n_params), np.atleast_1d(n_tokens))
        N, D = N.astype(float), D.astype(float)
        inside = (N > 0) & (D > 0) & np.isfinite(N) & np.isfinite(D)
        columns = {"n_params": np.where(inside, N, 1.0), "n_tokens": np.where(inside, D, 1.0)}
        inputs = np.stack([columns.get(x, np.full(N.shape, self._others.get(x, 1.0))) for x in self.law.inputs], axis=1)
        with np.errstate(all="ignore"):
            value = np.log(self.law.predict(self.natural[None], inputs)[0])
        return np.where(inside & np.isfinite(value), value, np.inf)

    def at(self, n_params: float, n_tokens: float) -> float:
        """ln L at one place, nats/token; infinite where there is none."""
        return float(self.log_loss(n_params, n_tokens)[0]) if math.isfinite(n_params) else math.inf
