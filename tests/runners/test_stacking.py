"""A stack computes what its members compute, and no member sees another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from runners.batching import FAMILIES as BATCHED
from runners.corpora import CORPORA
from runners.models import FAMILIES
from runners.optimizers import build_optimizer, set_rate
from runners.schedules import lr_share
from runners.spec import TrainSpec
from runners.stacking import Stack
from runners.together import gradients as stacked_gradients
from runners.training import gradients, training_examples

STEPS = 12
SHAPES: dict[str, dict[str, Any]] = {
    "transformer": {"corpus": "markov", "model": "transformer", "context": 16},
    "every option": {
        "corpus": "markov", "model": "transformer", "context": 17, "positions": "rope", "activation": "swiglu",
        "qk_norm": True, "kv_heads": 1, "tied": True, "z_loss": 1e-3,
    },
    "half precision": {"corpus": "markov", "model": "transformer", "context": 16, "precision": "bf16"},
    "mlp": {"corpus": "random_features", "model": "mlp", "context": 1},
    "vit": {"corpus": "digits_classes", "model": "vit", "context": 1},
    "lstm": {"corpus": "markov", "model": "lstm", "context": 8},
    "resnet": {"corpus": "digits_classes", "model": "resnet", "context": 1},
}  # fmt: skip
every_shape = pytest.mark.parametrize("shape", SHAPES)
every_optimizer = pytest.mark.parametrize("optimizer", ["adamw", "sgd"])


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def members(shape: str, optimizer: str = "adamw") -> list[TrainSpec]:
    """Specs that differ in everything members may differ in."""
    fields = SHAPES[shape]
    base = TrainSpec(
        **fields, width=16, depth=1, n_tokens=STEPS * 4 * fields["context"], batch_size=4, optimizer=optimizer,
        parametrization="standard", base_width=8, head_dim=8 if fields["model"] != "vit" else 4, lr=2.0**-7,
    )  # fmt: skip
    return [
        base,
        replace(base, lr=2.0**-6, epsilon=1e-4),
        replace(base, seed=1),
        replace(base, weight_decay=0.5, schedule="linear"),
        replace(base, grad_clip=0.05, independent_decay=optimizer == "adamw"),
    ]


Curves = list[list[tuple[float, float]]]


def together(specs: Sequence[TrainSpec], parts: Sequence[Sequence[int]]) -> Curves:
    """Loss and gradient norm of every member's steps, trained in these stacks."""
    source = CORPORA[specs[0].corpus]
    models = [FAMILIES[spec.model].build(spec, source) for spec in specs]
    optimizers = [build_optimizer(model, spec) for model, spec in zip(models, specs, strict=True)]
    examples = [training_examples(spec, source) for spec in specs]
    curves: Curves = [[] for _ in specs]
    for part in parts:
        stack = Stack([models[k] for k in part], [optimizers[k] for k in part])
        for step in range(STEPS):
            own = [specs[k] for k in part]
            results = stacked_gradients(stack, own, [examples[k] for k in part], source, step, "cpu")
            for k, result in zip(part, results, strict=True):
                curves[k].append(result)
                set_rate(optimizers[k], specs[k].lr * lr_share(specs[k], step))
            stack.step()
    return curves


def alone(spec: TrainSpec) -> list[tuple[float, float]]:
    source = CORPORA[spec.corpus]
    model = FAMILIES[spec.model].build(spec, source)
    optimizer, examples, curve = build_optimizer(model, spec), training_examples(spec, source), []
    for step in range(STEPS):
        set_rate(optimizer, spec.lr * lr_share(spec, step))
        curve.append(gradients(spec, source, model, model, examples, step, "cpu"))
        optimizer.step()
    return curve


@every_shape
@every_optimizer
def test_members_learn_what_they_learn_alone(shape: str, optimizer: str) -> None:
    """Losses and gradient norms of every step; half precision rounds a thousand times more coarsely."""
    specs = members(shape, optimizer)
    found = torch.tensor(together(specs, [range(len(specs))]))
    expected = torch.tensor([alone(spec) for spec in specs])
    rtol = 1e-2 if shape == "half precision" else 1e-5
    torch.testing.assert_close(found, expected, rtol=rtol, atol=0.0)
    assert len(set(expected[:, -1, 0].tolist())) == len(specs)


@pytest.mark.parametrize("shape", [name for name, fields in SHAPES.items() if fields["model"] in BATCHED])
@every_optimizer
def test_a_members_numbers_do_not_depend_on_its_company(shape: str, optimizer: str) -> None:
    """To the bit: so a sweep that was interrupted may go on with the members that are left."""
    specs = members(shape, optimizer)
    assert together(specs, [[0, 1, 2, 3, 4]]) == together(specs, [[3], [0, 4], [1, 2]])


def test_what_is_not_a_number_stays_with_its_member() -> None:
    """A member whose weights are infinite: everyone else's loss, gradient, norm and update stay as they were."""
    specs = members("every option")
    source = CORPORA["markov"]

    def one_step(broken: bool) -> tuple[list[tuple[float, float]], list[torch.Tensor]]:
        models = [FAMILIES[spec.model].build(spec, source) for spec in specs]
        optimizers = [build_optimizer(model, spec) for model, spec in zip(models, specs, strict=True)]
        stack = Stack(models, optimizers)
        if broken:
            for parameter in models[2].parameters():
                parameter.data.fill_(float("inf"))
        results = stacked_gradients(stack, specs, [training_examples(s, source) for s in specs], source, 0, "cpu")
        stack.step()
        weights = [torch.cat([p.flatten() for p in model.parameters()]) for model in models]
        return [results[k] for k in (0, 1, 3, 4)], [weights[k] for k in (0, 1, 3, 4)]

    results, weights = one_step(broken=True)
    expected_results, expected_weights = one_step(broken=False)
    assert results == expected_results
    assert all(map(torch.equal, weights, expected_weights))


def test_members_stay_models_and_optimizers_of_their_own() -> None:
    """They see what the stack learns, and can be stacked again with others without losing anything."""
    spec, other = members("transformer")[:2]
    source = CORPORA["markov"]
    models = [FAMILIES[s.model].build(s, source) for s in (spec, other)]
    optimizers = [build_optimizer(model, s) for model, s in zip(models, (spec, other), strict=True)]
    before = [p.clone() for p in models[0].parameters()]
    stack = Stack(models, optimizers)
    stacked_gradients(stack, [spec, other], [training_examples(s, source) for s in (spec, other)], source, 0, "cpu")
    stack.step()
    assert not any(map(torch.equal, before, models[0].parameters()))
    state = optimizers[0].state_dict()["state"]
    assert {float(held["step"]) for held in state.values()} == {1.0}
    moments = [held["exp_avg"].clone() for held in state.values()]
    assert all(moment.any() for moment in moments)
    Stack(models[:1], optimizers[:1])
    again = [held["exp_avg"] for held in optimizers[0].state_dict()["state"].values()]
    assert all(map(torch.equal, moments, again))
