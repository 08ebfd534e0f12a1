"""The drift of the best rate is what was planted, its interval covers at its level, nothing is extrapolated."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runners.probes.lr_transfer import TRANSFERS, Transfer, lr_transfer
from runners.probes.trials import Trial, read_trials, select
from scalelaw.errors import DataError
from scalelaw.results import Interval, Unavailable

WIDTHS = (32, 64, 128, 256)
CENTRE = -6.3


def curve(width: int, x: float, slope: float) -> float:
    """A loss that is a parabola in log2 of the rate, its optimum moving by `slope` octaves a doubling."""
    return 2.5 - 0.05 * math.log2(width / 32) + 0.05 * (x - CENTRE - slope * math.log2(width / 32)) ** 2


def trials(
    slope: float = 0.0,
    *,
    name: str = "mup",
    rates: range = range(-12, -2),
    seeds: int = 3,
    noise: float = 0.0,
    rng: np.random.Generator | None = None,
    loss: Callable[[int, float, float], float] = curve,
    widths: tuple[int, ...] = WIDTHS,
) -> list[Trial]:
    rng = rng or np.random.default_rng(0)
    return [
        Trial(name, width, 2.0**x, seed, loss(width, x, slope) + noise * rng.normal())
        for width in widths
        for x in rates
        for seed in range(seeds)
    ]


def only(found: tuple[Transfer, ...]) -> Transfer:
    (transfer,) = found
    return transfer


@pytest.mark.parametrize("slope", [0.0, 0.1, -0.4, -1.0])
def test_a_planted_drift_is_found_to_rounding(slope: float) -> None:
    found = only(lr_transfer(trials(slope)))
    expected = [CENTRE + slope * math.log2(width / 32) for width in WIDTHS]
    assert [optimum.x for optimum in found.optima] == pytest.approx(expected, abs=1e-9)
    assert found.drift == pytest.approx(3 * slope, abs=1e-9)
    assert found.per_doubling == pytest.approx(slope, abs=1e-9)
    assert found.transfers is (abs(3 * slope) < TRANSFERS)
    assert found.certain
    assert isinstance(found.drift_interval, Interval)
    assert found.drift_interval.high - found.drift_interval.low < 1e-9


def test_the_interval_of_the_drift_covers_at_its_level() -> None:
    """Over 200 sweeps with three seeds, within three standard errors of 95 %."""
    rng, sweeps = np.random.default_rng(1), 200
    hits = 0
    for _ in range(sweeps):
        found = only(lr_transfer(trials(-0.5, noise=0.01, rng=rng, widths=(32, 256), rates=range(-10, -4))))
        assert isinstance(found.drift_interval, Interval)
        hits += found.drift_interval.contains(-1.5)
    assert hits / sweeps == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / sweeps))


@given(octaves=st.integers(-3, 3), offsets=st.lists(st.floats(-1, 1), min_size=3, max_size=3), order=st.randoms())
@settings(max_examples=25, deadline=None)
def test_rates_in_another_unit_seeds_that_are_all_better_and_other_orders_change_no_drift(
    octaves: int, offsets: list[float], order: random.Random
) -> None:
    plain = trials(-0.3, noise=0.005)
    other = [Trial(t.parametrization, t.width, t.lr * 2.0**octaves, t.seed, t.loss + offsets[t.seed]) for t in plain]
    order.shuffle(other)
    one, two = only(lr_transfer(plain)), only(lr_transfer(other))
    assert two.drift == pytest.approx(one.drift, abs=1e-8)
    assert two.drift_interval.low == pytest.approx(one.drift_interval.low, abs=1e-8)  # type: ignore[union-attr]
    assert two.optima[0].x == pytest.approx(one.optima[0].x + octaves, abs=1e-8)  # type: ignore[operator]


@pytest.mark.parametrize(("rates", "side"), [(range(-6, -1), "lower"), (range(-14, -6), "higher")])
def test_an_optimum_at_the_edge_of_the_sweep_is_not_extrapolated(rates: range, side: str) -> None:
    found = only(lr_transfer(trials(rates=rates)))
    assert found.drift is None
    assert found.transfers is None
    assert not found.certain
    assert isinstance(found.drift_interval, Unavailable)
    assert "at the edge of the sweep" in found.sentence
    assert side in found.sentence
    assert all(optimum.x is None for optimum in found.optima)


def test_one_width_at_the_edge_leaves_the_others_and_no_slope() -> None:
    runs = [t for t in trials(-1.0) if t.width < 256 or t.lr >= 2.0**-9]
    found = only(lr_transfer(runs))
    assert [optimum.x is None for optimum in found.optima] == [False, False, False, True]
    assert found.drift is None
    assert found.per_doubling is None


def test_a_curve_without_a_minimum_says_so() -> None:
    """A best rate between neighbours that the window's parabola does not bend around."""
    values = {-9: 3.0, -8: 2.0, -7.5: 2.9, -7: 2.001, -6.9: 2.0005, -6: 3.0}
    runs = [Trial("mup", width, 2.0**x, seed, y) for width in (32, 64) for x, y in values.items() for seed in range(3)]
    found = only(lr_transfer(runs))
    for optimum in found.optima:
        assert optimum.x is not None or "no minimum" in optimum.reason
    flat = [Trial("mup", w, 2.0**x, s, 2.0) for w in (32, 64) for x in range(-9, -5) for s in range(3)]
    assert only(lr_transfer(flat)).transfers is None


