"""Fits whose parameters are known: no noise, and the truth put in their place where a published law is wanted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scalelaw.fitting import Fit, fit
from scalelaw.laws import get_law
from scalelaw.runs import RunTable
from tests.conftest import simulated
from tests.truths import TRUTH


def at(law: str, values: dict[str, float], runs: RunTable | None = None) -> Fit:
    """A fit of Chinchilla's runs with the parameters of a law set to these."""
    base = fit("chinchilla", simulated(40) if runs is None else runs, starts=4)
    found = get_law(law)
    centre = found.centre(found.read(base.runs))
    natural = np.array([[values[name] for name in found.names]])
    return replace(base, law=found, theta=found.working(natural, centre)[0], centre=centre)


def true(law: str) -> Fit:
    """The same at the parameters that the tests of laws call true."""
    runs = simulated(40)
    if "unique_tokens" in get_law(law).inputs:
        runs = replace(runs, extras={"unique_tokens": np.full(len(runs), 1e11)})
    return at(law, dict(TRUTH[law]), runs)
