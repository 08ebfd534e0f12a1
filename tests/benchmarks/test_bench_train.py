"""What `bench_train` compares does the same work."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from runners.corpora import CORPORA
from runners.models import FAMILIES
from tests.benchmarks.bench_train import minimal, our_steps, spec_of
from tests.benchmarks.minimal_gpt import GPT


@pytest.mark.parametrize(("precision", "rtol"), [("fp32", 1e-5), ("bf16", 1e-2)])
def test_both_loops_follow_one_loss_curve(precision: str, rtol: float) -> None:
    """The same weights, data and updates: every loss of 30 steps."""
    torch.set_num_threads(1)
    spec = spec_of(32, precision, depth=2, batch=4, context=32)
    spec = replace(spec, n_tokens=30 * spec.tokens_per_step)
    np.testing.assert_allclose(
        list(our_steps(spec, "cpu")), np.array(list(minimal(spec, "cpu", log_every=1)), dtype=float), rtol=rtol
    )


def test_the_yardstick_has_the_parameters_that_are_counted() -> None:
    spec = spec_of(64)
    source = CORPORA[spec.corpus]
    model = GPT(spec.width, spec.depth, spec.width // spec.head_dim, source.outputs, spec.context)
    n_params = sum(parameter.numel() for parameter in model.parameters())
    assert n_params == FAMILIES[spec.model].counts(spec, source).n_params
