"""From N and D to a spec: how near it comes, what holds of it, and that it trains."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runners.models import FAMILIES
from runners.realising import FAR, Given, counts_of, realise, step_of
from runners.spec import TrainSpec
from runners.store import RunStore
from runners.sweeps import estimate
from runners.templates import default_template
from runners.training import train
from scalelaw.counting import PARAMS_CONVENTIONS
from scalelaw.errors import UsageError

BASE = TrainSpec("docs", 32, 2, 2**62)
CONVENTIONS = st.sampled_from(sorted(PARAMS_CONVENTIONS))


def between(low: float, high: float) -> st.SearchStrategy[float]:
    """Log-spaced, so that every size is tried as often."""
    return st.floats(math.log(low), math.log(high)).map(math.exp)


@settings(max_examples=150, deadline=None)
@given(n_params=between(1e5, 1e12), ratio=between(1, 2000), convention=CONVENTIONS)
def test_the_default_family_comes_near_to_every_size(n_params: float, ratio: float, convention: str) -> None:
    """Within 5 % from 2M parameters on, and within 7 % below, where shapes are few; a note says so above 5 %."""
    family = default_template(n_params)
    assert family.aspect is not None
    n_tokens = n_params * ratio
    found = realise(
        n_params,
        n_tokens,
        family.spec,
        aspect=family.aspect,
        convention=convention,
        batch_tokens=family.batch(n_tokens),
    )
    spec = found.spec
    assert abs(found.error) < (0.05 if n_params >= 2e6 else 0.07)
    assert (abs(found.error) > FAR) == any("no member with the family's depth" in note for note in found.notes)
    assert spec.width % spec.head_dim == 0
    assert spec.width % step_of(spec.width, spec) == 0
    assert found.heads == spec.width // spec.head_dim
    assert 1 / 3.1 < spec.width / spec.depth / family.aspect < 3.1
    assert n_tokens - spec.tokens_per_step <= found.n_tokens <= n_tokens + 1
    if spec.micro_batch:
        assert spec.batch_size % spec.micro_batch == 0


@settings(max_examples=50, deadline=None)
@given(n_params=between(3e6, 1e12), convention=CONVENTIONS)
def test_a_depth_that_is_held_leaves_the_width_within_half_a_step(n_params: float, convention: str) -> None:
    found = realise(n_params, 1e9, BASE, convention=convention)
    assert found.spec.depth == BASE.depth
    step = step_of(found.spec.width, found.spec)
    assert abs(found.error) <= 1.1 * step / found.spec.width


@pytest.mark.parametrize("convention", PARAMS_CONVENTIONS)
def test_n_is_counted_by_the_convention(convention: str) -> None:
    found = realise(1e7, 1e8, BASE, aspect=32, convention=convention)
    counts = counts_of(found.spec)
    by_hand = {
        "all": counts.n_params,
        "non_embedding": counts.n_params_non_embedding,
        "kaplan": 12 * found.spec.depth * found.spec.width**2,
    }
    assert found.n_params == by_hand[convention]
    assert found.counts == counts


def test_counts_and_flops_are_those_of_a_sweeps_plan() -> None:
    found = realise(3e5, 1e7, BASE, aspect=16)
    planned = estimate(found.spec)
    assert (planned.n_params, planned.n_tokens, planned.flops) == (found.n_params, found.n_tokens, found.flops)
    assert found.flops_6nd == 6 * found.n_params * found.n_tokens


def test_seventy_billion_parameters_are_realised_without_building_anything() -> None:
    family = default_template(70e9)
    found = realise(70e9, 1.4e12, family.spec, aspect=family.aspect, batch_tokens=family.batch(1.4e12))
    assert abs(found.error) < 0.02
    assert found.flops == pytest.approx(5.88e23, rel=0.05)
    assert found.memory is not None
    assert found.memory.total > 16 * found.n_params


@pytest.mark.parametrize("model", ["lstm", "transformer"])
@pytest.mark.parametrize("n_params", [1e5, 1e6, 1e8])
def test_the_nearest_is_no_farther_than_its_neighbours(model: str, n_params: float) -> None:
    found = realise(n_params, 1e9, replace(BASE, model=model))
    step = step_of(found.spec.width, found.spec)
    for width in (found.spec.width - step, found.spec.width + step):
        other = counts_of(replace(found.spec, width=width)).n_params
        assert abs(found.n_params / n_params - 1) <= abs(other / n_params - 1) + 0.01


@pytest.mark.parametrize(
    ("model", "corpus", "context"),
    [("mlp", "digits_classes", 1), ("resnet", "digits_classes", 1), ("vit", "digits_classes", 1)],
)
def test_other_families_are_realised_as_well(model: str, corpus: str, context: int) -> None:
    pytest.importorskip("sklearn")
    found = realise(1e6, 1e5, replace(BASE, corpus=corpus, model=model, context=context), aspect=32)
    assert abs(found.error) < 0.05
    assert found.memory is not None
    assert (found.heads is not None) == ("head_dim" in FAMILIES[model].reads)


@pytest.mark.parametrize("head_dim", [24, 48, 80])
@pytest.mark.parametrize(("n_params", "multiple"), [(1e6, 8), (3e8, 64), (1e10, 128)])
def test_widths_fill_tiles_whatever_the_size_of_a_head(head_dim: int, n_params: float, multiple: int) -> None:
    found = realise(n_params, 1e9, replace(BASE, head_dim=head_dim, corpus="markov"), aspect=8 * n_params**0.12)
    assert found.spec.width % multiple == 0
    assert found.spec.width % head_dim == 0


def test_heads_that_share_keys_stay_whole_groups() -> None:
    found = realise(1e6, 1e8, replace(BASE, kv_heads=4), aspect=32)
    assert found.heads is not None
    assert found.heads % 4 == 0


def test_a_given_batch_is_rounded_to_whole_sequences_and_passes() -> None:
    found = realise(1e5, 1e7, BASE, batch_tokens=Given(1000.0, "said"))
    assert found.spec.batch_size == 16
    assert "batch size: said" in found.notes
    passes = realise(1e5, 1e7, replace(BASE, batch_size=12, micro_batch=6), batch_tokens=Given(1000.0, "said"))
    assert passes.spec.batch_size == 18
    assert realise(1e5, 1e7, BASE, batch_tokens=Given(1.0, "said")).spec.batch_size == 1


def test_the_learning_rate_stays_under_mup_unless_one_is_given() -> None:
    base = replace(BASE, lr=0.02)
    assert realise(1e7, 1e8, base).spec.lr == 0.02
    assert realise(1e7, 1e8, base, learning_rate=Given(0.007, "said")).spec.lr == 0.007


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"parametrization": "standard"}, "standard does not carry it"),
        ({"depth": 3}, "muP carries the learning rate over width; depth 3"),
        ({}, "the batch of 32 sequences is the template's"),
    ],
)
def test_what_is_not_transferred_is_said(changes: dict[str, object], note: str) -> None:
    found = realise(1e6, 1e8, replace(BASE, **changes))  # type: ignore[arg-type]
    assert any(note in text for text in found.notes)


def test_completep_over_depth_and_mup_over_width_need_no_word() -> None:
    for base, aspect in ((BASE, None), (replace(BASE, parametrization="completep"), 32.0)):
        found = realise(1e6, 1e8, base, aspect=aspect)
        assert not any("learning rate" in note for note in found.notes)


def test_a_held_depth_that_makes_a_model_too_wide_is_said() -> None:
    assert any("aspect = 64" in note for note in realise(7e9, 1e11, BASE).notes)


@pytest.mark.parametrize(
    ("wanted", "changes", "convention", "message"),
    [
        ((0.0, 1e6), {}, "all", "n_params must be a number, at least 1; found 0"),
        ((1e6, float("nan")), {}, "all", "n_tokens must be a number"),
        ((1e6, 1e6), {}, "active", "Unknown convention 'active'"),
        ((1e6, 1e6), {"model": "lstm"}, "kaplan", "12 L d^2 counts a transformer; found the family lstm"),
        ((1e3, 1e6), {}, "all", "No transformer for the corpus docs comes near to 1000 parameters"),
        ((1e6, 1e6), {"model": "vit"}, "all", "The family vit reads images; docs gives tokens"),
        ((1e6, 1e6), {"kv_heads": 3, "head_dim": 7, "positions": "rope"}, "all", "Rotary positions"),
        ((1e30, 1e6), {}, "all", "comes near to 1e+30 parameters"),
        ((1e6, 1e3), {}, "all", "less than one step"),
    ],
)
def test_what_cannot_be_realised_is_refused(
    wanted: tuple[float, float], changes: dict[str, object], convention: str, message: str
) -> None:
    with pytest.raises(UsageError) as refused:
        realise(*wanted, replace(BASE, **changes), convention=convention)  # type: ignore[arg-type]
    assert message in str(refused.value)


def test_a_realised_spec_trains(tmp_path: Path) -> None:
    family = default_template(1e5, "markov")
    base = replace(family.spec, val_tokens=2**10, evals=1)
    found = realise(1e5, 5000, base, aspect=family.aspect, batch_tokens=Given(512.0, "said"))
    record = train(found.spec, RunStore(tmp_path), device="cpu")
    assert record["status"] == "finished"
    assert record["n_params"] == found.n_params
    assert record["n_tokens"] == found.n_tokens
    assert record["flops"] == found.flops
