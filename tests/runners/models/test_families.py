"""What holds of every family: exact counts, a rule for every tensor, one network at the base shape, stacks."""

from __future__ import annotations

import copy
import math
import shutil

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from runners.models import FAMILIES
from runners.models._layers import Ruled, Table
from runners.optimizers import parameter_groups
from runners.parametrizations import PARAMETRIZATIONS, Role
from runners.validation import loss_of, tensors
from scalelaw.errors import UsageError
from tests.runners.models.members import LETTERS, MEMBERS, PICTURES, POINTS, Member, Pictures, member

every_member = pytest.mark.parametrize("name", MEMBERS)
every_parametrization = pytest.mark.parametrize("parametrization", PARAMETRIZATIONS.names())
SHAPES = [
    {"width": 32, "depth": 1, "head_dim": 16},
    {"width": 24, "depth": 3, "head_dim": 4, "ff_ratio": 2},
    {"width": 8, "depth": 2, "head_dim": 8, "ff_ratio": 1},
]


def of_shape(name: str, shape: dict[str, int]) -> Member:
    """The member at another shape; a family without heads or feed-forward layers has only the width and depth."""
    reads = FAMILIES[MEMBERS[name].spec.model].reads | {"width", "depth"}
    return MEMBERS[name].with_(**{field: value for field, value in shape.items() if field in reads})


def batch(member: Member, count: int = 3) -> tuple[Tensor, Tensor]:
    """Inputs and targets."""
    examples = member.source.validation(member.spec.context, count)
    return tensors(member.source, examples.take(np.arange(count)), "cpu")


@every_member
def test_a_member_is_one(name: str) -> None:
    MEMBERS[name].check()


@every_member
@pytest.mark.parametrize("shape", SHAPES)
def test_parameters_are_counted_exactly(name: str, shape: dict[str, int]) -> None:
    """Those of embeddings and read-outs apart."""
    member = of_shape(name, shape)
    sizes = {name: p.numel() for name, p in member.build().named_parameters()}
    outer = {"tokens.weight", "positions.weight", "readout.weight"}
    assert member.counts().n_params == sum(sizes.values())
    assert member.counts().n_params_non_embedding == sum(n for name, n in sizes.items() if name not in outer)


@every_member
@pytest.mark.parametrize("shape", SHAPES[1:])
def test_flops_are_those_torch_counts(name: str, shape: dict[str, int]) -> None:
    """Of forward and backward, on the unfused attention path: the fused one counts nothing on a CPU."""
    member = of_shape(name, shape)
    assert counted_flops(member) == pytest.approx(member.counts().flops_per_token, rel=1e-12)


@pytest.mark.parametrize("model", ["resnet", "vit", "mlp"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 4, 10)])
def test_counts_follow_the_sides_of_images(model: str, shape: tuple[int, int, int]) -> None:
    made = member(Pictures(shape), model, depth=1)
    assert made.counts().n_params == sum(p.numel() for p in made.build().parameters())
    assert counted_flops(made) == pytest.approx(made.counts().flops_per_token, rel=1e-12)


def counted_flops(member: Member) -> float:
    """Of one prediction, forward and backward."""
    model, (inputs, targets) = member.build(), batch(member, 2)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        torch.autograd.backward(loss_of(member.source, model(inputs), targets))
    return float(counter.get_total_flops() / targets.numel())


@every_member
@every_parametrization
def test_every_tensor_has_a_rule_and_is_trained_once(name: str, parametrization: str) -> None:
    member = MEMBERS[name].with_(parametrization=parametrization, base_width=4, weight_decay=0.3)
    model = member.build()
    rules = {
        id(module.get_parameter(tensor)): rule
        for module in model.modules()
        if isinstance(module, Ruled)
        for tensor, rule in module.rules.items()
    }
    groups = parameter_groups(model, member.spec)
    trained = [id(p) for group in groups for p in group["params"]]
    assert rules.keys() == {id(p) for p in model.parameters()} == set(trained)
    assert len(trained) == len(rules)
    for group in groups:
        for parameter in group["params"]:
            rule = rules[id(parameter)]
            assert group["lr"] == member.spec.lr * rule.lr
            assert group["weight_decay"] == 0.3 * rule.decay
            assert group["eps"] == member.spec.epsilon * rule.epsilon


@every_member
@every_parametrization
def test_tensors_start_with_the_deviation_of_their_rule(name: str, parametrization: str) -> None:
    """Within five standard errors of a Gaussian's, 1/sqrt(2 n); gains start at 1 and biases at 0; zeros where asked."""
    member = MEMBERS[name].with_(parametrization=parametrization, width=32, base_width=8)
    for path, module in member.build().named_modules():
        if not isinstance(module, Ruled):
            continue
        for tensor, rule in module.rules.items():
            weight = module.get_parameter(tensor)
            if rule.role is Role.bias:
                assert not weight.any()
            elif rule.role is Role.norm:
                assert (weight == 1).all()
            else:
                if member.spec.zero_query and path.endswith("qkv"):
                    assert not weight[: member.spec.width].any()
                    weight = weight[member.spec.width :]
                expected = rule.std
                assert weight.std().item() == pytest.approx(expected, rel=5 / math.sqrt(2 * weight.numel())), path


