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
        ("[grid]\n" + RUN + "n_tokens = []", "E_BAD_SPEC", "n_tokens lists no value"),
        ("cells = 3", "E_BAD_TABLE", r"\[\[cells\]\]"),
        ('name = "../elsewhere"\n[grid]\n' + RUN + 'n_tokens = "20k"', "E_BAD_NAME", r"\.\./elsewhere"),
        ("name = 3\n[grid]\n" + RUN + 'n_tokens = "20k"', "E_BAD_NAME", "found '3'"),
        ("base = 3\n[grid]\nwidth = 16", "E_BAD_TABLE", r"\[\[cells\]\]"),
        ("[cells]\n" + RUN, "E_BAD_TABLE", r"\[\[cells\]\]"),
        ("[greed]\nwidth = 16", "E_UNKNOWN_KEY", "greed"),
        ("[grid]\n" + RUN, "E_BAD_SPEC", "n_tokens"),
        ("[grid]\n" + RUN + 'n_tokens = "many"', "E_BAD_SPEC", "not a number"),
        ("[grid]\n" + RUN + 'n_tokens = "1e999"', "E_BAD_SPEC", "too large"),
        ("[grid]\n" + RUN + "n_tokens = 0.5", "E_BAD_SPEC", "whole number"),
        ("[grid]\n" + RUN + 'n_tokens = "20k"\nwidht = 3', "E_BAD_SPEC", r"did you mean width\?"),
        ("[grid]\n" + RUN + 'n_tokens = "20k"\nzzz = 3', "E_BAD_SPEC", "zzz. Known: activation"),
        ("[grid]\n" + RUN + 'n_tokens = "20 kB"', "E_BAD_SPEC", "Numbers are written"),
        ('[grid]\ncorpus = "novels"\nwidth = 16\ndepth = 1\nn_tokens = "20k"', "E_BAD_SPEC", "Known: arithmetic"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused_by_name(tmp_path: Path, text: str, code: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path, text)
    assert caught.value.code == code
    assert str(tmp_path / "sweep.toml") in str(caught.value)


def test_the_table_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    cells = "".join(f"[[cells]]\nn_tokens = {n}\n" for n in ('"20k"', "1"))
    with pytest.raises(DataError, match=r"in the runs of \[\[cells\]\] number 2: n_tokens 1 is less than one step"):
        load(tmp_path, f"[base]\n{RUN}{cells}")


def test_every_number_may_be_written_as_people_write_it(tmp_path: Path) -> None:
    written = load(tmp_path, f'[grid]\n{RUN}n_tokens = "20k"\nlr = ["1e-2", "0.01", 0.01]\n')
    assert [(spec.n_tokens, spec.lr) for spec in written.specs] == [(20_000, 0.01)]


def test_a_file_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.toml"):
        Sweep.load(tmp_path / "absent.toml")


def test_branches_take_their_tokens_by_the_parameter(tmp_path: Path) -> None:
    text = """
    [grid]
    corpus = "markov"
    width = 16
    depth = 1
    schedule = "wsd"
    warmup_share = 0
    trunk_tokens = "10M"
    n_tokens = { per_param = 20 }
    """
    (spec,) = load(tmp_path, text).specs
    assert (spec.n_tokens, spec.trunk_tokens) == (20 * estimate(spec).n_params, 10_000_000)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('validate_on = "arithmetic"', "validate_on names arithmetic, which gives tokens, 15 outputs"),
        ('schedule = "wsd"\ntrunk_tokens = 40000', "give warmup_tokens, or warmup_share = 0"),
        ("tied = 1", "tied must be true or false; found 1"),
        ('tied = "false"', "tied must be true or false; found 'false'"),
    ],
)
def test_what_a_run_would_fail_at_is_refused_with_the_file(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path, "[grid]\n" + RUN + "n_tokens = 20000\n" + line)
    assert caught.value.code == "E_BAD_SPEC"
