"""Every check finds its planted fault, and finds nothing in a clean sweep."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scalelaw.checks import CHECKS, Checked, check
from scalelaw.errors import UsageError
from scalelaw.fitting import fit
from scalelaw.intervals import bootstrap
from scalelaw.runs import RunTable
from tests.checks.plants import PLANTS, Plant
from tests.checks.sweeps import DESIGNS, Sweep, simulate

TRAPS = range(1, 25)
NEEDS_ISOFLOP = {"isoflop_bias", "isoflop_edge"}


def planted(plant: Plant) -> Checked:
    given, options = plant.make(np.random.default_rng([plant.trap, 0]))
    (result,) = check(given, only=[plant.check], **options)
    return result


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.trap}-{plant.check}-{plant.fault}")
def test_a_planted_fault_is_found(plant: Plant) -> None:
    result = planted(plant)
    assert result.verdict == "found", str(result)
    for finding in result.findings:
        assert finding.knob
        assert finding.message in str(result)
        assert len(finding.runs) == len(set(finding.runs))


def test_every_check_and_every_trap_has_a_planted_fault() -> None:
    assert {plant.check for plant in PLANTS} == set(CHECKS.names())
    assert {plant.trap for plant in PLANTS} == set(TRAPS)
    assert all(plant.trap in CHECKS[plant.check].numbers for plant in PLANTS)


def test_each_trap_belongs_to_one_check() -> None:
    assert sorted(number for kind in CHECKS for number in kind.numbers) == list(TRAPS)


@pytest.mark.parametrize("design", DESIGNS)
def test_a_clean_sweep_is_clear_of_every_trap(design: str) -> None:
    made = fit("chinchilla", simulate(Sweep(design, n=40), np.random.default_rng(5)))
    draws = bootstrap(made, 99)
    errors = {f"{name}_se": draws.standard_error(name) for name in ("E", "alpha", "beta")}
    claimed = {name: f"{value:#.6g}" for name, value in made.estimate.items()}
    results = check(made, claimed={**claimed, **errors}, draws=draws)
    expected = {"not looked"} if design != "isoflop" else {"clear"}
    for result in results:
        assert result.verdict in (expected if result.check.name in NEEDS_ISOFLOP else {"clear"}), str(result)


def test_a_table_of_numbers_alone_says_what_it_lacks() -> None:
    runs = replace(simulate(Sweep(), np.random.default_rng(5)), extras={})
    runs = replace(runs, n_params_non_embedding=np.full(len(runs), np.nan))
    blind = {"precision", "params_definition", "warmup", "learning_rate", "schedule", "architecture", "token_counts"}
    blind |= {"flops_count", *NEEDS_ISOFLOP}
    results = check(runs)
    assert {result.check.name for result in results if result.verdict == "not looked"} == blind
    assert all(result.unavailable.reason in str(result) for result in results if result.unavailable)


def test_checks_come_in_the_order_of_the_traps() -> None:
    results = check(simulate(Sweep(), np.random.default_rng(5)))
    numbers = [result.check.numbers for result in results]
    assert numbers == sorted(numbers)
    assert len(results) == len(CHECKS.names())


def test_a_check_of_columns_makes_no_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalelaw.checks.fit", lambda *_, **__: pytest.fail("a fit was made"))
    check(simulate(Sweep(), np.random.default_rng(5)), only=["warmup", "schedule", "token_counts"])


def test_runs_and_their_fit_give_the_same_findings() -> None:
    runs = simulate(Sweep(), np.random.default_rng(5))
    assert list(map(str, check(runs))) == list(map(str, check(fit("chinchilla", runs))))


def test_an_unknown_check_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"Unknown check 'warm'\. Known: architecture"):
        check(simulate(Sweep(), np.random.default_rng(5)), only=["warm"])


def test_a_refused_fit_is_a_finding_and_the_other_checks_still_look() -> None:
    runs = simulate(Sweep(design="random"), np.random.default_rng(5))
    bound = RunTable.of(n_params=runs.n_params, n_tokens=20 * runs.n_params, loss=runs.loss, extras=runs.extras)
    results = {result.check.name: result for result in check(bound)}
    (refusal,) = results["identified"].findings
    assert (refusal.code, refusal.severity) == ("E_UNIDENTIFIED", "error")
    assert "D/N constant at 20" in refusal.message
    assert results["influence"].verdict == "not looked"
    assert results["warmup"].verdict == "clear"
    assert results["token_counts"].verdict == "found"


def test_fixed_ratio_shows_what_the_runs_do_know() -> None:
    N = np.geomspace(1e7, 1e10, 12)
    loss = 1.7 + 300.0 * (120 * N**2) ** -0.15
    (result,) = check(RunTable.of(n_params=N, n_tokens=20 * N, loss=loss), only=["fixed_ratio"])
    (finding,) = result.findings
    assert finding.severity == "error"
    assert "E, A, alpha, B, beta are not identified separately" in finding.message
    assert "E = 1.7, A = 300, alpha = 0.15" in finding.message
    assert finding.knob == "--law 'power_constant(flops)'"
