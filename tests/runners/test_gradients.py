"""One step: parts of a batch, the z-loss and the decay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from runners import training
from runners.corpora import CORPORA
from runners.models import FAMILIES
from runners.spec import TrainSpec
from tests.runners.small import SMALL


def one_step(spec: TrainSpec) -> tuple[float, list[torch.Tensor]]:
    """The loss and the clipped gradients of the first step."""
    source = CORPORA[spec.corpus]
    model = FAMILIES[spec.model].build(spec, source)
    examples = training.training_examples(spec, source)
    loss, _ = training.gradients(spec, source, model, model, examples, 0, "cpu")
    return loss, [parameter.grad for parameter in model.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("fields", [{}, {"z_loss": 0.1}, {"tied": True, "kv_heads": 1, "head_dim": 4}])
def test_passes_over_parts_of_a_batch_add_up_to_the_whole(fields: dict[str, Any]) -> None:
    whole_loss, whole_gradients = one_step(replace(SMALL, **fields))
    for micro in (1, 2, 4):
        loss, gradients = one_step(replace(SMALL, micro_batch=micro, **fields))
        assert loss == pytest.approx(whole_loss, rel=1e-5)
        for part, known in zip(gradients, whole_gradients, strict=True):
            torch.testing.assert_close(part, known, rtol=1e-4, atol=1e-6)


def test_the_loss_that_is_logged_is_without_the_z_loss() -> None:
    """Which moves the gradients and nothing else."""
    plain, with_it = one_step(SMALL), one_step(replace(SMALL, z_loss=1.0))
    assert plain[0] == with_it[0]
    assert not torch.allclose(plain[1][-1], with_it[1][-1])


@pytest.mark.parametrize("lr", [2.0**-6, 2.0**-10])
def test_an_independent_decay_takes_its_share_whatever_the_rate(lr: float) -> None:
    """With gradients of zero a matrix keeps 1 - weight_decay x schedule of itself, at every width."""
    spec = replace(SMALL, width=64, lr=lr, weight_decay=0.1, independent_decay=True)
    model = FAMILIES["transformer"].build(spec, CORPORA["markov"])
    optimizer = training.build_optimizer(model, spec)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    training.set_rate(optimizer, spec.lr * 0.5)
    optimizer.step()
    for name, parameter in model.named_parameters():
        kept = 1.0 if parameter.dim() == 1 else 0.95
        torch.testing.assert_close(parameter.detach(), kept * before[name], rtol=1e-5, atol=1e-7)
