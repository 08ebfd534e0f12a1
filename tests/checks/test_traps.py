"""Where the line of a single trap lies: cases that look like it and are not, and what a finding names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from scalelaw.checks import Checked, check
from scalelaw.checks import _columns as columns
from scalelaw.checks._refits import jackknife_errors
from scalelaw.fitting import fit
from scalelaw.runs import Conventions, Exclusion, RunTable
from tests.checks.plants import with_extra
from tests.checks.sweeps import Sweep, simulate


@pytest.fixture(scope="module")
def runs() -> RunTable:
    return simulate(Sweep(n=40), np.random.default_rng(5))


def one(name: str, given: RunTable, **options: Any) -> Checked:
    (result,) = check(given, only=[name], **options)
    return result


def codes(result: Checked) -> list[str]:
    return [finding.code for finding in result.findings]


@pytest.mark.parametrize("name", ["Warmup Steps", "warmup-steps", "num_warmup_steps", "WARMUP_ITERS"])
def test_a_column_is_known_by_its_usual_names(runs: RunTable, name: str) -> None:
    kept = {key: values for key, values in runs.extras.items() if key != "warmup_steps"}
    table = replace(runs, extras={**kept, name: np.arange(len(runs))})
    assert columns.column(table, "warmup_steps") is not None
    assert np.array_equal(columns.need(table, "warmup_steps"), np.arange(len(runs)))


def test_a_column_of_text_is_no_column_of_numbers(runs: RunTable) -> None:
    result = one("warmup", with_extra(runs, warmup_steps=["some"] * len(runs)))
    assert result.verdict == "not looked"
    assert "warmup_steps" in str(result)


def test_the_runs_with_a_long_warmup_are_named(runs: RunTable) -> None:
    share = np.where(np.arange(len(runs)) % 10 == 0, 0.2, 0.05)
    (finding,) = one("warmup", with_extra(runs, warmup_ratio=share)).findings
    assert finding.runs == tuple(runs.run_id[::10])


def test_a_schedule_that_ends_at_a_tenth_has_decayed(runs: RunTable) -> None:
    peak = columns.need(runs, "peak_lr")
    assert one("schedule", with_extra(runs, final_lr=0.1 * peak)).verdict == "clear"
    assert codes(one("schedule", with_extra(runs, final_lr=0.11 * peak))) == ["W_NOT_DECAYED"]
    assert codes(one("schedule", with_extra(runs, schedule=["constant"] * len(runs)))) == ["W_CONSTANT_SCHEDULE"]
    assert codes(one("schedule", with_extra(runs, total_steps=2 * columns.need(runs, "steps")))) == ["W_MID_RUN"]


def test_one_learning_rate_serves_all_sizes_under_mup(runs: RunTable) -> None:
    same = with_extra(runs, lr=np.full(len(runs), 0.01))
    assert codes(one("learning_rate", same)) == ["W_LR_UNTUNED"]
    assert one("learning_rate", with_extra(same, parametrization=["mup"] * len(runs))).verdict == "clear"


def test_a_learning_rate_bracketed_by_worse_ones_is_not_at_the_edge(runs: RunTable) -> None:
    rows, factor = np.repeat(np.arange(len(runs)), 3), np.tile([0.3, 1.0, 3.0], len(runs))
    wide = runs.take(rows)
    table = with_extra(replace(wide, loss=wide.loss * (1 + 0.05 * np.log(factor) ** 2)), lr=factor)
    result = one("learning_rate", table)
    assert codes(result) == ["W_LR_NOT_BEST"]
    best = table.where(factor == 1.0)
    assert len(result.findings[0].runs) == len(best)


def test_the_miscounted_model_is_named(runs: RunTable) -> None:
    off = np.where(np.arange(len(runs)) == 7, 1.15, 1.0)
    (finding,) = one("architecture", replace(runs, n_params=runs.n_params * off)).findings
    assert finding.runs == (runs.run_id[7],)
    assert "15 %" in finding.message


def test_exact_flops_in_the_table_need_no_shape(runs: RunTable) -> None:
    exact = replace(runs, extras={}, flops=1.3 * runs.flops, conventions=Conventions(flops="exact"))
    (finding,) = one("flops_count", exact).findings
    assert "exact / 6 N D is 1.3 at the smallest N" in finding.message
    assert one("flops_count", replace(exact, flops=runs.flops)).verdict == "clear"


def test_seeds_of_one_group_and_equal_sizes_of_two_corpora_are_independent() -> None:
    seeded = simulate(Sweep(n=40, seeds=2), np.random.default_rng(5))
    assert one("independence", seeded).verdict == "clear"
    apart = replace(seeded, group=seeded.run_id)
    assert codes(one("independence", apart)) == ["W_NOT_INDEPENDENT"]
    assert one("independence", with_extra(apart, corpus=np.tile(["web", "code"], 20))).verdict == "clear"


def test_no_unique_tokens_means_that_none_is_met_twice(runs: RunTable) -> None:
    """As sweep files write it; some runs of a table may repeat theirs all the same."""
    none = np.zeros(len(runs))
    assert one("token_counts", with_extra(runs, unique_tokens=none)).verdict == "clear"
    (finding,) = one(
        "token_counts", with_extra(runs, unique_tokens=np.append(none[1:], runs.n_tokens[-1] / 4))
    ).findings
    assert finding.code == "W_EPOCHS"
    assert finding.message.startswith(f"1 of {len(runs)} runs see tokens more than once, up to 4 times")


def test_batches_counted_in_tokens_are_understood(runs: RunTable) -> None:
    tokens = columns.need(runs, "batch_size") * columns.need(runs, "seq_len")
    assert one("token_counts", with_extra(runs, batch_size=tokens)).verdict == "clear"


def test_a_wrapped_counter_is_called_one(runs: RunTable) -> None:
    wrapped = np.where(runs.n_tokens > 2**32, runs.n_tokens - 2**32, runs.n_tokens)
    inside = (wrapped != runs.n_tokens) & (wrapped < 2**32)
    table = replace(runs, n_tokens=np.where(inside, wrapped, runs.n_tokens))
    (finding,) = one("token_counts", table).findings
    assert f"in {inside.sum()} of them a 32-bit counter has wrapped" in finding.message


def test_runs_logged_in_bits_are_named(runs: RunTable) -> None:
    there = np.arange(len(runs)) % 5 == 0
    (finding,) = one("units", replace(runs, loss=np.where(there, runs.loss / np.log(2), runs.loss))).findings
    assert finding.code == "W_MIXED_UNITS"
    assert finding.runs == tuple(np.array(runs.run_id)[there])


def test_a_table_all_in_bits_follows_its_own_law(runs: RunTable) -> None:
    assert one("units", replace(runs, loss=runs.loss / np.log(2))).verdict == "clear"


def test_exclusions_by_size_select_nothing_and_exclusions_by_outcome_do(runs: RunTable) -> None:
    def dropped(reason: str) -> RunTable:
        return replace(runs, excluded=(Exclusion("lost", reason),))

    for reason in ("n_params < 1e7", "held out: largest 0.333 by compute", "unfinished", "repeats runs.csv, line 3"):
        assert one("selection", dropped(reason)).verdict == "clear", reason
    for reason in ("loss >= largest(5)", "diverged", "outlier"):
        (finding,) = one("selection", dropped(reason)).findings
        assert finding.runs == ("lost",)


def test_a_constant_that_is_exactly_zero_is_at_its_bound() -> None:
    N = np.geomspace(1e7, 1e9, 20)
    table = RunTable.of(
        n_params=N, n_tokens=1e9 * np.ones(20), loss=30 * N**-0.2 * np.exp(0.01 * (-1) ** np.arange(20))
    )
    result = one("identified", table, law="power_constant(n_params)")
    assert result.verdict == "found"


def test_a_law_of_one_variable_has_no_ratio_to_fix() -> None:
    N = np.geomspace(1e7, 1e10, 12)
    runs = RunTable.of(n_params=N, n_tokens=20 * N, loss=1.7 + 300.0 * N**-0.3)
    assert one("fixed_ratio", runs, law="power_constant(flops)").verdict == "clear"


def test_runs_without_a_size_are_checked_for_what_they_have() -> None:
    """A table of compute and loss alone: nothing is derived from an N that is not there."""
    C = np.geomspace(1e18, 1e22, 12)
    noise = np.exp(0.003 * np.random.default_rng(5).standard_normal(12))
    runs = RunTable.of(flops=C, loss=(1.7 + 300.0 * C**-0.15) * noise, run_id=[f"r{i}" for i in range(12)])
    results = {result.check.name: result for result in check(runs, law="power_constant(flops)")}
    assert [name for name, result in results.items() if result.verdict == "found"] == ["reporting"]
    for name in ("isoflop_edge", "flops_count", "architecture", "token_counts"):
        assert results[name].verdict == "not looked"
    for name in ("optimum", "influence", "extrapolation", "independence"):
        assert results[name].verdict == "clear"


def test_exact_runs_have_nothing_to_find_in_their_rounding() -> None:
    """Losses without noise: residuals are rounding, and no test may take their ratios for evidence."""
    runs = simulate(Sweep(n=20, noise=0.0), np.random.default_rng(5))
    for result in check(fit("chinchilla", runs)):
        assert result.verdict != "found", str(result)


def test_a_run_among_many_that_decides_is_found_without_leaving_each_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond `MOST` groups only those that pull most are left out, and errors come from blocks."""
    runs = simulate(Sweep(n=60), np.random.default_rng(5))
    bad = np.isin(np.arange(60), np.argmax(runs.loss))
    made = fit("chinchilla", replace(runs, loss=runs.loss * np.where(bad, 1.25, 1.0)), "log_least_squares")
    every = jackknife_errors(made)
    monkeypatch.setattr("scalelaw.checks._refits.MOST", 20)
    (result,) = check(made, only=["influence"])
    assert set(np.array(runs.run_id)[bad]) <= set(result.findings[0].runs)
    assert jackknife_errors(made) == pytest.approx(every, rel=0.5)


@pytest.mark.parametrize("law", ["kaplan", "chinchilla_tied"])
def test_other_laws_are_checked_without_a_false_alarm(runs: RunTable, law: str) -> None:
    """A law with coupled terms, and one whose two exponents are one parameter."""
    for result in check(runs, law=law, only=["optimum", "rounding", "influence", "independence"]):
        assert result.verdict == "clear", str(result)
