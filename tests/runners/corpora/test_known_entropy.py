"""The point of a source of known entropy: the irreducible loss that is fitted to its runs can be checked."""

from __future__ import annotations

import pytest

from scalelaw.catalogue import shipped
from scalelaw.fitting import fit
from scalelaw.intervals import interval
from scalelaw.readers import read_runs
from scalelaw.results import Interval
from tests.slow.entropy_study import NEAR, SOURCES


@pytest.mark.parametrize("name", SOURCES)
def test_the_fitted_irreducible_loss_is_within_two_hundredths_of_a_nat_of_the_entropy(name: str) -> None:
    runs = read_runs(shipped(name))
    truth = float(runs.column("entropy")[0])
    result = fit("chinchilla", runs)
    known = interval(result, "E")
    assert isinstance(known, Interval)
    assert known.contains(truth)
    assert result.value("E") == pytest.approx(truth, abs=NEAR)