def test_a_rate_that_diverges_is_worse_than_any_that_does_not() -> None:
    """The best rate stands beside one that diverges: it is no edge, and the optimum stays within half a step of it."""
    runs = [t if t.lr <= 2.0**-6 else Trial(t.parametrization, t.width, t.lr, t.seed, math.inf) for t in trials()]
    found = only(lr_transfer(runs))
    assert found.curves[0].diverged == 3 * 3
    assert all(optimum.x is not None and abs(optimum.x + 6) <= 0.5 for optimum in found.optima)
    assert found.drift == pytest.approx(0.0, abs=1e-9)


def test_without_three_seeds_there_is_a_drift_and_no_interval() -> None:
    found = only(lr_transfer(trials(-1.0, seeds=2)))
    assert found.drift == pytest.approx(-3.0)
    assert found.transfers is False
    assert not found.certain
    assert isinstance(found.drift_interval, Unavailable)
    assert "at least 3 seeds" in found.drift_interval.reason


def test_noise_makes_a_verdict_uncertain_and_the_sentence_says_so() -> None:
    found = only(lr_transfer(trials(-0.15, noise=0.02)))
    assert isinstance(found.drift_interval, Interval)
    assert found.drift_interval.low < -TRANSFERS < found.drift_interval.high
    assert not found.certain
    assert "does not settle it" in found.sentence


def test_the_penalty_is_what_the_transferred_rate_costs_at_the_largest_width() -> None:
    found = only(lr_transfer(trials(-1.0)))
    assert found.optima[0].best == 2.0**-6
    assert found.penalty == pytest.approx(curve(256, -6, -1.0) - curve(256, -9, -1.0))
    assert found.penalty_at == found.optima[0].best
    assert f"costs {found.penalty:.3f} nats/token" in found.sentence


def test_a_rate_not_tried_at_the_largest_width_bounds_the_penalty_from_below() -> None:
    found = only(lr_transfer([t for t in trials(-1.0) if t.width < 256 or t.lr <= 2.0**-8]))
    assert found.penalty_at == 2.0**-8
    assert found.penalty == pytest.approx(curve(256, -8, -1.0) - curve(256, -9, -1.0))
    assert "was not tried at width 256, where 2^-8 already costs" in found.sentence


