"""Who is trained together follows from the sweep alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runners.batching import MEMBERS, batchable, batches, shape, worthwhile
from runners.spec import TrainSpec
from scalelaw.errors import UsageError

SMALL = TrainSpec("markov", width=16, depth=1, n_tokens=2**14, context=32, batch_size=8)
RATES = [replace(SMALL, lr=2.0**-power) for power in range(12)]


def test_every_spec_is_in_exactly_one_batch() -> None:
    specs = [*RATES, replace(SMALL, width=32), replace(SMALL, dropout=0.1), replace(SMALL, width=2048)]
    for batch in ("auto", "off", "5"):
        grouped = [spec for group in batches(specs, "cpu", batch) for spec in group]
        assert sorted(spec.run_id for spec in grouped) == sorted(spec.run_id for spec in specs)


def test_members_have_one_shape_and_batches_nearly_one_size() -> None:
    specs = [*RATES, *(replace(spec, seed=1) for spec in RATES), *(replace(spec, width=32) for spec in RATES[:3])]
    groups = batches(specs, "cpu")
    assert [len(group) for group in groups] == [MEMBERS, MEMBERS, MEMBERS, 3]
    assert all(len({shape(spec) for spec in group}) == 1 for group in groups)
    assert [len(group) for group in batches(RATES, "cpu", "10")] == [6, 6]


def test_batches_do_not_depend_on_the_order_of_the_groups() -> None:
    other = [replace(spec, width=32) for spec in RATES]
    mixed = [spec for pair in zip(RATES, other, strict=True) for spec in pair]
    assert set(batches(mixed, "cpu")) == set(batches([*RATES, *other], "cpu"))


@pytest.mark.parametrize(
    "change",
    [
        {"width": 32}, {"depth": 2}, {"n_tokens": 2**15}, {"batch_size": 4}, {"precision": "bf16"}, {"beta2": 0.99},
        {"parametrization": "standard"}, {"evals": 3}, {"init_std": 0.5}, {"z_loss": 1e-4},
    ],
)  # fmt: skip
def test_runs_of_another_shape_do_not_go_together(change: dict[str, object]) -> None:
    assert len(batches([SMALL, replace(SMALL, **change)], "cpu", "8")) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"dropout": 0.1}, {"compile": True}, {"micro_batch": 4}, {"model": "lstm"},
        {"schedule": "wsd", "trunk_tokens": 2**15, "warmup_share": 0.0},
    ],
)  # fmt: skip
def test_what_a_stack_cannot_do_trains_alone(change: dict[str, object]) -> None:
    spec = replace(SMALL, **change)  # type: ignore[arg-type]
    assert not batchable(spec)
    assert batches([spec, replace(spec, seed=1)], "cpu", "8") == [(spec,), (replace(spec, seed=1),)]


def test_stacks_are_made_automatically_for_small_steps_only() -> None:
    large = [replace(spec, batch_size=64, n_tokens=2**16) for spec in RATES]
    assert worthwhile(SMALL, "cpu")
    assert not worthwhile(large[0], "cpu")
    assert len(batches(large, "cpu")) == len(large)
    assert [len(group) for group in batches(large, "cpu", "4")] == [4, 4, 4]
    assert len(batches(RATES, "cpu", "off")) == len(RATES)


def test_an_unknown_batch_is_refused_with_the_known_ones() -> None:
    for batch in ("all", "0", "-1", ""):
        with pytest.raises(UsageError, match="auto, off"):
            batches(RATES, "cpu", batch)
