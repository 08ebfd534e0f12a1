"""Every parametrization's table row by row, and what all of them have in common."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from runners.corpora import CORPORA
from runners.models import FAMILIES
from runners.optimizers import build_optimizer
from runners.parametrizations import PARAMETRIZATIONS, Role, Rule, Scale
from runners.spec import TrainSpec
from runners.store import RunStore
from runners.training import gradients, train, training_examples
from scalelaw.errors import UsageError

INIT_STD = 0.7
FAN_IN = {Role.embedding: 1, Role.input: 16, Role.hidden: 256, Role.norm: 1, Role.bias: 1, Role.readout: 256}
NAMES = PARAMETRIZATIONS.names()
E, I, H, N, B, R = Role.embedding, Role.input, Role.hidden, Role.norm, Role.bias, Role.readout  # noqa: E741

# std, lr, decay, epsilon, output at m = 4, l = 2; fan-in 16 for an input and 256 for the wide ones, so 1/sqrt(fan_in)
# is 1/4 and 1/16, and 1/8 at the base width.
ADAMW = {
    "standard": {E: (0.7, 1, 1, 1, 1), I: (1 / 4, 1, 1, 1, 1), H: (1 / 16, 1, 1, 1, 1), R: (1 / 16, 1, 1, 1, 1),
                 N: (1, 1, 0, 1, 1), B: (1, 1, 0, 1, 1)},
    "mup": {E: (0.7, 1, 1, 1 / 4, 1), I: (1 / 4, 1, 1, 1 / 4, 1), H: (1 / 16, 1 / 4, 4, 1 / 4, 1),
            R: (1 / 8, 1, 1, 1 / 4, 1 / 4), N: (1, 1, 0, 1 / 4, 1), B: (1, 1, 0, 1 / 4, 1)},
    "completep": {E: (0.7, 1, 1, 1 / 4, 1), I: (1 / 4, 1, 1, 1 / 4, 1), H: (1 / 16, 1 / 4, 4, 1 / 8, 1),
                  R: (1 / 8, 1, 1, 1 / 4, 1 / 4), N: (1, 1, 0, 1 / 8, 1), B: (1, 1, 0, 1 / 8, 1)},
    "ntk": {E: (0.7, 1, 1, 1 / 2, 1), I: (1 / 4, 1, 1, 1 / 2, 1), H: (1 / 8, 1 / 2, 2, 1 / 4, 1 / 2),
            R: (1 / 8, 1 / 2, 2, 1 / 2, 1 / 2), N: (1, 1, 0, 1 / 2, 1), B: (1, 1, 0, 1 / 2, 1)},
    "mean_field": {E: (0.7, 1, 1, 1 / 4, 1), I: (1 / 4, 1, 1, 1 / 4, 1), H: (1 / 8, 1 / 2, 2, 1 / 8, 1 / 2),
                   R: (1 / 8, 1, 1, 1 / 4, 1 / 4), N: (1, 1, 0, 1 / 4, 1), B: (1, 1, 0, 1 / 4, 1)},
}  # fmt: skip
SGD = {
    "standard": ADAMW["standard"],
    "mup": {E: (0.7, 4, 1 / 4, 1, 1), I: (1 / 4, 4, 1 / 4, 1, 1), H: (1 / 16, 1, 1, 1, 1),
            R: (1 / 8, 4, 1 / 4, 1, 1 / 4), N: (1, 4, 0, 1, 1), B: (1, 4, 0, 1, 1)},
    "ntk": {E: (0.7, 1, 1, 1, 1), I: (1 / 4, 1, 1, 1, 1), H: (1 / 8, 1, 1, 1, 1 / 2), R: (1 / 8, 1, 1, 1, 1 / 2),
            N: (1, 1, 0, 1, 1), B: (1, 1, 0, 1, 1)},
    "mean_field": {E: (0.7, 4, 1 / 4, 1, 1), I: (1 / 4, 4, 1 / 4, 1, 1), H: (1 / 8, 4, 1 / 4, 1, 1 / 2),
                   R: (1 / 8, 4, 1 / 4, 1, 1 / 4), N: (1, 4, 0, 1, 1), B: (1, 4, 0, 1, 1)},
}  # fmt: skip
"""From the papers' tables, by hand: Yang et al. 2022 (2203.03466) Table 8, Dey et al. 2025 (2505.01618) Table 1,
Yang & Hu 2020 (2011.14522) Table 1, Everett et al. 2024 (2407.05872) Table 1."""


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(("optimizer", "name"), [("adamw", name) for name in ADAMW] + [("sgd", name) for name in SGD])
def test_a_parametrization_follows_its_table(optimizer: str, name: str, role: Role) -> None:
    table = ADAMW if optimizer == "adamw" else SGD
    rule = PARAMETRIZATIONS[name].rule(role, FAN_IN[role], Scale(4.0, 2.0, optimizer, INIT_STD))
    assert rule == Rule(*map(pytest.approx, table[name][role]))  # type: ignore[arg-type]
    assert rule.role is role


def test_the_tables_hold_every_parametrization_and_optimizer() -> None:
    assert {(name, "adamw") for name in ADAMW} | {(name, "sgd") for name in SGD} == {
        (kind.name, optimizer) for kind in PARAMETRIZATIONS for optimizer in kind.optimizers
    }


@pytest.mark.parametrize(("name", "multiplier"), [(name, 0.25 if name == "completep" else 1.0) for name in NAMES])
def test_only_completep_divides_branches_by_the_depth(name: str, multiplier: float) -> None:
    assert PARAMETRIZATIONS[name].branch(Scale(l=4.0)) == multiplier


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", NAMES)
def test_all_coincide_at_the_base_shape(name: str, role: Role) -> None:
    """Exactly, so that they train to the same bits."""
    for optimizer in PARAMETRIZATIONS[name].optimizers:
        scale = Scale(1.0, 1.0, optimizer, INIT_STD)
        assert PARAMETRIZATIONS[name].rule(role, FAN_IN[role], scale) == PARAMETRIZATIONS["standard"].rule(
            role, FAN_IN[role], scale
        )
        assert PARAMETRIZATIONS[name].branch(scale) == 1.0


@pytest.mark.parametrize("name", NAMES)
@given(m=st.floats(1 / 64, 64), l=st.floats(1 / 16, 16))
def test_rate_times_decay_follows_no_size_and_gains_never_decay(name: str, m: float, l: float) -> None:  # noqa: E741
    """Both optimizers shrink a weight by rate x decay a step, which must stay."""
    for optimizer in PARAMETRIZATIONS[name].optimizers:
        for role in Role:
            rule = PARAMETRIZATIONS[name].rule(role, FAN_IN[role], Scale(m, l, optimizer))
            assert rule.lr * rule.decay == pytest.approx(0.0 if role in (Role.norm, Role.bias) else 1.0)


@pytest.mark.parametrize("name", NAMES)
@given(m=st.floats(1 / 64, 64))
def test_a_product_s_initial_size_is_that_of_the_standard_one_but_for_the_read_out_s(name: str, m: float) -> None:
    """output x std x sqrt(fan_in): 1 for a hidden matrix; a read-out's falls as the parametrization says."""
    scale, kind = Scale(m), PARAMETRIZATIONS[name]
    fan_in = 64 * m  # a real number here, as the base width is 64
    hidden, readout = (kind.rule(role, fan_in, scale) for role in (Role.hidden, Role.readout))  # type: ignore[arg-type]
    assert hidden.output * hidden.std * math.sqrt(fan_in) == pytest.approx(1.0)
    assert readout.output * readout.std * math.sqrt(fan_in) == pytest.approx(m**kind.output_exponent)


