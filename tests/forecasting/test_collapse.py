"""Supercollapse where curves are made to fall on one another, and where one is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalelaw.errors import DataError, UsageError
from scalelaw.forecasting import supercollapse
from scalelaw.readers import read_runs
from scalelaw.runs import RunTable

SIZES = (1e6, 2e6, 4e6, 8e6, 16e6)


def ladder(*, noise: float = 0.0, seeds: int = 1, off: int | None = None, exponent: float = 0.2) -> RunTable:
    """L = 1.5 + 100 N^-0.3 x^-exponent for x = D / 20 N; the run `off` falls with another exponent."""
    rng = np.random.default_rng(0)
    x = np.linspace(0.05, 1.0, 40)
    parts: dict[str, list[object]] = {"loss": [], "n_params": [], "n_tokens": [], "run_id": [], "group": []}
    for i, N in enumerate(SIZES):
        for seed in range(seeds):
            steeper = exponent + (0.1 if i == off else 0.0)
            reducible = 100 * N**-0.3 * x**-steeper * np.exp(noise * rng.normal())
            parts["loss"] += list(1.5 + reducible)
            parts["n_params"] += [N] * len(x)
            parts["n_tokens"] += list(20 * N * x)
            parts["run_id"] += [f"N{i}-s{seed}"] * len(x)
            parts["group"] += [f"N{i}"] * len(x)
    return RunTable.of(**parts)  # type: ignore[arg-type]


def test_curves_of_one_shape_collapse_and_their_irreducible_loss_is_found() -> None:
    found = supercollapse(ladder())
    assert found.chosen
    assert found.irreducible == pytest.approx(1.5, abs=1e-4)
    assert found.spread.max() < 1e-5
    assert found.off == ()
    np.testing.assert_allclose(found.curves[0], found.x**-0.2, rtol=2e-3)


def test_a_wrong_irreducible_loss_spreads_the_curves() -> None:
    assert supercollapse(ladder(), 0.5).spread.mean() > 100 * supercollapse(ladder(), 1.5).spread.mean()


@pytest.mark.parametrize("off", range(len(SIZES)))
def test_the_run_that_falls_otherwise_is_named_and_no_other(off: int) -> None:
    found = supercollapse(ladder(off=off), 1.5)
    assert found.off == (f"N{off}",)
    assert f"Off the common curve: N{off}; look at the tuning" in found.sentence


def test_seed_noise_is_what_seeds_differ_by_and_normalising_takes_out_what_a_run_shares() -> None:
    """A factor common to a run's whole reducible loss is noise over seeds, and divides out of normalised curves."""
    found = supercollapse(ladder(noise=0.02, seeds=8), 1.5)
    assert found.seed_noise is not None
    np.testing.assert_allclose(found.seed_noise, 0.02, rtol=0.35)
    assert found.supercollapse
    assert "seeds of one configuration" in found.sentence
    assert supercollapse(ladder(), 1.5).supercollapse is None


def test_units_of_tokens_do_not_matter() -> None:
    runs = ladder(off=2)
    scaled = RunTable.of(
        loss=runs.loss, n_params=runs.n_params, n_tokens=1e3 * runs.n_tokens, run_id=runs.run_id, group=runs.group
    )
    np.testing.assert_allclose(supercollapse(scaled, 1.5).curves, supercollapse(runs, 1.5).curves)


def test_what_is_no_ladder_of_curves_is_refused() -> None:
    runs = ladder()
    with pytest.raises(DataError, match="one point and no curve"):
        supercollapse(runs.take([0, 40, 80]))
    with pytest.raises(DataError, match="three sizes or more"):
        supercollapse(runs.take(range(80)))
    with pytest.raises(UsageError, match="irreducible loss lies between"):
        supercollapse(runs, 99.0)
    with pytest.raises(DataError, match=r"from 0\.05 to 1"):
        supercollapse(runs, x=[0.01])


def test_our_own_small_ladder_does_not_collapse_and_says_by_how_much() -> None:
    """Five widths at 17 to 30 tokens per parameter: far from the irreducible loss, the spread is per cents."""
    folder = Path(__file__).resolve().parents[2] / "data" / "walkthrough" / "wandb"
    runs = read_runs(folder, curve="all", loss="val_loss", n_tokens="tokens")
    lengths = {16: 256_000, 24: 512_000, 32: 1_000_000, 48: 2_000_000, 64: 4_000_000}
    planned = zip(runs.extras["width"], runs.extras["n_tokens (as logged)"], strict=True)
    found = supercollapse(runs.where([lengths[int(width)] == int(tokens) for width, tokens in planned]))
    assert len(found.names) == 5
    assert 0.03 < np.median(found.spread) < 0.15
    assert found.seed_noise is None
