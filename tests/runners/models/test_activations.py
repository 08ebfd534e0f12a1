"""Activations by their formulas."""

from __future__ import annotations

import math

import pytest
import torch

from runners.models._activations import POINTWISE, activate
from runners.spec import CHOICES


def test_swiglu_gates_the_second_half_by_the_first() -> None:
    """silu(a) b, silu(a) = a / (1 + exp(-a)), by hand for a = 1 and -2, b = 3 and 5."""
    found = activate("swiglu", torch.tensor([[1.0, -2.0, 3.0, 5.0]]))
    assert found[0].tolist() == pytest.approx([3 / (1 + math.exp(-1)), -10 / (1 + math.exp(2))])


def test_every_activation_a_spec_knows_is_one() -> None:
    assert {*POINTWISE, "swiglu"} == set(CHOICES["activation"])
    x = torch.linspace(-3, 3, 8)
    for name in POINTWISE:
        assert activate(name, x).shape == x.shape
