"""Step times: the model is recovered, its interval holds, and logs are read or refused with the reason."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from scalelaw.errors import DataError
from scalelaw.planning import StepLog, fit_step_time, read_step_log
from scalelaw.planning.step_times import COPIES_OF_WEIGHTS, activations_per_token
from scalelaw.results import Interval, Unavailable

C = (0.02, 3e-13, 2e-15)
"""Seconds: of every step, of an element, of a FLOP."""


def shapes() -> tuple[np.ndarray, np.ndarray]:
    width, depth = (values.ravel() for values in np.meshgrid([256.0, 512.0, 1024.0, 2048.0], [4.0, 8.0, 16.0]))
    return width, depth


def logged(noise: float = 0.0, seed: int = 0) -> StepLog:
    """Steps of twelve transformers at two batches that follow the model."""
    width, depth = (np.tile(values, 2) for values in shapes())
    tokens = np.repeat([2e4, 8e4], 12)
    n_params = 12 * depth * width**2
    some = np.ones_like(width)
    activations = activations_per_token(width, depth, 4 * width, width / 64, 1024 * some, 0 * some)
    copies = COPIES_OF_WEIGHTS * n_params + 3 * tokens * activations
    seconds = C[0] + C[1] * copies + C[2] * 6 * n_params * tokens
    wobble = np.exp(noise * np.random.default_rng(seed).standard_normal(24))
    return StepLog(seconds * wobble, n_params, tokens, activations)


def test_noise_free_steps_give_back_their_coefficients() -> None:
    model = fit_step_time(logged())
    assert model.c == pytest.approx(C, rel=1e-6)
    assert np.abs(model.errors).max() < 1e-9


def test_activations_are_the_count_of_every_operation() -> None:
    """One layer of width 2, feed-forward 3, one head over 5 tokens, vocabulary 7, added up by hand."""
    by_hand = (4 + 8 + (4 + 5) + 10 + 10 + (5 + 4) + 4 + 6 + 4 + (2 + 3) + 6 + (3 + 2) + 6) + 6 + 21
    one = np.ones(1)
    assert activations_per_token(2 * one, one, 3 * one, one, 5 * one, 7 * one)[0] == by_hand


def test_the_model_predicts_shapes_it_has_not_seen_better_than_flops_alone() -> None:
    """Fitted to the small half, judged on the large half; what is left is that depth and width grow otherwise there."""
    log = logged(noise=0.02)
    small = log.n_params < np.median(log.n_params)
    half = [
        StepLog(*(getattr(log, x)[k] for x in ("seconds", "n_params", "tokens", "activations")))
        for k in (small, ~small)
    ]
    model = fit_step_time(half[0])
    predicted = [float(model.seconds(n, b)) for n, b in zip(half[1].n_params, half[1].tokens, strict=True)]
    flops = 6 * half[0].n_params * half[0].tokens
    rate = float((flops / half[0].seconds ** 2).sum() / ((flops / half[0].seconds) ** 2).sum())
    by_flops = 6 * half[1].n_params * half[1].tokens * rate
    ours, theirs = (np.abs(np.array(p) / half[1].seconds - 1).mean() for p in (predicted, by_flops))
    assert ours < 0.2
    assert ours < theirs / 2


def test_intervals_hold_the_true_step_time() -> None:
    """At a size four times the largest, in at least 85 of 100 simulated logs."""
    truth = float(fit_step_time(logged()).seconds(4 * 12 * 16 * 2048**2))
    held = 0
    for seed in range(100):
        found = fit_step_time(logged(0.03, seed)).interval(4 * 12 * 16 * 2048**2, 0.95)
        assert isinstance(found, Interval)
        held += found.contains(truth)
    assert held >= 85


def test_two_configurations_have_no_interval() -> None:
    two = StepLog(np.array([0.1, 0.2]), np.array([1e6, 2e6]), np.full(2, 1e3), np.full(2, np.nan))
    assert isinstance(fit_step_time(two).interval(1e7, 0.95), Unavailable)


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def row(n_params: float, **others: object) -> dict[str, object]:
    return {"run_id": f"r{n_params:.0f}", "n_params": n_params, "n_tokens": 1e9, "loss": 3.0, "steps": 1000, **others}


def test_a_run_table_with_seconds_is_read(tmp_path: Path) -> None:
    rows = [row(n, wall_s=n / 1e4, gpus=4) for n in (1e6, 2e6, 4e6)]
    log = read_step_log(write(tmp_path / "runs.csv", rows))
    assert log.seconds == pytest.approx([0.1, 0.2, 0.4])
    assert log.tokens == pytest.approx([2.5e5] * 3)
    assert np.isnan(log.activations).all()


def test_a_run_table_without_seconds_is_refused_with_the_columns_that_would_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one of the columns wall_s") as refused:
        read_step_log(write(tmp_path / "runs.csv", [row(1e6), row(2e6)]))
    assert refused.value.code == "E_MISSING_COLUMN"


def test_a_step_that_took_no_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"column wall_s: a positive number was expected; found '0'"):
        read_step_log(write(tmp_path / "runs.csv", [row(1e6, wall_s=0), row(2e6, wall_s=3)]))


def test_a_run_store_is_read_and_runs_trained_together_are_left_out(tmp_path: Path) -> None:
    for i, (width, stacked) in enumerate([(64, 1), (128, 1), (256, 4)]):
        folder = tmp_path / f"run{i}"
        folder.mkdir()
        spec = {"model": "transformer", "width": width, "depth": 2, "context": 32, "head_dim": 16, "ff_ratio": 4}
        (folder / "spec.json").write_text(json.dumps({"spec": spec, "stacked": stacked}))
        done = {"status": "finished", "n_params": 24 * width**2, "n_tokens": 32_000, "steps": 100, "wall_s": width / 10}
        (folder / "done.json").write_text(json.dumps(done))
    log = read_step_log(tmp_path)
    assert log.seconds == pytest.approx([0.064, 0.128])
    assert log.tokens == pytest.approx([320, 320])
    assert log.activations[0] == 2 * (22 * 64 + 6 * 4 * 32 + 4 * 256) + 3 * 64


def test_sizes_are_counted_as_the_law_counts_them_or_refused(tmp_path: Path) -> None:
    """t is linear in N, so a law of another count would be asked for the step time of another model."""
    rows = [row(n, wall_s=n / 1e4, n_params_non_embedding=n / 2) for n in (1e6, 2e6, 4e6)]
    path = write(tmp_path / "runs.csv", rows)
    assert read_step_log(path, "all").n_params == pytest.approx([1e6, 2e6, 4e6])
    assert read_step_log(path, "non_embedding").n_params == pytest.approx([5e5, 1e6, 2e6])
    with pytest.raises(DataError, match=r"count N as all and the law as kaplan.*E_CONVENTION"):
        read_step_log(path, "kaplan")
    bare = write(tmp_path / "bare.csv", [row(n, wall_s=n / 1e4) for n in (1e6, 2e6, 4e6)])
    with pytest.raises(DataError, match="log the non_embedding count beside it"):
        read_step_log(bare, "non_embedding")


def test_sizes_that_do_not_vary_have_no_model() -> None:
    with pytest.raises(DataError, match="two sizes or more"):
        fit_step_time(StepLog(np.ones(3), np.full(3, 1e6), np.full(3, 1e3), np.full(3, np.nan)))
