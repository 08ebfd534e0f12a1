"""Attention by its definition, whatever computes it."""

from __future__ import annotations

import math

import pytest
import torch

from runners.models._attention import Attention, _plain, attend, rotated, zero_queries
from runners.models._layers import initialise
from tests.runners.models.members import LETTERS, member


def attention(causal: bool = True, rope: bool = False, **fields: object) -> Attention:
    module = Attention(member(LETTERS, "transformer", width=32, **fields).spec, causal, rope)
    initialise(module, 0)
    return module


def heads(*sizes: int) -> list[torch.Tensor]:
    """Queries, keys and values `[B, heads, T, K]` with so many heads."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, size, 7, 8, generator=generator) for size in sizes]


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("G", [4, 2, 1])
def test_both_ways_of_attending_are_the_softmax_of_scaled_products(causal: bool, G: int) -> None:
    """Query head h sees key head h // (H / G)."""
    q, k, v = heads(4, G, G)
    expected = torch.empty_like(q)
    for h in range(4):
        logits = 0.3 * q[:, h] @ k[:, h * G // 4].mT
        if causal:
            logits += torch.full((7, 7), -math.inf).triu(1)
        expected[:, h] = logits.softmax(-1) @ v[:, h * G // 4]
    torch.testing.assert_close(attend(q, k, v, 0.3, causal), expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(_plain(q, k, v, 0.3, causal), expected, rtol=1e-5, atol=1e-6)


def test_half_precision_on_a_cpu_takes_the_plain_products() -> None:
    q, k, v = (x.bfloat16() for x in heads(4, 4, 4))
    assert torch.equal(attend(q, k, v, 0.3, True), _plain(q, k, v, 0.3, True))


def test_logits_of_rotated_features_depend_on_their_distance_alone() -> None:
    q, k = torch.randn(8), torch.randn(8)
    q_TK, k_TK = (rotated(x.expand(1, 9, 1, 8))[0, :, 0] for x in (q, k))
    logits_TT = q_TK @ k_TK.T
    for distance in range(-8, 9):
        along = logits_TT.diagonal(distance)
        torch.testing.assert_close(along, along[:1].expand_as(along), rtol=1e-4, atol=1e-5)
    assert logits_TT.diagonal(0).mean() == pytest.approx((q @ k).item(), rel=1e-4)
    assert (logits_TT[0] - logits_TT[0, 0]).abs().max() > 0.1


def test_the_slowest_pair_of_features_turns_by_ten_thousandth_powers() -> None:
    """Pair i of K/2 turns by 10,000^(-2i/K) a position: at K = 8, 1, 0.1, 0.01 and 0.001."""
    x = torch.zeros(1, 2, 1, 8)
    x[..., :4] = 1.0
    turned = rotated(x)[0, 1, 0]
    torch.testing.assert_close(torch.atan2(turned[4:], turned[:4]), torch.tensor([1.0, 0.1, 0.01, 0.001]))


def test_normalised_queries_bound_the_logits_whatever_the_weights() -> None:
    """|q.k| / sqrt(K) <= sqrt(K) max gain^2 (Wortsman et al. 2023, arXiv 2309.14322)."""
    for qk_norm in (True, False):
        module = attention(qk_norm=qk_norm)
        with torch.no_grad():
            module.qkv.weight.mul_(1000.0)
            q, k, _ = module.split(module.qkv(torch.randn(2, 6, 32)))
            largest = (module.scale * q @ k.mT).abs().max().item()
        assert (largest <= math.sqrt(8) * (1 + 1e-5)) == qk_norm


def test_zero_queries_take_the_mean_of_the_values() -> None:
    module = attention(causal=False, zero_query=True)
    zero_queries(module)
    x_BTD = torch.randn(2, 6, 32)
    with torch.no_grad():
        v_BTD = module.qkv(x_BTD)[..., 64:]
        torch.testing.assert_close(module(x_BTD), module.out(v_BTD.mean(dim=1, keepdim=True)).expand(2, 6, 32))


def test_the_linear_scale_falls_with_the_head_and_is_the_root_at_its_base() -> None:
    assert attention().scale == 8**-0.5
    assert attention(attention_scale="linear").scale == pytest.approx(8**-0.5)
    assert attention(attention_scale="linear", head_dim=16, base_head_dim=4).scale == pytest.approx(2 / 16)
