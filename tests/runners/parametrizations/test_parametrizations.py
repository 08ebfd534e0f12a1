"""The muP table row by row, and what every parametrization has in common."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.parametrizations import PARAMETRIZATIONS, Role, Rule
from runners.spec import TrainSpec
from runners.store import RunStore
from runners.training import train
from scalelaw.errors import UsageError

INIT_STD = 0.7
FAN_IN = {Role.embedding: 1, Role.hidden: 256, Role.norm: 1, Role.readout: 256}
TABLE = {
    Role.embedding: Rule(std=INIT_STD, lr=1, decay=1, epsilon=1 / 4, output=1),
    Role.hidden: Rule(std=1 / 16, lr=1 / 4, decay=4, epsilon=1 / 4, output=1),
    Role.norm: Rule(std=1, lr=1, decay=0, epsilon=1 / 4, output=1),
    Role.readout: Rule(std=1 / 8, lr=1, decay=1, epsilon=1 / 4, output=1 / 4),
}
"""muP at m = 4 (Yang et al. 2022, arXiv 2203.03466, Table 8; epsilon from Everett et al. 2024, arXiv 2407.05872)."""


@pytest.mark.parametrize("role", Role)
def test_mup_follows_its_table(role: Role) -> None:
    assert PARAMETRIZATIONS["mup"].rule(role, FAN_IN[role], 4.0, INIT_STD) == TABLE[role]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("m", [0.5, 1.0, 8.0])
def test_standard_does_not_know_the_base_width(role: Role, m: float) -> None:
    rule = PARAMETRIZATIONS["standard"].rule(role, FAN_IN[role], m, INIT_STD)
    assert rule == PARAMETRIZATIONS["standard"].rule(role, FAN_IN[role], 1.0, INIT_STD)
    assert (rule.lr, rule.epsilon, rule.output) == (1, 1, 1)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", PARAMETRIZATIONS.names())
def test_all_coincide_at_the_base_width(name: str, role: Role) -> None:
    standard = PARAMETRIZATIONS["standard"].rule(role, FAN_IN[role], 1.0, INIT_STD)
    assert PARAMETRIZATIONS[name].rule(role, FAN_IN[role], 1.0, INIT_STD) == standard


@pytest.mark.parametrize("name", PARAMETRIZATIONS.names())
@given(m=st.floats(1 / 64, 64))
def test_rate_times_decay_and_norms_do_not_follow_the_width(name: str, m: float) -> None:
    """AdamW shrinks a weight by rate x decay a step, which must stay; gains have no decay."""
    hidden = PARAMETRIZATIONS[name].rule(Role.hidden, 256, m, INIT_STD)
    assert hidden.lr * hidden.decay == pytest.approx(1.0)
    assert PARAMETRIZATIONS[name].rule(Role.norm, 1, m, INIT_STD).decay == 0.0


def test_every_parametrization_names_its_source() -> None:
    assert all(kind.source for kind in PARAMETRIZATIONS)


def test_an_unknown_parametrization_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'ntk'. Known: mup, standard"):
        PARAMETRIZATIONS["ntk"]


def test_standard_and_mup_train_to_the_same_bits_at_the_base_width(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    spec = TrainSpec("markov", 32, 2, n_tokens=2560, base_width=32, batch_size=4, context=32, val_tokens=1024, evals=3)
    runs = [train(dataclasses.replace(spec, parametrization=name), store, "cpu") for name in ("standard", "mup")]
    assert runs[0]["loss"] == runs[1]["loss"]
    curves = [_curve(tmp_path / run["run_id"] / "metrics.jsonl") for run in runs]
    assert curves[0] == curves[1]


def _curve(path: Path) -> list[tuple[float, float]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(line["train_loss"], line["grad_norm"]) for line in lines]
