"""Twenty steps of every family on a CPU, loss by loss, as they were when the curves were last written.

    .venv/bin/python -m tests.runners.test_golden

writes them again, to be done only where a change of the numbers is wanted.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.runners.models.members import LETTERS, OPTIONS, PICTURES, POINTS, Member, member

FOLDER = Path(__file__).with_name("golden")
AWAY_FROM_BASE = {"width": 16, "base_width": 8, "depth": 2, "base_depth": 1}

CURVES = {
    "transformer": member(LETTERS, "transformer", 20, **AWAY_FROM_BASE),
    "transformer_with_options": member(
        LETTERS, "transformer", 20, **AWAY_FROM_BASE, **OPTIONS, parametrization="completep"
    ),
    "transformer_from_zero": member(
        LETTERS, "transformer", 20, **AWAY_FROM_BASE, zero_query=True, zero_readout=True, parametrization="mean_field"
    ),
    "lstm": member(LETTERS, "lstm", 20, **AWAY_FROM_BASE),
    "mlp": member(POINTS, "mlp", 20, **AWAY_FROM_BASE, optimizer="sgd", parametrization="ntk"),
    "mlp_of_images": member(PICTURES, "mlp", 20, **AWAY_FROM_BASE, activation="tanh"),
    "resnet": member(PICTURES, "resnet", 20, **AWAY_FROM_BASE),
    "vit": member(PICTURES, "vit", 20, **AWAY_FROM_BASE, activation="swiglu"),
}


def curve(member: Member) -> list[float]:
    """On one thread, as `train` does it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return member.curve()[0]
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("name", CURVES)
def test_twenty_steps_follow_the_golden_curve(name: str) -> None:
    """The tolerance allows for another processor's order of summation, and for nothing else."""
    golden = json.loads((FOLDER / f"{name}.json").read_text())
    np.testing.assert_allclose(curve(CURVES[name]), golden["train_loss"], rtol=2e-4)


def test_every_golden_curve_is_of_a_run_here() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == CURVES.keys()


def write() -> None:
    """All curves, over those that are there."""
    FOLDER.mkdir(exist_ok=True)
    for name, made in CURVES.items():
        (FOLDER / f"{name}.json").write_text(json.dumps({"train_loss": curve(made)}, indent=1) + "\n")


if __name__ == "__main__":
    write()
