"""The tables that ship: made by the sweep files beside them, and telling the truth where it is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from runners.sweeps import Sweep
from scalelaw.catalogue import shipped
from scalelaw.fitting import fit
from scalelaw.intervals import interval
from scalelaw.readers import read_runs
from scalelaw.results import Interval

LADDERS = ("markov", "docs", "python", "docs_standard", "python_standard")
TEXTS = ("docs", "python")


@pytest.mark.parametrize("name", [*LADDERS, "markov_narrow", "learning_rate", "lr_transfer"])
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


def test_the_markov_ladder_uses_the_rate_tuned_at_its_smallest_width() -> None:
    tuned = read_runs(shipped("learning_rate"))
    best = float(tuned.column("lr")[np.argmin(tuned.loss)])
    assert {float(lr) for lr in read_runs(shipped("markov")).column("lr")} == {best}


@pytest.mark.parametrize("name", TEXTS)
def test_a_mup_ladder_uses_the_rate_tuned_at_its_smallest_width(name: str) -> None:
    """Of the rates that were tried, the one of least mean loss over the seeds."""
    losses = means(name, "mup", width=32)
    assert {float(lr) for lr in read_runs(shipped(name)).column("lr")} == {min(losses, key=losses.__getitem__)}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("width", [32, 64, 128])
def test_a_standard_ladder_uses_the_rate_tuned_at_every_width(name: str, width: int) -> None:
    """Within half an octave of the best rate tried, whose neighbours are an octave away."""
    losses = means(name, "standard", width)
    best = min(losses, key=losses.__getitem__)
    runs = read_runs(shipped(f"{name}_standard"))
    used = {float(lr) for lr in runs.column("lr")[runs.column("width") == width]}
    assert len(used) == 1
    assert abs(math.log2(used.pop() / best)) <= 0.5


def means(name: str, parametrization: str, width: int) -> dict[float, float]:
    """The mean loss over the seeds at every rate that was tried."""
    tried = read_runs(shipped("lr_transfer"))
    here = (tried.column("corpus") == name) & (tried.column("parametrization") == parametrization)
    tried = tried.where(here & (tried.column("width") == width))
    rates = tried.column("lr")
    return {float(lr): float(tried.loss[rates == lr].mean()) for lr in np.unique(rates)}


@pytest.mark.parametrize("name", [*TEXTS, "docs_standard", "python_standard"])
def test_a_text_ladder_has_two_validation_sets_and_a_held_out_one(name: str) -> None:
    runs = read_runs(shipped(name))
    other = "python" if name.startswith("docs") else "docs"
    far, near = runs.column(f"loss_{other}"), runs.column("loss_held_out")
    assert (far > runs.loss).all()
    np.testing.assert_allclose(near, runs.loss, rtol=0.15)


def test_the_readme_says_what_one_transferred_rate_costs() -> None:
    """The mean and the largest difference between muP and the standard parametrization tuned at every width."""
    costs = {name: differences(name) for name in TEXTS}
    assert {len(found) for found in costs.values()} == {14}
    prose, code = (f"{costs[name].mean():.3f}".rstrip("0") for name in TEXTS)
    largest = max(found.max() for found in costs.values())
    said = " ".join((shipped("docs").parents[2] / "README.md").read_text(encoding="utf-8").split())
    assert f"loses {prose} nats on prose and {code} on code, in the mean of 14 pairs" in said
    assert f"(at most {largest:.2f}" in said


def differences(name: str) -> NDArray[np.float64]:
    """The loss under muP less that under the standard parametrization, of every size and length with seed 0."""
    tables = [read_runs(shipped(table)) for table in (name, f"{name}_standard")]
    mup, standard = (
        {
            (N, D): loss
            for N, D, loss, seed in zip(t.n_params, t.n_tokens, t.loss, t.column("seed"), strict=True)
            if not seed
        }
        for t in tables
    )
    return np.array([mup[key] - standard[key] for key in mup.keys() & standard.keys()])