ROLES = {"tokens": Role.embedding, "positions": Role.embedding, "input": Role.input, "readout": Role.readout}


@every_member
def test_tensors_have_the_role_of_their_place(name: str) -> None:
    """Outer matrices by name, gains and biases by theirs; all else sums over the width and is as wide."""
    for path, module in MEMBERS[name].build().named_modules():
        for tensor, rule in module.rules.items() if isinstance(module, Ruled) else ():
            expected = Role.norm if path.endswith("norm") else ROLES.get(path, Role.hidden)
            assert rule.role is (Role.bias if tensor == "bias" else expected), f"{path}.{tensor}"


@every_member
def test_fan_ins_are_what_an_output_sums_over(name: str) -> None:
    """The standard deviation is 1/sqrt(fan_in), so it tells the fan-in that the family said."""
    for path, module in MEMBERS[name].with_(parametrization="standard", zero_readout=False).build().named_modules():
        if isinstance(module, Ruled) and "weight" in module.rules and not isinstance(module, Table):
            rule, weight = module.rules["weight"], module.get_parameter("weight")
            if weight.dim() > 1:
                assert rule.std**-2 == pytest.approx(weight[0].numel()), path


@every_member
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_parametrizations_are_one_at_the_base_shape(name: str, optimizer: str) -> None:
    """Bit for bit, losses and weights, with everything on that a parametrization scales."""
    base = MEMBERS[name].with_(weight_decay=0.3, epsilon=1e-3, optimizer=optimizer)
    kinds = [kind.name for kind in PARAMETRIZATIONS if optimizer in kind.optimizers]
    runs = {kind: base.with_(parametrization=kind).curve() for kind in kinds}
    losses, model = runs.pop("standard")
    for other_losses, other in runs.values():
        assert other_losses == losses
        assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


@every_member
def test_the_seed_decides_the_weights_whatever_torch_has_drawn_before(name: str) -> None:
    def weights(seed: int) -> Tensor:
        torch.randn(seed + 3)
        return torch.cat([p.detach().flatten() for p in MEMBERS[name].with_(seed=seed).build().parameters()])

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


@every_member
def test_a_stack_computes_what_its_models_do(name: str) -> None:
    """A network whose tensors have one more axis reads the batches of its models one after another."""
    members = [MEMBERS[name].with_(seed=seed) for seed in range(3)]
    models = [member.build().eval() for member in members]
    with torch.no_grad():
        for model in models:  # gains and biases differ, too
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn(parameter.shape))
    x = batch(members[0], 6)[0]
    with torch.no_grad():
        alone = torch.cat([model(part) for model, part in zip(models, x.chunk(3), strict=True)])
        torch.testing.assert_close(stacked(models)(x), alone, rtol=1e-4, atol=1e-5)


def stacked(models: list[nn.Module]) -> nn.Module:
    """The first with every tensor replaced by those of all."""
    stack = copy.deepcopy(models[0])
    for path, module in stack.named_modules():
        for name, _ in list(module.named_parameters(recurse=False)):
            tensors = [model.get_submodule(path).get_parameter(name) for model in models]
            module.register_parameter(name, nn.Parameter(torch.stack(tensors)))
    return stack


@every_member
def test_a_prediction_is_of_its_example_alone(name: str) -> None:
    """No statistic is taken over a batch."""
    model, (x, _) = MEMBERS[name].build().eval(), batch(MEMBERS[name])
    with torch.no_grad():
        together, alone = model(x), torch.cat([model(x[i : i + 1]) for i in range(len(x))])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@every_member
def test_dropout_is_drawn_from_the_global_stream_and_not_in_evaluation(name: str) -> None:
    member = MEMBERS[name].with_(zero_readout=False)
    model, (x, _) = member.build(), batch(member)
    with torch.no_grad():
        torch.manual_seed(1)
        first, second = model(x), model(x)
        torch.manual_seed(1)
        assert torch.equal(first, model(x))
        assert torch.equal(first, second) == (member.spec.dropout == 0)
        model.eval()
        assert torch.equal(model(x), model(x))


@every_member
def test_half_precision_follows_single_precision(name: str) -> None:
    member = MEMBERS[name].with_(zero_readout=False)
    model, (x, _) = member.build().eval(), batch(member)
    with torch.no_grad():
        single = model(x)
        with torch.autocast("cpu", torch.bfloat16):
            half = model(x)
    assert not torch.equal(half.float(), single)
    assert (half.float() - single).square().mean() < 4e-4 * single.square().mean()


@every_member
def test_double_precision_stays_double(name: str) -> None:
    """For probes that differentiate twice: nothing inside falls back to single."""
    member = MEMBERS[name].with_(zero_readout=False)
    model, (x, _) = member.build().eval(), batch(member)
    with torch.no_grad():
        single = model(x)
        double = model.double()(x.double() if x.is_floating_point() else x)
    assert double.dtype == torch.float64
    assert not torch.equal(double.float().double(), double)
    torch.testing.assert_close(double.float(), single, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in MEMBERS if MEMBERS[name].source is LETTERS])
