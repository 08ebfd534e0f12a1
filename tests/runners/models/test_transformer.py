"""The transformer is what its shape says, and its parametrization reaches every tensor."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from runners.models.transformer import Linear, Table, Transformer, parameter_groups
from runners.parametrizations import PARAMETRIZATIONS
from runners.spec import TrainSpec

VOCAB = 50
SPEC = TrainSpec("markov", width=64, depth=2, n_tokens=2**16, base_width=32, batch_size=2, context=24)
SHAPES = [(32, 1, 16, 4), (64, 2, 16, 4), (48, 3, 8, 3), (16, 2, 16, 1)]

every_shape = pytest.mark.parametrize(("width", "depth", "head_dim", "ff_ratio"), SHAPES)
every_parametrization = pytest.mark.parametrize("parametrization", PARAMETRIZATIONS.names())


def random_tokens(B: int = 2, T: int = SPEC.context) -> torch.Tensor:
    return torch.randint(VOCAB, (B, T), generator=torch.Generator().manual_seed(1))


@every_shape
@every_parametrization
def test_parameter_counts_are_those_of_the_shape(
    parametrization: str, width: int, depth: int, head_dim: int, ff_ratio: int
) -> None:
    spec = replace(
        SPEC, parametrization=parametrization, width=width, depth=depth, head_dim=head_dim, ff_ratio=ff_ratio
    )
    counts = {name: p.numel() for name, p in Transformer(spec, VOCAB).named_parameters()}
    tables = {"tokens.weight", "positions.weight", "readout.weight"}
    assert sum(counts.values()) == spec.shape(VOCAB).params_all()
    assert sum(n for name, n in counts.items() if name not in tables) == spec.shape(VOCAB).params_non_embedding()


@every_shape
@every_parametrization
def test_flops_are_those_torch_counts_on_the_unfused_path(
    parametrization: str, width: int, depth: int, head_dim: int, ff_ratio: int
) -> None:
    spec = replace(
        SPEC, parametrization=parametrization, width=width, depth=depth, head_dim=head_dim, ff_ratio=ff_ratio
    )
    model, tokens_BT = Transformer(spec, VOCAB), random_tokens()
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        torch.autograd.backward(cross_entropy(model(tokens_BT).flatten(0, 1), tokens_BT.flatten()))
    assert counter.get_total_flops() == spec.shape(VOCAB).flops_per_token_exact() * tokens_BT.numel()


def test_a_token_is_predicted_from_the_past_alone() -> None:
    model, tokens_BT = Transformer(SPEC, VOCAB), random_tokens()
    changed = tokens_BT.clone()
    changed[:, 10] = (changed[:, 10] + 1) % VOCAB
    with torch.no_grad():
        before, after = model(tokens_BT), model(changed)
    assert torch.equal(before[:, :10], after[:, :10])
    assert not torch.allclose(before[:, 10:], after[:, 10:])


def test_the_seed_decides_the_weights_whatever_torch_has_drawn_before() -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.randn(seed + 3)
        return torch.cat([p.flatten() for p in Transformer(replace(SPEC, seed=seed), VOCAB).parameters()])

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


@every_parametrization
def test_tensors_start_with_the_deviation_of_their_rule(parametrization: str) -> None:
    """Within five standard errors of a Gaussian's deviation, 1/sqrt(2 n)."""
    model = Transformer(replace(SPEC, width=128, parametrization=parametrization, init_std=0.3), VOCAB)
    for name, module in model.named_modules():
        if isinstance(module, (Linear, Table)):
            tolerance = 5 / math.sqrt(2 * module.weight.numel())
            assert module.weight.std().item() == pytest.approx(module.rule.std, rel=tolerance), name


@every_parametrization
def test_the_optimizer_trains_every_parameter_once_by_its_rule(parametrization: str) -> None:
    spec = replace(SPEC, parametrization=parametrization, lr=0.5, weight_decay=0.3, epsilon=1e-6)
    model = Transformer(spec, VOCAB)
    groups = {id(p): group for group in parameter_groups(model, spec) for p in group["params"]}
    assert len(groups) == sum(len(group["params"]) for group in parameter_groups(model, spec))
    assert groups.keys() == {id(p) for p in model.parameters()}
    for module in model.modules():
        if hasattr(module, "rule"):
            group = groups[id(module.weight)]
            assert group["lr"] == 0.5 * module.rule.lr == 0.5 * group["lr_multiplier"]
            assert group["weight_decay"] == 0.3 * module.rule.decay
            assert group["eps"] == 1e-6 * module.rule.epsilon


def test_a_read_out_that_starts_at_zero_says_nothing() -> None:
    model = Transformer(replace(SPEC, zero_readout=True), VOCAB)
    assert not model(random_tokens()).any()


def test_the_read_out_of_mup_is_divided_by_the_width_ratio() -> None:
    model = Transformer(replace(SPEC, parametrization="mup"), VOCAB)
    x = torch.randn(3, SPEC.width)
    torch.testing.assert_close(model.readout(x), x @ model.readout.weight.T / 2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_cuda_device_computes_the_same_logits() -> None:
    model, tokens_BT = Transformer(SPEC, VOCAB), random_tokens()
    with torch.no_grad():
        expected = model(tokens_BT)
        found = model.to("cuda")(tokens_BT.to("cuda")).cpu()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
