"""A TOML file becomes distinct specs, and what it asks for is shown before it is spent."""

from __future__ import annotations

from pathlib import Path

import pytest

from runners.store import RunStore
from runners.sweeps import Sweep, estimate, status
from scalelaw.counting import TransformerShape
from scalelaw.errors import DataError

LADDER = """
name = "ladder"
[base]
corpus = "markov"
depth = 1
[grid]
width = [16, 32]
n_tokens = ["20k", 4e4]
[[cells]]
width = 16
n_tokens = "20k"
seed = [0, 1, 2]
"""


def load(tmp_path: Path, text: str) -> Sweep:
    path = tmp_path / "sweep.toml"
    path.write_text(text, encoding="utf-8")
    return Sweep.load(path)


def test_grid_and_cells_multiply_and_repeats_are_dropped(tmp_path: Path) -> None:
    sweep = load(tmp_path, LADDER)
    found = {(spec.width, spec.n_tokens, spec.seed) for spec in sweep.specs}
    grid = {(width, n_tokens, 0) for width in (16, 32) for n_tokens in (20_000, 40_000)}
    assert sweep.name == "ladder"
    assert found == grid | {(16, 20_000, 1), (16, 20_000, 2)}
    assert len(sweep.specs) == len(found)


def test_rules_stand_for_lists(tmp_path: Path) -> None:
    rules = """
    [base]
    corpus = "markov"
    [grid]
    width = { from = 16, to = 64, ratio = 2 }
    depth = { aspect = 16 }
    n_tokens = { per_param = 20 }
    lr = { from = 0.25, to = 1.0, ratio = 2 }
    """
    specs = load(tmp_path, rules).specs
    assert {(spec.width, spec.depth) for spec in specs} == {(16, 1), (32, 2), (64, 4)}
    assert sorted({spec.lr for spec in specs}) == [0.25, 0.5, 1.0]
    assert all(spec.n_tokens == 20 * estimate(spec).n_params for spec in specs)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("width = { from = 64, to = 32, ratio = 2 }", "rises from `from` to `to`"),
        ("width = { from = 16, to = 32, ratio = 1 }", "by a ratio above 1"),
        ('width = { from = 16, to = 32, ratio = "two" }', "ratio must be a positive number; found 'two'"),
        ("width = { aspect = 16 }", "width has no such rule"),
        ("depth = { per_param = 16 }", "depth has no such rule"),
    ],
)
def test_a_rule_that_makes_no_ladder_is_refused(tmp_path: Path, line: str, message: str) -> None:
    given = {"width": "width = 16", "depth": "depth = 1", "n_tokens": "n_tokens = 20000"}
    given[line.split(" ")[0]] = line
    with pytest.raises(DataError, match=message):
        load(tmp_path, '[base]\ncorpus = "markov"\n[grid]\n' + "\n".join(given.values()))


def test_the_largest_run_comes_first(tmp_path: Path) -> None:
    sweep = load(tmp_path, LADDER)
    seconds = [estimate(spec).seconds for spec in sweep.largest_first()]
    assert seconds == sorted(seconds, reverse=True)


def test_the_dry_run_counts_as_counting_does(tmp_path: Path) -> None:
    for spec in load(tmp_path, LADDER).specs:
        cost, shape = estimate(spec), TransformerShape(spec.depth, spec.width, 4 * spec.width, 64, spec.context)
        assert cost.n_params == shape.params_all()
        assert cost.n_params_non_embedding == shape.params_non_embedding()
        assert cost.flops == shape.flops_per_token_exact() * spec.tokens_trained


def test_status_tells_waiting_interrupted_and_finished_apart(tmp_path: Path) -> None:
    sweep, store = load(tmp_path, LADDER), RunStore(tmp_path / "runs")
    first, second, *others = [spec.run_id for spec in sweep.specs]
    store.begin(first, {})
    store.finish(first, {"status": "finished"})
    store.begin(second, {}).write_text('{"step": 1}\n')
    states = status(sweep, store)
    assert states[first] == "finished"
    assert states[second] == "interrupted"
    assert {states[run_id] for run_id in others} == {"waiting"}


RUN = 'corpus = "markov"\nwidth = 16\ndepth = 1\n'


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("name = ", "E_NOT_TOML", "not a TOML file"),
        ("[base]\nwidth = 16", "E_NO_RUNS", "names no run"),
        ("[grid]\n" + RUN + "n_tokens = []", "E_NO_RUNS", "names no run"),
        ("base = 3\n[grid]\nwidth = 16", "E_BAD_TABLE", r"\[\[cells\]\]"),
        ("[cells]\n" + RUN, "E_BAD_TABLE", r"\[\[cells\]\]"),
        ("[greed]\nwidth = 16", "E_UNKNOWN_KEY", "greed"),
        ("[grid]\n" + RUN, "E_BAD_SPEC", "n_tokens"),
        ("[grid]\n" + RUN + 'n_tokens = "many"', "E_BAD_SPEC", "not a number"),
        ("[grid]\n" + RUN + 'n_tokens = "1e999"', "E_BAD_SPEC", "too large"),
        ("[grid]\n" + RUN + "n_tokens = 0.5", "E_BAD_SPEC", "whole number"),
        ("[grid]\n" + RUN + 'n_tokens = "20k"\nwidht = 3', "E_BAD_SPEC", "widht"),
        ('[grid]\ncorpus = "novels"\nwidth = 16\ndepth = 1\nn_tokens = "20k"', "E_BAD_SPEC", "Known: docs"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused_by_name(tmp_path: Path, text: str, code: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path, text)
    assert caught.value.code == code
    assert str(tmp_path / "sweep.toml") in str(caught.value)


def test_a_file_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.toml"):
        Sweep.load(tmp_path / "absent.toml")
