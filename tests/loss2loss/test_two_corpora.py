"""The shipped runs on two corpora tell of each other what `docs/loss2loss.md` says."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from scalelaw.loss2loss import pair_runs, relate
from tests.loss2loss.two_corpora import Trial, runs, trials


@cache
def found() -> tuple[Trial, ...]:
    return tuple(trials())


def mean(name: str) -> float:
    """The mean size of an error over the twelve choices."""
    return float(np.mean([abs(getattr(one, name)) for one in found()]))


def test_a_law_carried_over_by_four_small_runs_beats_those_runs_alone() -> None:
    assert len(found()) == 12
    assert mean("translated") == pytest.approx(0.029, abs=0.001)
    assert mean("free") == pytest.approx(0.041, abs=0.001)
    assert mean("product") == pytest.approx(0.054, abs=0.001)
    assert mean("alone") == pytest.approx(0.069, abs=0.001)


def test_docs_and_python_losses_lie_on_a_curve() -> None:
    relation = relate(pair_runs(runs("docs"), runs("python")), starts=16)
    assert len(relation.pairs) == 17
    assert relation.value("kappa") == pytest.approx(1.264, abs=2e-3)
    assert relation.value("K") == pytest.approx(0.839, abs=2e-3)
    assert relation.r_squared == pytest.approx(0.976, abs=1e-3)
