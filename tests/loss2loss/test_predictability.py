"""Losses that follow are told from those that do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import scalelaw as sl
from scalelaw.loss2loss import predictable
from tests.loss2loss.sweeps import loss_y, sweeps


def table() -> sl.RunTable:
    x, _ = sweeps(0.002)
    rng = np.random.default_rng(5)
    noise = np.exp(0.2 * rng.standard_normal(len(x)))
    rising = 5.0 - x.loss / 2
    return replace(x, extras={"follows": loss_y(x.loss), "noise": 2.0 * noise, "rises": rising, "words": rising > 3})


def test_a_loss_that_follows_comes_first_and_one_that_rises_says_why_it_cannot_be_told() -> None:
    found = {one.column: one for one in predictable(table(), ["rises", "noise", "follows"])}
    assert next(iter(found)) == "follows"
    assert found["follows"].error < 0.02
    assert found["follows"].verdict == "predictable"
    assert found["follows"].error < found["follows"].naive
    assert found["rises"].verdict.startswith("not predictable: ")
    assert found["noise"].verdict.startswith("not predictable: ")


def test_a_share_that_leaves_nothing_to_fit_is_refused() -> None:
    with pytest.raises(sl.UsageError, match="leaves too few to fit"):
        predictable(table(), ["follows"], share=0.95)
