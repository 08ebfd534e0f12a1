"""Findings of a fit: each is there where its cause is planted, and on no clean sweep."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scalelaw.diagnosing import diagnose, has_pattern, leverage
from scalelaw.fitting import fit
from scalelaw.runs import RunTable
from tests.checks.sweeps import DESIGNS, Sweep, simulate
from tests.conftest import chinchilla_loss, simulated


def codes(table: RunTable, law: str = "chinchilla") -> set[str]:
    return {finding.code for finding in diagnose(fit(law, table))}


def noisy(N: np.ndarray, D: np.ndarray, noise: float = 0.005, seed: int = 0) -> RunTable:
    scatter = noise * np.random.default_rng(seed).standard_normal(len(N))
    return RunTable.of(n_params=N, n_tokens=D, loss=chinchilla_loss(N, D) * np.exp(scatter))


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("heavy", [False, True])
def test_a_clean_sweep_has_no_pattern_leverage_or_collinearity(design: str, seeds: int, heavy: bool) -> None:
    sweep = Sweep(design=design, n=40 * seeds, seeds=seeds, heavy=heavy)
    for i in range(3):
        found = codes(simulate(sweep, np.random.default_rng([i, seeds])))
        assert not found & {"W_LACK_OF_FIT", "W_LEVERAGE", "W_ILL_CONDITIONED", "W_AT_BOUND", "W_FEW"}, found


def test_losses_that_saturate_show_as_a_pattern_in_the_input_they_saturate_in() -> None:
    table = simulated(60)
    flat = replace(table, loss=np.maximum(table.loss, np.median(table.loss)))
    found = [finding.message for finding in diagnose(fit("chinchilla", flat)) if finding.code == "W_LACK_OF_FIT"]
    assert found
    assert all(message.startswith("residual pattern in n_") for message in found)


def test_runs_of_one_group_count_once_in_a_pattern() -> None:
    """Rows that share noise are alike, and that is no lack of fit."""
    table = simulated(20)
    rows = np.repeat(np.arange(20), 3)
    grouped = replace(table.take(rows), group=tuple(f"g{i}" for i in rows))
    made = fit("chinchilla", grouped)
    assert not has_pattern(made, grouped.n_params)


def test_leverages_sum_to_the_number_of_parameters() -> None:
    made = fit("chinchilla", simulated(30))
    assert leverage(made).sum() == pytest.approx(5.0, rel=1e-9)
    assert (leverage(made) < 1).all()


def test_a_huge_run_off_the_law_is_named_with_its_line() -> None:
    table = simulated(40)
    big = RunTable.of(
        n_params=[*table.n_params, 7e10], n_tokens=[*table.n_tokens, 1.4e12], loss=[*table.loss, 2.6],
        run_id=[*table.run_id, "big"], line=[*range(2, 42), 42],
    )  # fmt: skip
    (finding,) = [found for found in diagnose(fit("chinchilla", big)) if found.code == "W_LEVERAGE"]
    assert finding.runs == ("big",)
    assert "big (line 42)" in finding.message


def test_a_ratio_that_hardly_varies_is_ill_conditioned_and_one_that_varies_is_not() -> None:
    rng = np.random.default_rng(3)
    N = np.exp(rng.uniform(np.log(2e7), np.log(2e9), 40))
    near = 20 * N * np.exp(0.05 * rng.standard_normal(40))
    assert "W_ILL_CONDITIONED" in codes(noisy(N, near))
    assert "W_ILL_CONDITIONED" not in codes(noisy(N, N * np.exp(rng.uniform(1, 5, 40))))


def test_an_irreducible_loss_of_nothing_is_at_its_bound() -> None:
    rng = np.random.default_rng(1)
    N, D = (np.exp(rng.uniform(np.log(2e7), np.log(2e9), 40)) for _ in range(2))
    loss = np.round(482 * N**-0.3478 + 2085 * D**-0.3658, 6)
    assert "W_AT_BOUND" in codes(RunTable.of(n_params=N, n_tokens=D, loss=loss))


def test_six_runs_for_five_parameters_leave_one_degree_of_freedom() -> None:
    (finding,) = [found for found in diagnose(fit("chinchilla", simulated(6))) if found.code == "W_FEW"]
    assert "1 degree of freedom: no interval" in finding.message
