"""What a model computes is read off where it is computed, half-way down the stream, in every family."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from runners.corpora import CORPORA
from runners.models import FAMILIES
from runners.probes.coordinate_check import SMALL, small
from runners.probes.quantities import ATTENTION_LOGITS, READOUT, STREAM, attention_logits, quantities
from runners.spec import TrainSpec
from runners.validation import tensors


def measured(spec: TrainSpec) -> dict[str, torch.Tensor]:
    source = CORPORA[spec.corpus]
    inputs, _ = tensors(source, source.validation(spec.context, 4).take(np.arange(4)), "cpu")
    return quantities(FAMILIES[spec.model].build(spec, source), inputs)


@pytest.mark.parametrize("family", FAMILIES.names())
def test_every_family_tells_its_layers_and_its_read_out(family: str) -> None:
    found = measured(replace(small(family), width=32))
    assert list(found)[-1] == READOUT
    assert len(found) >= 5
    assert all(torch.isfinite(x).all() for x in found.values())


def test_a_transformer_tells_its_parts_in_order() -> None:
    found = measured(replace(SMALL, depth=3))
    computed = [name for name in found if not name.endswith(".weight")]
    parts = ("attention.qkv", "attention.out", "up", "down")
    assert computed == ["tokens", *(f"blocks.{part}" for part in parts), ATTENTION_LOGITS, STREAM, READOUT]
    assert {name for name in found if name.endswith(".weight")} == {
        "blocks.attention_norm.weight", "blocks.mlp_norm.weight", "final_norm.weight",
    }  # fmt: skip


@pytest.mark.parametrize(("depth", "qkv", "out", "up", "down"), [(2, 1, 2, 2, 1), (3, 2, 1, 1, 2), (4, 1, 2, 2, 1)])
def test_layers_are_looked_at_half_way_down_the_stream(depth: int, qkv: int, out: int, up: int, down: int) -> None:
    """One where a layer stands in the middle exactly, else the two on either side of it."""
    found = measured(replace(SMALL, depth=depth))
    layers = {name: len(found[f"blocks.{name}"]) for name in ("attention.qkv", "attention.out", "up", "down")}
    assert layers == {"attention.qkv": qkv, "attention.out": out, "up": up, "down": down}
    assert len(found[ATTENTION_LOGITS]) == qkv


def test_the_half_way_layer_is_the_one_it_should_be() -> None:
    """Of four blocks, the third's attention reads the stream after four of eight branches."""
    source, spec = CORPORA["markov"], replace(SMALL, depth=4)
    model = FAMILIES["transformer"].build(spec, source)
    kept: list[torch.Tensor] = []
    model.blocks[2].attention.qkv.register_forward_hook(lambda module, args, output: kept.append(output))
    inputs = torch.randint(64, (2, 32), generator=torch.Generator().manual_seed(0))
    assert torch.equal(quantities(model, inputs)["blocks.attention.qkv"][0], kept[0])


def test_watching_a_model_changes_nothing_of_it() -> None:
    source = CORPORA["markov"]
    model = FAMILIES["transformer"].build(SMALL, source)
    inputs = torch.randint(64, (2, 32), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(quantities(model, inputs)[READOUT], model(inputs))
    assert not any(module._forward_hooks for module in model.modules())


def test_attention_logits_are_scaled_products_and_keys_may_be_shared() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 4, 3, 8, generator=generator), torch.randn(2, 2, 3, 8, generator=generator)
    logits = attention_logits(q, k, 0.5)
    assert logits.shape == (2, 4, 3, 3)
    torch.testing.assert_close(logits[1, 3, 2, 0], 0.5 * q[1, 3, 2] @ k[1, 1, 0])
    torch.testing.assert_close(attention_logits(q, k, None), logits * 2 * 8**-0.5)
