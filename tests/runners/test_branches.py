"""Branches share their trunk's steps exactly as long as the rates are the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runners.branches import branch_step, tasks, trunk_of
from runners.corpora import CORPORA
from runners.schedules import lr_share
from runners.spec import TrainSpec
from runners.sweeps import cost, estimate
from runners.training import training_examples
from scalelaw.errors import UsageError

TOP = 200 * 256
BRANCH = TrainSpec(
    "markov", width=16, depth=1, n_tokens=TOP, context=32, batch_size=8, schedule="wsd", warmup_tokens=10 * 256,
    trunk_tokens=TOP,
)  # fmt: skip
LADDER = [replace(BRANCH, n_tokens=TOP // 2**k) for k in range(4)]


@pytest.mark.parametrize("final", [0.0, 0.05, 0.1, 0.3, 1 / 3, 0.7])
@pytest.mark.parametrize("n_tokens", [TOP, TOP // 2, TOP // 8, 23 * 256])
def test_a_branch_has_its_trunks_rates_up_to_the_branch_point(n_tokens: int, final: float) -> None:
    spec = replace(BRANCH, n_tokens=n_tokens, final_lr_share=final)
    trunk, shared = trunk_of(spec), branch_step(spec)
    assert trunk is not None
    assert 0 < shared < spec.steps
    assert [lr_share(spec, step) for step in range(shared)] == [lr_share(trunk, step) for step in range(shared)]
    assert lr_share(spec, shared + 1) < 1


def test_a_branch_that_cools_down_before_it_is_warm_shares_nothing() -> None:
    assert branch_step(replace(BRANCH, warmup_tokens=TOP, n_tokens=TOP // 2)) == 0


@pytest.mark.parametrize("context", [32, 49, 97])
def test_a_branch_reads_its_trunks_examples(context: int) -> None:
    """Also at a context whose reciprocal is not exact."""
    tokens = 8 * context * 21
    spec = replace(BRANCH, context=context, n_tokens=tokens // 3, trunk_tokens=tokens)
    trunk = trunk_of(spec)
    assert trunk is not None
    assert len(training_examples(trunk, CORPORA["markov"])) == trunk.steps * trunk.batch_size
    assert len(training_examples(spec, CORPORA["markov"])) == trunk.steps * trunk.batch_size


def test_a_run_that_is_no_branch_has_no_trunk() -> None:
    assert trunk_of(replace(BRANCH, trunk_tokens=0)) is None


def test_a_warm_up_that_follows_the_length_is_refused() -> None:
    with pytest.raises(UsageError, match="give warmup_tokens, or warmup_share = 0"):
        trunk_of(replace(BRANCH, warmup_tokens=0))
    assert trunk_of(replace(BRANCH, warmup_tokens=0, warmup_share=0.0)) is not None


def test_a_ladder_needs_one_trunk_as_far_as_its_longest_branch() -> None:
    trunk, *runs = tasks(LADDER)
    assert trunk.name == f"trunks/{trunk.spec.run_id}"
    assert trunk.keep == tuple(sorted(branch_step(spec) for spec in LADDER))
    assert trunk.last == branch_step(BRANCH)
    assert [run.spec for run in runs] == LADDER
    assert {run.waits_for for run in runs} == {trunk.name}
    assert [(run.first, run.last) for run in runs] == [(branch_step(spec), spec.steps) for spec in LADDER]


def test_a_ladder_costs_its_longest_run_and_the_cool_downs() -> None:
    """Here 1 + (1/2 + 1/4 + 1/8) x 0.2 of the longest, instead of 1.875."""
    spent = sum(cost(task).flops for task in tasks(LADDER))
    assert spent / estimate(BRANCH).flops == pytest.approx(1 + (1 / 2 + 1 / 4 + 1 / 8) * 0.2)


def test_runs_that_are_no_branches_are_tasks_of_their_own() -> None:
    specs = [replace(BRANCH, trunk_tokens=0), replace(BRANCH, schedule="cosine", trunk_tokens=0)]
    assert [(task.spec, task.first, task.last, task.waits_for) for task in tasks(specs)] == [
        (spec, 0, spec.steps, None) for spec in specs
    ]


def test_seeds_have_trunks_of_their_own() -> None:
    trunks = [task for task in tasks([*LADDER, *(replace(spec, seed=1) for spec in LADDER)]) if task.keep]
    assert [trunk.spec.seed for trunk in trunks] == [0, 1]
