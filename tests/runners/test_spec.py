"""A spec is its own identity: equal fields are one run, and nonsense is refused."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace
from typing import Any

import pytest

from runners.spec import TrainSpec
from scalelaw.errors import UsageError

SPEC = TrainSpec("markov", width=32, depth=2, n_tokens=100_000)

CHANGED = {str: "docs", int: 64, float: 0.5, bool: True}
ANOTHER = {
    "parametrization": "standard",
    "optimizer": "sgd",
    "positions": "rope",
    "activation": "swiglu",
    "attention_scale": "linear",
    "micro_batch": 8,
    "trunk_tokens": 200_000,
    "model": "mlp",
    "schedule": "wsd",
    "precision": "bf16",
    "n_tokens": 200_000,
    "head_dim": 8,
    "context": 32,
}


NEEDS_MORE = ("trunk_tokens", "optimizer")
"""Fields whose other value goes with the schedule wsd or the parametrization standard."""


@pytest.mark.parametrize("name", [field.name for field in fields(TrainSpec)])
def test_every_field_is_part_of_the_identity(name: str) -> None:
    other = ANOTHER.get(name, CHANGED[type(getattr(SPEC, name))])
    base = replace(SPEC, schedule="wsd", parametrization="standard") if name in NEEDS_MORE else SPEC
    assert replace(base, **{name: other}).run_id != base.run_id


def test_a_group_is_the_run_without_its_seed() -> None:
    seeds = [replace(SPEC, seed=seed) for seed in range(3)]
    assert len({spec.run_id for spec in seeds}) == 3
    assert len({spec.group for spec in seeds}) == 1
    assert replace(SPEC, lr=0.5).group != SPEC.group


def test_a_whole_number_and_its_float_are_one_spec() -> None:
    assert replace(SPEC, weight_decay=1).run_id == replace(SPEC, weight_decay=1.0).run_id


def test_the_id_is_the_same_in_every_process() -> None:
    code = "from runners.spec import TrainSpec; print(TrainSpec('markov', width=32, depth=2, n_tokens=100_000).run_id)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == SPEC.run_id


def test_tokens_are_those_of_whole_steps() -> None:
    spec = replace(SPEC, n_tokens=3 * SPEC.tokens_per_step + 5)
    assert spec.steps == 3
    assert spec.tokens_trained == 3 * spec.batch_size * spec.context


def test_a_field_at_its_default_is_not_part_of_the_identity() -> None:
    """So a field that comes later leaves the ids of older runs alone: this one is of the first version."""
    assert TrainSpec("markov", width=32, depth=2, n_tokens=100_000, lr=0.5).run_id == "markov-mup-d32-L2-s0-ccfb1508ef"


def test_the_corpus_is_the_first_of_the_sources_that_validate() -> None:
    assert replace(SPEC, validate_on="docs, python").validation_sources == ("markov", "docs", "python")
    assert replace(SPEC, validate_on="docs, markov,docs,").validation_sources == ("markov", "docs")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"width": 0}, "width must be a whole number"),
        ({"depth": 1.5}, "depth must be a whole number"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"n_tokens": 100}, "less than one step"),
        ({"lr": 0.0}, "lr must be positive"),
        ({"lr": "fast"}, "lr must be a finite number"),
        ({"lr": float("nan")}, "lr must be a finite number"),
        ({"warmup_share": 1.5}, "between 0 and 1"),
        ({"weight_decay": -0.1}, "between 0 and inf"),
        ({"beta2": 1.0}, "beta2 must lie between"),
        ({"schedule": "sudden"}, "one of cosine, wsd, linear, constant"),
        ({"parametrization": "sp"}, "Unknown parametrization 'sp'. Known: .*standard"),
        ({"precision": "fp8"}, "one of fp32, bf16"),
        ({"micro_batch": 5}, "multiple of micro_batch 5"),
        ({"trunk_tokens": 10**6}, "A branch has the schedule wsd"),
        ({"trunk_tokens": 99_000, "schedule": "wsd"}, "at least as long as itself"),
        ({"tied": 1}, "tied must be true or false; found 1"),
        ({"compile": "no"}, "compile must be true or false; found 'no'"),
        ({"corpus": 5}, "corpus must be a text; found 5"),
        ({"validate_on": ["docs"]}, "validate_on must be a text"),
        ({"independent_decay": True, "optimizer": "sgd"}, "independent_decay goes with adamw"),
    ],
)
def test_values_that_make_no_run_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(SPEC, **fields)
