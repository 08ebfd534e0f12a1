"""The tables that ship: made by the sweep files beside them, and telling the truth where it is known."""

from __future__ import annotations

import numpy as np
import pytest

from runners.sweeps import Sweep
from scalelaw.catalogue import shipped
from scalelaw.fitting import fit
from scalelaw.intervals import interval
from scalelaw.readers import read_runs
from scalelaw.results import Interval

LADDERS = ("markov", "docs", "python")


@pytest.mark.parametrize("name", [*LADDERS, "markov_narrow", "learning_rate"])
def test_a_table_holds_exactly_the_runs_of_its_sweep_file(name: str) -> None:
    sweep = Sweep.load(shipped(name).with_name("sweep.toml"))
    assert set(read_runs(shipped(name)).run_id) == {spec.run_id for spec in sweep.specs}


@pytest.mark.parametrize("name", LADDERS)
def test_a_ladder_has_seeds_in_groups_and_a_certified_fit(name: str) -> None:
    runs = read_runs(shipped(name))
    assert len(runs.groups) < len(runs)
    assert len(np.unique(runs.n_params)) >= 5
    assert fit("chinchilla", runs).certificate.converged


def test_the_known_entropy_lies_in_the_interval_of_e() -> None:
    """The claim that only a source of known entropy can check: E within 0.03 nats, and inside its interval."""
    runs = read_runs(shipped("markov"))
    truth = float(runs.column("entropy")[0])
    result = fit("chinchilla", runs)
    known = interval(result, "E")
    assert isinstance(known, Interval)
    assert result.value("E") == pytest.approx(truth, abs=0.03)
    assert known.contains(truth)


def test_the_ladders_use_the_learning_rate_tuned_at_their_smallest_width() -> None:
    tuned = read_runs(shipped("learning_rate"))
    for name in LADDERS:
        mine = tuned.where(tuned.column("corpus") == name)
        best = float(mine.column("lr")[np.argmin(mine.loss)])
        assert {float(lr) for lr in read_runs(shipped(name)).column("lr")} == {best}