def test_every_parametrization_names_its_source() -> None:
    assert all(kind.source for kind in PARAMETRIZATIONS)


def test_an_unknown_parametrization_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'sp'. Known: completep, mean_field, mup, ntk, standard"):
        PARAMETRIZATIONS["sp"]


def test_completep_has_no_rules_for_sgd() -> None:
    with pytest.raises(UsageError, match="completep has rules for adamw; found sgd"):
        TrainSpec("markov", 32, 2, n_tokens=2560, parametrization="completep", optimizer="sgd")


BASE = TrainSpec(
    "markov", 32, 2, n_tokens=1280, base_width=32, base_depth=2, batch_size=4, context=32, val_tokens=512, evals=3,
    weight_decay=0.3, epsilon=1e-3,
)  # fmt: skip


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_all_train_to_the_same_bits_at_the_base_shape(optimizer: str, tmp_path: Path) -> None:
    """With every option on that a parametrization scales."""
    store = RunStore(tmp_path)
    names = [kind.name for kind in PARAMETRIZATIONS if optimizer in kind.optimizers]
    runs = [train(replace(BASE, parametrization=name, optimizer=optimizer), store, "cpu") for name in names]
    assert len({run["loss"] for run in runs}) == 1
    curves = [_curve(store.folder(run["run_id"]) / "metrics.jsonl") for run in runs]
    assert all(curve == curves[0] for curve in curves)


def _curve(path: Path) -> list[tuple[float, float]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(line["train_loss"], line["grad_norm"]) for line in lines if "train_loss" in line]


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_mean_field_is_mup_in_other_coordinates(optimizer: str) -> None:
    """Four times as wide as the base, to rounding, with decay and a large epsilon, without clipping."""
    wide = replace(BASE, width=128, optimizer=optimizer, grad_clip=1e9)
    mup, mean_field, ntk = (losses(replace(wide, parametrization=name)) for name in ("mup", "mean_field", "ntk"))
    assert mean_field == pytest.approx(mup, rel=1e-4)
    assert ntk[-1] != pytest.approx(mup[-1], rel=1e-3)


def losses(spec: TrainSpec) -> list[float]:
    """The training loss of each step at the peak rate."""
    source = CORPORA[spec.corpus]
    torch.manual_seed(0)
    model = FAMILIES[spec.model].build(spec, source)
    optimizer, examples = build_optimizer(model, spec), training_examples(spec, source)
    found = []
    for step in range(spec.steps):
        found.append(gradients(spec, source, model, model, examples, step, "cpu")[0])
        optimizer.step()
    return found
