"""Curves come out in order, each step once, and reduced as asked, whatever the order of the lines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalelaw.errors import DataError, UsageError
from scalelaw.readers import read_runs
from scalelaw.readers.segments import firsts, following_min, medians, running_min, trailing_mean, without_outliers
from scalelaw.runs import Floats, RunTable

BATCH = 1000


def curve(steps: Iterable[float], noise: float = 0.0, seed: int = 0) -> Floats:
    """Losses 2 + 30 / step^0.4, with relative noise."""
    step = np.array(list(steps), dtype=float)
    return (2 + 30 * step**-0.4) * np.exp(noise * np.random.default_rng(seed).standard_normal(len(step)))


def points(run: str, steps: Iterable[float], losses: Iterable[Any], **more: Any) -> list[dict[str, Any]]:
    """Points of a run of a million parameters."""
    steps = list(steps)
    return [
        {"run": run, "n_params": 1e6, "step": step, "tokens": step * BATCH, "loss": loss}
        | {name: values[i] for name, values in more.items()}
        for i, (step, loss) in enumerate(zip(steps, losses, strict=True))
    ]


def written(folder: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """The points as JSON lines."""
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def codes(table: RunTable) -> list[str]:
    return [note.code for note in table.notes]


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), cut=st.integers(0, 30))
def test_segment_arithmetic_is_that_of_each_segment_alone(values: list[float], cut: int) -> None:
    array = np.array(values)
    run = (np.arange(len(array)) >= cut).astype(np.int64)
    parts = [part for part in (array[:cut], array[cut:]) if len(part)]
    assert firsts(run).tolist() == [0] + [cut] * (0 < cut < len(array))
    np.testing.assert_array_equal(running_min(array, run), np.concatenate([np.minimum.accumulate(p) for p in parts]))
    backwards = [np.minimum.accumulate(part[::-1])[::-1] for part in parts]
    np.testing.assert_array_equal(following_min(array, run), np.concatenate(backwards))
    middle = [np.full(len(part), np.sort(part)[(len(part) - 1) // 2]) for part in parts]
    np.testing.assert_array_equal(medians(array, run), np.concatenate(middle))
    means = [[part[max(0, i - 2) : i + 1].mean() for i in range(len(part))] for part in parts]
    np.testing.assert_allclose(trailing_mean(array, run, 3), np.concatenate(means), rtol=1e-9, atol=1e-9)
    calm = [
        [part[i] if i in (0, len(part) - 1) else np.median(part[i - 1 : i + 2]) for i in range(len(part))]
        for part in parts
    ]
    np.testing.assert_array_equal(without_outliers(array, run), np.concatenate(calm))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_order_of_the_lines_does_not_matter(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    steps = range(10, 310, 10)
    rows = points("a", steps, curve(steps)) + points("b", steps, curve(steps) + 0.1)
    folder = tmp_path_factory.mktemp("order")
    clean = read_runs(written(folder, rows))
    shuffled = read_runs(written(folder, data.draw(st.permutations(rows))))
    assert shuffled.fingerprint == clean.fingerprint
    for name in ("a", "b"):
        mine = np.array(shuffled.run_id) == name
        assert (np.diff(shuffled.n_tokens[mine]) > 0).all()


def test_runs_are_cut_from_one_another_even_where_their_lines_alternate(tmp_path: Path) -> None:
    steps = range(10, 210, 10)
    both = zip(points("a", steps, curve(steps)), points("b", steps, curve(steps) + 0.1), strict=True)
    table = read_runs(written(tmp_path, (row for pair in both for row in pair)))
    assert codes(table) == []
    assert table.run_id == ("a",) * 20 + ("b",) * 20


def test_seeds_of_one_name_are_curves_of_their_own(tmp_path: Path) -> None:
    steps = range(10, 110, 10)
    rows = [row for seed in (0, 1) for row in points("a", steps, curve(steps, 0.01, seed), seed=[seed] * 10)]
    table = read_runs(written(tmp_path, rows), curve="last")
    assert table.extras["seed"].tolist() == [0, 1]


def test_a_restart_that_logs_at_other_steps_supersedes_what_lies_between(tmp_path: Path) -> None:
    first, second = range(10, 1010, 10), range(815, 2015, 10)
    rows = points("a", first, curve(first)) + points("a", second, curve(second) + 0.01)
    table = read_runs(written(tmp_path, rows))
    assert codes(table) == ["W_RESTART"]
    assert table.extras["step"].tolist() == [*range(10, 815, 10), *second]


def test_three_attempts_leave_the_last_of_each_step(tmp_path: Path) -> None:
    attempts = [range(10, 610, 10), range(310, 810, 10), range(210, 1010, 10)]
    rows = [row for i, steps in enumerate(attempts) for row in points("a", steps, curve(steps) + 0.01 * i)]
    table = read_runs(written(tmp_path, rows))
    steps = np.arange(10, 1010, 10)
    np.testing.assert_allclose(table.loss, curve(steps) + 0.02 * (steps >= 210))


def test_a_last_attempt_that_ends_early_is_said_to(tmp_path: Path) -> None:
    rows = points("a", range(10, 1010, 10), curve(range(10, 1010, 10)))
    rows += points("a", range(510, 610, 10), curve(range(510, 610, 10)) + 0.01)
    (note,) = read_runs(written(tmp_path, rows)).notes
    assert "the last attempt ends at step 600" in note.message


def test_two_writers_who_take_turns_are_no_restart(tmp_path: Path) -> None:
    steps = [10, 20, 10, 20, 30, 40, 30, 40, 50, 60, 50, 60]
    with pytest.raises(DataError, match="step 10 in lines 1, 3") as caught:
        read_runs(written(tmp_path, points("a", steps, np.linspace(5, 4, len(steps)))))
    assert caught.value.code == "E_CONFLICT"


def test_log_spaced_checkpoints_have_no_gap_and_a_hole_in_them_is_one(tmp_path: Path) -> None:
    steps = [2**i for i in range(10)] + list(range(1000, 20_000, 1000))
    assert codes(read_runs(written(tmp_path, points("a", steps, curve(steps))))) == []
    holed = [step for step in steps if not 5000 < step < 14_000]
    (note,) = read_runs(written(tmp_path, points("a", holed, curve(holed)))).notes
    assert note.code == "W_GAP"
    assert "steps 6000-13000" in note.message


def test_noisy_curves_raise_no_alarm(tmp_path: Path) -> None:
    """Of 200 curves with noise of 1 to 5 %, at most one in a hundred is said to spike, to diverge or to warm up."""
    steps = range(10, 2010, 10)
    rows = [
        row for i in range(200) for row in points(f"r{i:03d}", steps, curve(steps, 0.01 + 0.04 * (i % 5) / 4, seed=i))
    ]
    table = read_runs(written(tmp_path, rows))
    told = {item.run_id for item in table.excluded} | {
        word for n in table.notes for word in n.message.split() if word[0] == "r"
    }
    assert len(told & set(table.run_id)) <= 2


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.03])
def test_divergence_is_told_to_the_step_and_a_spike_passes(noise: float, tmp_path: Path) -> None:
    steps = range(10, 2010, 10)
    losses = curve(steps, noise)
    diverged, spiked = losses.copy(), losses.copy()
    diverged[150:] += 4
    spiked[100:105] += 4
    rows = points("bad", steps, diverged) + points("odd", steps, spiked)
    table = read_runs(written(tmp_path, rows))
    assert codes(table) == ["W_DIVERGED", "W_SPIKE"]
    assert "run bad rises at step 1510" in table.notes[0].message
    assert "run odd, steps 1010-1050" in table.notes[1].message
    assert len(table) == 150 + 200
    last = read_runs(written(tmp_path, rows), curve="last")
    assert last.run_id == ("odd",)
    assert [item.run_id for item in last.excluded] == ["bad"]


def test_overfitting_is_no_divergence(tmp_path: Path) -> None:
    steps = np.arange(10, 2010, 10)
    losses = curve(steps) + 2 * np.maximum(steps / 2000 - 0.5, 0)
    table = read_runs(written(tmp_path, points("a", steps.tolist(), losses)))
    assert codes(table) == []
    assert len(table) == 200


def test_one_glitch_below_the_curve_is_not_what_the_rest_is_measured_by(tmp_path: Path) -> None:
    steps = range(10, 2010, 10)
    losses = curve(steps)
    losses[50] = 0.5
    assert codes(read_runs(written(tmp_path, points("a", steps, losses)))) == []


def test_a_dead_run_among_others_is_left_out_and_said(tmp_path: Path) -> None:
    steps = range(10, 210, 10)
    dead = [*curve(steps)[:15], *[float("nan")] * 5]
    table = read_runs(written(tmp_path, points("a", steps, dead) + points("b", steps, curve(steps))))
    assert set(table.run_id) == {"b"}
    assert codes(table) == ["W_DEAD_RUN"]
    assert [(item.run_id, item.line) for item in table.excluded] == [("a", 16)]


def test_a_warm_up_is_what_the_rate_says_where_it_was_logged(tmp_path: Path) -> None:
    steps = np.arange(10, 1010, 10)
    rate = np.minimum(steps / 100, 1.0) * 0.5 * (1 + np.cos(np.pi * np.maximum(steps - 100, 0) / 900))
    rows = points("a", steps.tolist(), curve(steps), lr=rate.tolist())
    table = read_runs(written(tmp_path, rows))
    assert codes(table) == ["W_WARMUP"]
    assert table.extras["step"].tolist() == list(range(100, 1010, 10))
    assert "steps 10-90" in table.notes[0].message
    assert codes(read_runs(written(tmp_path, rows), curve="last")) == []


def test_final_and_peak_rate_are_columns_where_the_rate_changed(tmp_path: Path) -> None:
    steps = np.arange(10, 1010, 10)
    rate = 3e-4 * (1 - 0.95 * steps / 1000)
    table = read_runs(written(tmp_path, points("a", steps.tolist(), curve(steps), lr=rate.tolist())), curve="last")
    np.testing.assert_allclose(table.extras["final_lr"], 1.5e-5)
    np.testing.assert_allclose(table.extras["peak_lr"], rate.max())
    setting = read_runs(written(tmp_path, points("a", steps.tolist(), curve(steps), lr=[3e-4] * 100)), curve="last")
    assert "final_lr" not in setting.extras
    assert codes(setting) == []


def test_the_tokens_of_a_step_are_put_beside_its_evaluation(tmp_path: Path) -> None:
    steps = range(10, 110, 10)
    trained = [{"run": "a", "n_params": 1e6, "step": step, "tokens": step * BATCH} for step in steps]
    judged = [{"run": "a", "n_params": 1e6, "step": step, "val_loss": float(curve([step])[0])} for step in (50, 100)]
    table = read_runs(written(tmp_path, trained + judged))
    assert table.n_tokens.tolist() == [50 * BATCH, 100 * BATCH]
    assert codes(table) == ["I_SPARSE"]


def test_a_point_before_training_is_left_out_of_a_curve(tmp_path: Path) -> None:
    steps = range(0, 210, 10)
    rows = points("a", steps, [10.8, *curve(range(10, 210, 10))])
    table = read_runs(written(tmp_path, rows))
    assert table.n_tokens.tolist() == [step * BATCH for step in steps[1:]]
    assert codes(table) == ["I_UNTRAINED"]
    assert [(item.line, item.reason) for item in table.excluded] == [(1, "1 point at 0 tokens, before training")]


def test_a_total_of_tokens_is_not_taken_for_a_count(tmp_path: Path) -> None:
    steps = range(10, 110, 10)
    rows = [row | {"tokens": 1e5} for row in points("a", steps, curve(steps))]
    with pytest.raises(DataError, match="a total, not a count") as caught:
        read_runs(written(tmp_path, rows))
    assert caught.value.code == "E_TOKENS"
    assert read_runs(written(tmp_path, rows), curve="last").n_tokens.tolist() == [1e5]


@pytest.mark.parametrize("keep", ["last", "min"])
def test_the_last_and_the_least_point_are_those_of_each_run(keep: str, tmp_path: Path) -> None:
    steps = range(10, 210, 10)
    first, second = curve(steps, 0.02, seed=1), curve(steps, 0.02, seed=2)
    table = read_runs(written(tmp_path, points("a", steps, first) + points("b", steps, second)), curve=keep)
    wanted = [first[-1], second[-1]] if keep == "last" else [first.min(), second.min()]
    np.testing.assert_array_equal(table.loss, wanted)


@settings(max_examples=25, deadline=None)
@given(tokens=st.floats(10_000, 200_000))
def test_points_at_given_tokens_are_on_the_chord_in_log_tokens(
    tokens: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    steps = list(range(10, 210, 10))
    losses = curve(steps)
    rows = points("a", steps, losses) + points("short", steps[:2], losses[:2])
    table = read_runs(written(tmp_path_factory.mktemp("at"), rows), curve=f"{tokens!r}")
    chord = np.interp(np.log(tokens), np.log(np.array(steps) * BATCH), losses)
    assert table.run_id[0] == "a"
    np.testing.assert_allclose(table.loss[0], chord, rtol=1e-12)
    np.testing.assert_allclose(table.n_tokens[0], tokens, rtol=1e-12)
    if tokens > 20_000:
        assert [item.run_id for item in table.excluded] == ["short"]
        assert "ends at 20k tokens" in table.excluded[0].reason


def test_several_token_counts_are_rows_of_one_group_and_are_said_to_be_early(tmp_path: Path) -> None:
    steps = range(10, 210, 10)
    table = read_runs(written(tmp_path, points("a", steps, curve(steps))), curve="50k,0.1M,200k")
    assert table.n_tokens.tolist() == [5e4, 1e5, 2e5]
    assert set(table.group) == {"a"}
    assert codes(table) == ["W_MID_SCHEDULE"]
    assert table.notes[0].message.startswith("2 of 3 points")


def test_smoothing_takes_the_mean_of_the_last_points(tmp_path: Path) -> None:
    steps = range(10, 210, 10)
    losses = curve(steps, 0.05)
    table = read_runs(written(tmp_path, points("a", steps, losses)), curve="last", smooth=5)
    np.testing.assert_allclose(table.loss, [losses[-5:].mean()], rtol=1e-14)


def test_a_log_without_names_of_runs_is_one_run_named_after_its_file(tmp_path: Path) -> None:
    steps = range(10, 210, 10)
    rows = [{k: v for k, v in row.items() if k != "run"} for row in points("a", steps, curve(steps))]
    table = read_runs(written(tmp_path, rows))
    assert set(table.run_id) == {"log"}
    assert codes(table) == ["I_ONE_RUN"]


def test_a_table_of_runs_is_no_curve(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("run,N,D,loss,step\na,1e6,1e9,3.0,900\nb,2e6,1e9,2.9,300\nc,4e6,2e9,2.8,600\n")
    table = read_runs(path)
    assert table.run_id == ("a", "b", "c")
    assert table.notes == ()


def test_steps_that_were_planned_are_a_setting_and_no_axis(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("run,N,D,loss,steps\na,1e6,1e9,3.0,900\na,1e6,2e9,2.9,900\nb,2e6,1e9,2.8,900\n")
    table = read_runs(path)
    assert table.loss.tolist() == [3.0, 2.9, 2.8]
    assert table.notes == ()


def test_segments_of_one_run_are_joined_by_what_tells_them_apart(tmp_path: Path) -> None:
    rows = []
    for i, steps in ((10, range(1010, 1510, 10)), (9, range(510, 1110, 10)), (2, range(10, 610, 10))):
        rows += points(f"big-run-{i}", steps, curve(steps) + 0.001 * i)
    table = read_runs(written(tmp_path, rows), join_runs=r"-run-\d+$")
    assert set(table.run_id) == {"big"}
    steps = np.arange(10, 1510, 10)
    by = np.where(steps >= 1010, 10, np.where(steps >= 510, 9, 2))
    np.testing.assert_allclose(table.loss, curve(steps) + 0.001 * by)
    assert codes(table) == ["I_JOINED", "W_RESTART"]
    with pytest.raises(UsageError, match="found in no name"):
        read_runs(written(tmp_path, rows), join_runs="-part")


@pytest.mark.parametrize(("text", "smooth"), [("first", 1), ("1B,-2B", 1), ("last", 0)])
def test_a_curve_that_cannot_be_is_refused(text: str, smooth: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        read_runs(written(tmp_path, points("a", [10, 20], [3.0, 2.0])), curve=text, smooth=smooth)
