"""Counts by their named conventions, against numbers published or worked by hand."""

from __future__ import annotations

import math

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