def test_a_token_is_predicted_from_the_past_alone(name: str) -> None:
    member = MEMBERS[name].with_(zero_readout=False)
    model, (x_BT, _) = member.build().eval(), batch(member)
    changed = x_BT.clone()
    changed[:, 3] = (changed[:, 3] + 1) % LETTERS.outputs
    with torch.no_grad():
        before, after = model(x_BT), model(changed)
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.isclose(before[:, 3:], after[:, 3:]).all(dim=-1).any()


@pytest.mark.parametrize("name", ["transformer", "mlp", "resnet", "vit", "lstm"])
def test_a_read_out_that_starts_at_zero_says_nothing(name: str) -> None:
    member = MEMBERS[name].with_(zero_readout=True)
    assert not member.build()(batch(member)[0]).any()


@pytest.mark.parametrize("name", ["transformer", "mlp", "resnet", "vit", "lstm"])
def test_every_family_learns(name: str) -> None:
    """Half of what a guess costs is gone after 80 steps."""
    spec = MEMBERS[name].spec
    losses, _ = MEMBERS[name].with_(batch_size=32, lr=2.0**-5, n_tokens=80 * 32 * spec.context).curve()
    source = MEMBERS[name].source
    guess = math.log(source.outputs) if source.loss == "cross_entropy" else 1.0
    assert np.mean(losses[-10:]) < guess / 2


@pytest.mark.parametrize("name", ["transformer", "resnet", "vit", "lstm"])
def test_a_branch_is_divided_by_the_depth_ratio_under_completep(name: str) -> None:
    """What the blocks add to the stream, all else equal, is branch times as large: here, for one block, a half."""
    member = MEMBERS[name].with_(depth=2, base_depth=1, parametrization="completep")
    model, (x, _) = member.build().eval(), batch(member)
    block = model.get_submodule("blocks.0")
    changes: list[Tensor] = []
    block.register_forward_hook(lambda module, args, y: changes.append(y - args[0]))
    residual = block.get_submodule("residual")
    with torch.no_grad():
        model(x)
        assert residual.branch == 0.5
        residual.branch = 1.0
        if name in ("transformer", "vit"):  # the second branch of a block sees the first
            nn.init.zeros_(block.get_submodule("attention.out").get_parameter("weight"))
            changes.clear()
            model(x)
            residual.branch = 0.5
        model(x)
    ratio = 2.0 if name in ("transformer", "vit") else 0.5
    torch.testing.assert_close(changes[0], ratio * changes[1], rtol=1e-4, atol=1e-5)


def test_a_family_refuses_what_it_cannot_read() -> None:
    with pytest.raises(UsageError, match="The family mlp reads images, vectors; letters gives tokens"):
        member(LETTERS, "mlp").check()
    with pytest.raises(UsageError, match="The family resnet reads images; points gives vectors"):
        member(POINTS, "resnet").check()
    with pytest.raises(UsageError, match="set context = 1; found 4"):
        member(PICTURES, "vit", context=4, head_dim=8).check()


@pytest.mark.parametrize(
    ("family", "field", "value"),
    [
        ("mlp", "dropout", 0.1),
        ("mlp", "init_std", 0.5),
        ("resnet", "head_dim", 8),
        ("vit", "tied", True),
        ("vit", "positions", "rope"),
        ("lstm", "activation", "relu"),
        ("transformer", "patch", 4),
    ],
)
def test_a_family_refuses_a_field_that_means_nothing_to_it(family: str, field: str, value: object) -> None:
    source = LETTERS if family in ("lstm", "transformer") else PICTURES
    with pytest.raises(UsageError, match=f"The family {family} has no {field}"):
        member(source, family, **({"head_dim": 16} | {field: value})).check()


@pytest.mark.parametrize("family", ["mlp", "resnet"])
def test_a_family_of_single_features_refuses_a_gate(family: str) -> None:
    with pytest.raises(UsageError, match=f"The family {family} has the activations gelu, relu, tanh; found 'swiglu'"):
        member(PICTURES, family, head_dim=16, activation="swiglu").check()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own modules
@pytest.mark.skipif(not (shutil.which("c++") or shutil.which("g++")), reason="there is no C++ compiler")
@every_member
def test_compiled_networks_compute_the_same(name: str) -> None:
    torch._dynamo.reset()
    member = MEMBERS[name].with_(dropout=0.0)
    model, (x, targets) = member.build(), batch(member)
    compiled = torch.compile(model)
    results = []
    for forward in (model, compiled):
        model.zero_grad()
        outputs = forward(x)
        loss_of(member.source, outputs, targets).backward()
        results.append((outputs.detach(), [p.grad.clone() for p in model.parameters() if p.grad is not None]))
    torch.testing.assert_close(results[1], results[0], rtol=1e-3, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@every_member
def test_a_cuda_device_computes_the_same(name: str) -> None:
    model, (x, _) = MEMBERS[name].build().eval(), batch(MEMBERS[name])
    with torch.no_grad():
        expected = model(x)
        found = model.to("cuda")(x.to("cuda")).cpu()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
