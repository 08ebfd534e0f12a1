"""Approach 2 finds what algebra says it finds, and rejects budgets that do not bracket their minimum."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scalelaw.approaches import Allocation, PowerLaw, isoflop
from scalelaw.errors import UsageError
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import RunTable
from tests.approaches.conftest import ASYMMETRIC, BUDGETS, EPOCH, HOFFMANN, Truth, sweep


def n_params(found: Allocation) -> PowerLaw:
    assert isinstance(found.n_params, PowerLaw), found.n_params
    return found.n_params


@pytest.mark.parametrize("degree", [2, 3])
@pytest.mark.parametrize("factor", [2, 4, 8, 16, 32])
@pytest.mark.parametrize("truth", [HOFFMANN, EPOCH, ASYMMETRIC])
def test_centred_sweeps_of_constant_width_leave_the_exponent_unbiased(truth: Truth, factor: int, degree: int) -> None:
    found = isoflop(sweep(truth, factor), degree=degree)  # type: ignore[arg-type]
    assert len(found.used) == len(BUDGETS)
    assert n_params(found).exponent == pytest.approx(truth.exponent, abs=1e-6)
    assert isinstance(found.n_tokens, PowerLaw)
    assert found.n_tokens.exponent == pytest.approx(1 - truth.exponent, abs=1e-6)


@pytest.mark.parametrize(
    ("truth", "factors"),
    [
        (HOFFMANN, {4: 1.0143, 8: 1.0324, 16: 1.0583, 32: 1.0925}),
        (EPOCH, {4: 0.9958, 8: 0.9905, 16: 0.9831, 32: 0.9737}),
        (ASYMMETRIC, {4: 1.0754, 8: 1.1758, 16: 1.3285, 32: 1.5468}),
    ],
)
def test_the_prefactor_is_biased_by_the_width_of_the_sweep(truth: Truth, factors: dict[int, float]) -> None:
    """N_opt at 1e25 FLOP over the true one, by least squares; computed apart with numpy.polyfit."""
    for factor, bias in factors.items():
        law = n_params(isoflop(sweep(truth, factor), robust=False))
        assert float(law.at(1e25) / truth.n_opt(1e25)) == pytest.approx(bias, abs=2e-4)


def test_a_drifting_centre_biases_the_exponent_and_is_named() -> None:
    drift = np.geomspace(1.0, 10**-0.5, len(BUDGETS))
    found = isoflop(sweep(ASYMMETRIC, 8, drift), robust=False)
    assert -0.06 < n_params(found).exponent - ASYMMETRIC.exponent < -0.02
    assert "W_DRIFT" in [finding.code for finding in found.findings]
    assert "W_DRIFT" not in [finding.code for finding in isoflop(sweep(ASYMMETRIC, 8)).findings]


def test_sweeps_that_widen_with_compute_are_named() -> None:
    narrow, wide = sweep(EPOCH, 2), sweep(EPOCH, 32)
    upper = np.flatnonzero(wide.flops > 1e20)
    columns = {name: np.concatenate([getattr(narrow, name)[:36], getattr(wide, name)[upper]]) for name in COLUMNS}
    found = isoflop(RunTable.of(**columns))
    assert "W_WIDTH" in [finding.code for finding in found.findings]


COLUMNS = ("n_params", "n_tokens", "loss")


@pytest.mark.parametrize(("shift", "end"), [(0.04, "largest"), (25.0, "smallest")])
def test_clipped_sweeps_are_rejected_not_extrapolated(shift: float, end: str) -> None:
    found = isoflop(sweep(EPOCH, 8, shift))
    assert not found.used
    assert all(budget.verdict for budget in found.budgets)
    assert isinstance(found.n_params, Unavailable)
    assert "0 of 9 budgets" in found.n_params.reason


def test_one_planted_edge_minimum_is_rejected_and_the_rest_serve() -> None:
    shift = np.ones(len(BUDGETS))
    shift[3] = 0.1
    found = isoflop(sweep(EPOCH, 4, shift))
    assert [budget.used for budget in found.budgets] == [i != 3 for i in range(9)]
    assert found.budgets[3].verdict in ("minimum outside the swept sizes", "lowest loss at the largest size swept")
    assert n_params(found).exponent == pytest.approx(EPOCH.exponent, abs=1e-6)
    assert [finding.code for finding in found.findings] == ["W_BUDGET_REJECTED"]


def test_a_minimum_inside_that_no_run_shows_is_rejected() -> None:
    """One-sided and strongly bent: the vertex falls within the sizes though every loss falls towards the end."""
    sizes = np.geomspace(1e7, 1e9, 9)
    x = np.linspace(0, 1, 9)
    table = RunTable.of(n_params=sizes, flops=np.full(9, 1e19), loss=2 + np.exp(-6 * x))
    assert [budget.verdict for budget in isoflop(table).budgets] == ["lowest loss at the largest size swept"]


def test_a_budget_that_is_not_convex_is_rejected() -> None:
    table = sweep(EPOCH, 4)
    bent = np.where(np.arange(len(table)) // 9 == 2, 6.0 - table.loss, table.loss)
    found = isoflop(replace(table, loss=bent))
    assert found.budgets[2].verdict == "not convex: its curve has no minimum"
    assert np.isnan(found.budgets[2].n_params)
    assert len(found.used) == 8


def test_budgets_are_gathered_from_compute_or_read_from_a_column() -> None:
    table = sweep(EPOCH, 4)
    jitter = np.exp(np.random.default_rng(0).uniform(-0.02, 0.02, len(table)))
    label = np.array([f"budget {i // 9}" for i in range(len(table))])
    rough = RunTable.of(
        n_params=table.n_params, n_tokens=table.n_tokens * jitter, loss=table.loss, extras={"budget": label}
    )
    gathered, named = isoflop(rough), isoflop(rough, budget="budget")
    assert gathered.budgets == named.budgets
    assert len(gathered.budgets) == len(BUDGETS)
    with pytest.raises(UsageError, match="Unknown column 'bugdet'"):
        isoflop(rough, budget="bugdet")


def test_a_continuum_of_compute_is_no_budget() -> None:
    n_params = np.tile(np.geomspace(1e7, 1e9, 8), 5)
    n_tokens = np.geomspace(1e18, 3e18, 40) / 6 / n_params
    found = isoflop(RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=EPOCH.loss(n_params, n_tokens)))
    assert [budget.verdict for budget in found.budgets] == ["its computes span 3x: not one budget"]


def test_an_outlying_run_moves_a_robust_vertex_less() -> None:
    table = sweep(EPOCH, 4)
    loss = table.loss.copy()
    loss[1] *= 1.05
    spoiled = replace(table, loss=loss)
    errors = [abs(isoflop(spoiled, robust=r).budgets[0].n_params / EPOCH.n_opt(BUDGETS[0]) - 1) for r in (True, False)]
    assert errors[0] < 0.3 * errors[1]


def test_the_interval_of_the_exponent_narrows_with_the_noise_and_two_budgets_have_none() -> None:
    widths = []
    for noise in (0.005, 0.0005):
        interval = n_params(isoflop(sweep(EPOCH, 4, noise=noise))).interval
        assert isinstance(interval, Interval)
        assert interval.contains(EPOCH.exponent)
        widths.append(interval.high - interval.low)
    assert widths[1] < 0.3 * widths[0]
    two = isoflop(sweep(EPOCH, 4).take(np.arange(18)))
    assert isinstance(n_params(two).interval, Unavailable)
    assert n_params(two).exponent == pytest.approx(EPOCH.exponent, abs=1e-6)


def test_rows_in_any_order_give_the_same_budgets() -> None:
    table = sweep(EPOCH, 4, noise=0.003)
    shuffled = table.take(np.random.default_rng(1).permutation(len(table)))
    for one, other in zip(isoflop(table).budgets, isoflop(shuffled).budgets, strict=True):
        assert one.n_params == pytest.approx(other.n_params, rel=1e-7)
        assert one.verdict == other.verdict


@pytest.mark.parametrize(
    ("experiment", "used", "exponent"),
    [
        ("epochai_chinchilla__massivetext__chinchilla", 7, 0.5198),
        ("llama_3__raw_loss", 10, 0.4652),
        ("marin_202603__comma__llama_2", 7, 0.3984),
        ("misfitting__fineweb_c4__transformer", 19, 0.4737),
    ],
)
def test_published_sweeps_keep_their_exponents(
    development_data: Path, experiment: str, used: int, exponent: float
) -> None:
    frame = pd.read_csv(development_data / "isoflop-collection" / "isoflops_all_with_outlier_flags.csv")
    rows = frame[frame.experiment == experiment]
    runs = RunTable.of(n_params=rows.params, n_tokens=rows.tokens, flops=rows.budget, loss=rows.loss)
    found = isoflop(runs)
    assert len(found.used) == used
    assert n_params(found).exponent == pytest.approx(exponent, abs=2e-4)