def test_a_transferred_rate_that_diverges_costs_everything() -> None:
    runs = [
        Trial(t.parametrization, t.width, t.lr, t.seed, math.inf) if t.width == 256 and t.lr > 2.0**-8 else t
        for t in trials(-1.0)
    ]
    found = only(lr_transfer(runs))
    assert found.penalty == math.inf
    assert found.as_dict()["penalty"] is None
    assert "diverges at width 256" in found.sentence
    json.dumps(found.as_dict(), allow_nan=False)


def test_parametrizations_and_corpora_are_kept_apart() -> None:
    runs = [*trials(), *trials(-1.0, name="standard")]
    corpora = [Trial(t.parametrization, t.width, t.lr, t.seed, t.loss, corpus) for corpus in ("a", "b") for t in runs]
    found = lr_transfer(corpora)
    assert [t.family for t in found] == ["mup on a", "mup on b", "standard on a", "standard on b"]
    assert [t.transfers for t in found] == [True, True, False, False]


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([Trial("mup", 32, 0.1, 0, 2.0)], "at least two"),
        ([Trial("mup", 32, 0.1, 0, 2.0), Trial("mup", 64, 0.1, 0, math.inf)], "every run of mup at width 64 diverged"),
    ],
)
def test_a_sweep_that_cannot_tell_is_refused(runs: list[Trial], message: str) -> None:
    with pytest.raises(DataError, match=message):
        lr_transfer(runs)


def test_a_table_holds_the_diverged_runs_too(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(
        "parametrization,width,lr,seed,loss,status\n"
        "mup,32,0.0625,0,2.5,finished\n"
        "mup,32,0.125,0,,diverged\n"
        "mup,32,0.25,0,,out_of_memory\n"
    )
    assert read_trials([path]) == (Trial("mup", 32, 0.0625, 0, 2.5), Trial("mup", 32, 0.125, 0, math.inf))


def test_a_store_holds_the_diverged_runs_too_and_leaves_out_the_unfinished(tmp_path: Path) -> None:
    for i, (status, loss) in enumerate([("finished", 2.5), ("diverged", None), (None, None)]):
        folder = tmp_path / f"run{i}"
        folder.mkdir()
        (folder / "spec.json").write_text("{}")
        record = {"run_id": folder.name, "status": status, "loss": loss, "parametrization": "mup", "corpus": "docs"}
        record |= {"width": 32, "lr": 2.0 ** -(6 - i), "seed": 0, "n_params": 1, "n_tokens": 1}
        if status:
            (folder / "done.json").write_text(json.dumps(record))
    found = read_trials([tmp_path])
    assert [(t.lr, t.loss, t.corpus) for t in found] == [(2.0**-6, 2.5, "docs"), (2.0**-5, math.inf, "docs")]


@pytest.mark.parametrize(
    ("rows", "code", "message"),
    [
        (["mup,32,0.1,0,2.5", "mup,32,0.1,0,2.6"], "E_CONFLICT", "two losses for mup, width 32, lr 0.1, seed 0"),
        (["mup,32,fast,0,2.5"], "E_NOT_A_NUMBER", "line 2, column lr"),
        (["mup,32,0.1,0,nan"], "E_NOT_A_NUMBER", "status diverged"),
        (["mup,32,-0.1,0,2.5"], "E_NOT_POSITIVE", "lr must be positive"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_by_line(
    tmp_path: Path, rows: list[str], code: str, message: str
) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(["parametrization,width,lr,seed,loss", *rows]) + "\n")
    with pytest.raises(DataError, match=message) as caught:
        read_trials([path])
    assert caught.value.code == code


def test_a_table_without_rates_names_the_columns_it_has(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("parametrization,width,loss\nmup,32,2.5\n")
    with pytest.raises(DataError, match="columns found: parametrization, width, loss"):
        read_trials([path])


def test_an_unknown_parametrization_is_answered_with_those_there_are() -> None:
    with pytest.raises(DataError, match="parametrizations found: mup"):
        select(trials(), ["standard"])
