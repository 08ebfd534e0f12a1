"""Counts by their named conventions, against numbers published or worked by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from scalelaw.counting import TransformerShape, flops_6nd, loss_in_nats, loss_unit, pf_days, tokens_from_flops
from scalelaw.errors import UsageError

GPT2_SMALL = TransformerShape(n_layers=12, width=768, ff_width=3072, vocab=50257, context=1024, tied=True)


def test_kaplan_count_of_gpt2_small() -> None:
    """12 L d^2 = 84,934,656: Kaplan et al. 2020, table 1 has 85 M."""
    assert GPT2_SMALL.params_kaplan() == 84_934_656


def test_all_parameters_of_gpt2_small_without_biases() -> None:
    """124.4 M with biases; the 121 k of biases and norm offsets are absent here."""
    assert GPT2_SMALL.params_all() == 84_934_656 + 25 * 768 + (50257 + 1024) * 768


def test_exact_flops_exceed_6nd_by_attention_and_read_out() -> None:
    shape = TransformerShape(n_layers=2, width=16, ff_width=64, vocab=256, context=64)
    matrices = 2 * 12 * 16**2 + 256 * 16
    assert shape.flops_per_token_exact() == 6 * matrices + 12 * 2 * 16 * 64


def test_c_is_6nd_both_ways() -> None:
    """Chinchilla: 70 B parameters, 1.4 T tokens, 5.88e23 FLOP."""
    assert flops_6nd(70e9, 1.4e12) == pytest.approx(5.88e23)
    assert tokens_from_flops(5.88e23, 70e9) == pytest.approx(1.4e12)
    assert pf_days(5.88e23) == pytest.approx(6805.6, rel=1e-4)


@pytest.mark.parametrize(("unit", "factor"), [("nats", 1.0), ("bits", math.log(2)), ("bpb", 4.5 * math.log(2))])
def test_losses_come_out_in_nats_per_token(unit: str, factor: float) -> None:
    assert loss_in_nats(2.0, loss_unit(unit), bytes_per_token=4.5) == pytest.approx(2.0 * factor)


def test_bits_per_byte_need_bytes_per_token() -> None:
    with pytest.raises(UsageError, match="--bytes-per-token"):
        loss_in_nats(1.0, "bits/byte")


def test_an_unknown_unit_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="Known: nats, bits, bpb"):
        loss_unit("dits")


def test_options_of_a_transformer_are_counted() -> None:
    """Llama 2 70B and Llama 3 8B: 68,976,648,192 and 8,030,261,248 parameters, as published with the weights."""
    llama_2 = TransformerShape(
        n_layers=80, width=8192, ff_width=28672, vocab=32000, context=4096, learned_positions=False, gated=True,
        head_dim=128, kv_heads=8,
    )  # fmt: skip
    llama_3 = replace(llama_2, n_layers=32, width=4096, ff_width=14336, vocab=128_256)
    assert llama_2.params_all() == 68_976_648_192
    assert llama_3.params_all() == 8_030_261_248


def test_gains_of_queries_and_keys_are_counted() -> None:
    """Two of a head's size in every layer, as Qwen3 has them."""
    shape = TransformerShape(n_layers=28, width=2048, ff_width=3072, vocab=100, context=64, head_dim=128)
    assert replace(shape, qk_norm=True).params_all() - shape.params_all() == 28 * 2 * 128


def test_heads_without_a_size_are_refused() -> None:
    with pytest.raises(UsageError, match="set head_dim"):
        replace(GPT2_SMALL, kv_heads=4)
    with pytest.raises(UsageError, match="set head_dim"):
        replace(GPT2_SMALL, qk_norm=True)
