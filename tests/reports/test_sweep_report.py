"""A sweep report tells what its store holds: how runs stand, how they learned, which rates serve which widths."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from reports import Report, sweep_report
from reports.base import Line, Points
from reports.checklist import QUESTIONS
from reports.sweep_runs import POINTS, read_sweep, sweep_of
from runners.leases import Lease
from runners.probes.lr_transfer import lr_transfer
from runners.probes.trials import read_trials
from runners.store import RunStore
from scalelaw.errors import DataError
from scalelaw.runs import RunTable
from tests.reports.examples import RATES, TOKENS, WIDTHS, final_loss, spec_of, write_run


def part(report: Report, name: str):
    (found,) = (section for section in report.sections if section.name == name)
    return found


def test_runs_stand_as_their_folders_say(tmp_path: Path):
    stated = {}
    for status in ("finished", "diverged", "out_of_memory", "interrupted", "running"):
        stated[write_run(tmp_path, spec_of(16, 0.01, 0), status, status)] = status
    specs = {name: spec_of(16, 0.01, 0) for name in (*stated, "later")}
    with Lease(tmp_path / "running" / "lease"):
        sweep = read_sweep(tmp_path, "five", specs)
    assert {run.run_id: run.status for run in sweep.runs} == {**stated, "later": "waiting"}
    assert not sweep.settled
    rows = {row[0]: row for row in part(sweep_report(sweep), "statuses").rows}
    assert [rows[name.replace("_", " ")][1] for name in (*stated, "waiting")] == [1] * 6
    assert rows["in all"][1] == 6
    assert "later" in rows["waiting"][5]


def test_a_sweep_is_settled_when_every_run_has_ended(store: Path):
    assert read_sweep(store).settled
    assert not read_sweep(store, specs={"never begun": {}}).settled


def test_a_folder_without_runs_is_refused_unless_a_sweep_names_them(tmp_path: Path):
    with pytest.raises(DataError, match="not a run store"):
        read_sweep(tmp_path)
    report = sweep_report(read_sweep(tmp_path, "early", {"one": spec_of(16, 0.01, 0)}))
    assert report.sections[0].paragraphs == ("0 of 1 runs have ended, 1 waiting. None has a final loss yet.",)


def test_costs_are_summed_over_what_was_spent(store: Path):
    sweep = read_sweep(store)
    total = part(sweep_report(sweep), "statuses").rows[-1]
    finished = sum(6.0 * width**2 * TOKENS for width in WIDTHS) * len(RATES) * 3
    lost = 3 * 0.9 * 6.0 * WIDTHS[-1] ** 2 * TOKENS  # three diverged after a tenth
    assert total[2].value == pytest.approx(finished - lost)
    assert total[3].value == pytest.approx((36 - 3 * 0.9) * 60.0 / 3600)


def test_the_least_loss_leads_and_its_run_is_named(store: Path):
    sweep = read_sweep(store)
    best = min(final_loss(w, lr, s) for w in WIDTHS for lr in RATES for s in range(3) if (w, lr) != (64, RATES[-1]))
    report = sweep_report(sweep)
    assert part(report, "best").rows[0][2].value == pytest.approx(best)
    assert f"{best:.4g} nats/token" in report.sections[0].paragraphs[1]


def test_learning_curves_are_the_logged_losses(store: Path):
    sweep = read_sweep(store)
    lines = [layer for layer in part(sweep_report(sweep), "learning").layers if isinstance(layer, Line)]
    assert len(lines) == len(sweep.runs)
    for line, run in zip(lines, sweep.runs, strict=True):
        np.testing.assert_allclose(line.y, run.curve["val_loss"])
    assert [line.label for line in lines if line.label] == ["16", "32", "64"]


def test_the_frontier_never_rises_and_is_below_every_curve(store: Path):
    layers = part(sweep_report(read_sweep(store)), "compute").layers
    *curves, frontier = (layer for layer in layers if isinstance(layer, Line))
    assert (np.diff(frontier.y) < 0).all()
    assert (np.diff(frontier.x) > 0).all()
    for curve in curves:
        at = np.searchsorted(frontier.x, curve.x, side="right") - 1
        assert (np.array(frontier.y)[at] <= np.array(curve.y) + 1e-12).all()


def test_learning_rates_are_judged_as_the_probe_judges_them(store: Path):
    (expected,) = lr_transfer(read_trials([store]))
    report = sweep_report(read_sweep(store))
    assert expected.transfers
    assert expected.sentence in report.sections[0].paragraphs
    diamonds = [p for p in part(report, "learning_rate_1").layers if isinstance(p, Points) and p.symbol == "diamond"]
    best = [optimum.x for optimum in expected.optima if optimum.x is not None]
    assert [x for points in diamonds for x in points.x] == pytest.approx(best)


def test_a_sweep_of_one_width_shows_its_rates_without_a_verdict(tmp_path: Path):
    for lr in RATES:
        write_run(tmp_path, spec_of(16, lr, 0))
    report = sweep_report(read_sweep(tmp_path))
    points = [layer for layer in part(report, "learning_rate_1").layers if isinstance(layer, Points)]
    assert [x for layer in points for x in layer.x] == [-8.0, -6.0, -4.0, -2.0]
    assert "transfer" not in [section.name for section in report.sections]


def test_runs_that_differ_in_more_than_the_rate_are_no_sweep_of_rates(tmp_path: Path):
    for i, lr in enumerate(RATES):
        write_run(tmp_path, spec_of(16, lr, 0) | {"weight_decay": 0.1 * i})
    assert not [f.name for f in sweep_report(read_sweep(tmp_path)).figures if f.name.startswith("learning_rate")]


def test_diverged_runs_are_a_warning_that_names_them(store: Path):
    (finding,) = part(sweep_report(read_sweep(store)), "findings").findings
    assert (finding.code, len(finding.runs)) == ("W_DIVERGED", 3)


def test_the_checklist_is_answered_by_the_specs(store: Path):
    answers = dict(part(sweep_report(read_sweep(store)), "checklist").rows)
    assert answers[QUESTIONS["optimizer"]] == "adamw"
    assert answers[QUESTIONS["seeds"]] == "seed 0, 1, 2"
    assert "warm-up share 0.05" in answers[QUESTIONS["schedule"]]
    assert answers[QUESTIONS["excluded"]].startswith("3 runs without a final loss")


def test_a_torn_last_line_is_passed_over(tmp_path: Path):
    run_id = write_run(tmp_path, spec_of(16, 0.01, 0), "interrupted")
    whole = read_sweep(tmp_path).runs[0].curve["tokens"]
    with (tmp_path / run_id / "metrics.jsonl").open("a") as log:
        log.write('{"step": 9, "tokens": 99')
    np.testing.assert_array_equal(read_sweep(tmp_path).runs[0].curve["tokens"], whole)


def test_a_long_log_is_thinned_and_keeps_its_ends_and_every_validation(tmp_path: Path):
    run_id = write_run(tmp_path, spec_of(16, 0.01, 0), "interrupted")
    rows = [{"tokens": i + 1.0, "flops": i + 1.0, "train_loss": 3.0, "wall_s": 1.0} for i in range(5000)]
    for i in (17, 4321):
        rows[i]["val_loss"] = 3.1
    (tmp_path / run_id / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    curve = read_sweep(tmp_path).runs[0].curve
    assert len(curve["tokens"]) <= POINTS + 2
    assert (curve["tokens"][0], curve["tokens"][-1]) == (1.0, 5000.0)
    assert list(curve["tokens"][np.isfinite(curve["val_loss"])]) == [18.0, 4322.0]


def test_only_a_page_that_is_watched_loads_itself_again(store: Path):
    from reports.html import to_html

    sweep = read_sweep(store)
    assert 'http-equiv="refresh" content="30"' in to_html(sweep_report(sweep, refresh_s=30))
    assert 'http-equiv="refresh"' not in to_html(sweep_report(sweep))


def test_a_coordinate_check_is_drawn_in_two_figures_each_with_its_legend(store: Path):
    pytest.importorskip("torch")
    from runners.probes.coordinate_check import SMALL, CoordinateCheck

    sizes = np.ones((2, 2, 2))
    check = CoordinateCheck(SMALL, "width", (64, 128), 3, (0, 1), ("tokens", "read-out"), sizes, sizes)
    figures = {figure.name: figure for figure in sweep_report(read_sweep(store), check).figures}
    for name in ("coordinate_start", "coordinate_change"):
        assert {layer.label for layer in figures[name].layers} >= {"tokens", "read-out"}


def test_a_run_table_is_a_sweep_too_and_several_rows_of_a_run_are_its_curve():
    table = RunTable.of(
        run_id=["a", "a", "b"],
        n_params=[1e6, 1e6, 2e6],
        n_tokens=[2e7, 1e7, 3e7],
        loss=[3.0, 3.5, 2.8],
        extras={"width": np.array([64.0, 64.0, 128.0]), "lr": np.array([0.01, 0.01, 0.01])},
    ).where([True, True, True])
    sweep = sweep_of(table, "mine")
    first, second = sweep.runs
    assert (first.loss, second.loss, first.spec["width"]) == (3.0, 2.8, 64)
    assert list(first.curve["val_loss"]) == [3.5, 3.0]
    report = sweep_report(sweep)
    assert [figure.name for figure in report.figures] == ["learning", "compute"]
    points = [layer for layer in part(report, "compute").layers if isinstance(layer, Points)]
    assert sorted((layer.x[0], layer.y[0]) for layer in points) == [(1.2e14, 3.0), (3.6e14, 2.8)]
    answers = dict(part(report, "checklist").rows)
    assert "3 rows of 2 runs" in answers[QUESTIONS["checkpoints"]]
    assert "no column says" in answers[QUESTIONS["loss"]]


def test_what_a_table_left_out_is_counted_and_keeps_no_watch_waiting():
    """A run that diverged is known as such; of another, how it ended is not guessed, and its reason is listed."""
    runs = RunTable.of(n_params=[1e6, 2e6, 4e6], n_tokens=[2e7, 4e7, 8e7], loss=[3.0, 2.9, 2.8])
    table = runs.where([True, False, True], "diverged").where([True, False], "not finished: crashed")
    sweep = sweep_of(table, "mine")
    assert [run.status for run in sweep.runs] == ["finished", "diverged", "left_out"]
    assert sweep.settled
    reasons = [row[-1] for row in part(sweep_report(sweep), "excluded").rows]
    assert sorted(reasons) == ["diverged", "not finished: crashed"]


def test_losses_on_different_corpora_are_not_compared():
    """The least loss, the figures and their frontiers are each of one corpus."""
    corpus = np.array(["docs", "docs", "python", "python"])
    table = RunTable.of(
        n_params=[1e6, 2e6, 1e6, 2e6],
        n_tokens=[2e7, 4e7, 2e7, 4e7],
        loss=[3.0, 2.9, 1.5, 1.4],
        extras={"corpus": corpus},
    )
    report = sweep_report(sweep_of(table, "two"))
    assert [(row[1], row[2].value) for row in part(report, "best").rows][::2] == [("docs", 2.9), ("python", 1.4)]
    assert "2.9 nats/token on docs" in report.sections[0].paragraphs[1]
    assert [figure.title for figure in report.figures] == [
        "Loss against compute, on docs",
        "Loss against compute, on python",
    ]
    for name, losses in (("compute_1", {3.0, 2.9}), ("compute_2", {1.5, 1.4})):
        assert {y for layer in part(report, name).layers for y in layer.y} == losses


def test_a_run_that_is_being_begun_again_waits(tmp_path: Path):
    """Its folder is there and `spec.json`, for a moment, is not."""
    spec = spec_of(16, 0.01, 0)
    run_id = write_run(tmp_path, spec, "interrupted")
    whole = RunStore.description

    def gone(store: RunStore, name: str):
        (tmp_path / name / "spec.json").unlink()
        return whole(store, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunStore, "description", gone)
        assert [run.status for run in read_sweep(tmp_path, "early", {run_id: spec}).runs] == ["waiting"]


def test_a_log_of_odd_lines_gives_what_it_has(tmp_path: Path):
    run_id = write_run(tmp_path, spec_of(16, 0.01, 0), "interrupted")
    (tmp_path / run_id / "metrics.jsonl").write_text('{"step": 1, "val_loss": 2.0}\n{"tokens": NaN}\n[1]\n')
    (run,) = read_sweep(tmp_path).runs
    assert (run.status, run.tokens, run.flops) == ("interrupted", 0.0, 0.0)
    assert sweep_report(read_sweep(tmp_path)).figures == ()


def test_a_table_under_others_names_is_swept_over_its_rates_whatever_else_it_logged():
    """Widths and rates by their usual names; columns that were measured do not tell runs apart."""
    grid = [(width, lr, seed) for width in WIDTHS for lr in RATES for seed in range(3)]
    width, lr, seed = (np.array(column) for column in zip(*grid, strict=True))
    loss = [final_loss(*one) for one in grid]
    extras = {"d_model": width, "learning_rate": lr, "seed": seed, "test_loss": np.array(loss) + 0.1}
    table = RunTable.of(n_params=10.0 * width**2, n_tokens=np.full(len(grid), TOKENS), loss=loss, extras=extras)
    report = sweep_report(sweep_of(table, "mine"))
    assert "transfers" in report.sections[0].paragraphs[-1]
    assert {row[1] for row in part(report, "transfer").rows} == set(WIDTHS)
