"""Attention logits are read as attention is given them, grow with the rate, and are capped by qk_norm."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from runners.models._attention import Attention  # noqa: E402
from runners.probes._along import along  # noqa: E402
from runners.probes.growth import LIMIT, Growth, GrowthAlong, Quadratic, growth_along, growth_of  # noqa: E402
from runners.spec import TrainSpec  # noqa: E402
from runners.validation import tensors  # noqa: E402
from scalelaw.errors import DataError, UsageError  # noqa: E402
from scalelaw.results import Unavailable  # noqa: E402
from tests.runners.probes.sources import Line  # noqa: E402

SMALL = TrainSpec(
    "markov", width=16, depth=2, n_tokens=30 * 128, context=16, batch_size=8, head_dim=8, parametrization="standard"
)


@pytest.mark.parametrize(
    "options",
    [{}, {"positions": "rope"}, {"qk_norm": True}, {"kv_heads": 1}, {"attention_scale": "linear", "base_head_dim": 4}],
    ids=lambda options: "-".join(options) or "plain",
)
def test_the_largest_logit_is_that_of_the_attention_s_own_queries_and_keys(options: dict[str, object]) -> None:
    """Against a product written out for every pair of positions that may attend."""
    spec = replace(SMALL, **options)  # type: ignore[arg-type]
    (moment,) = along(spec, [5])
    found = growth_of(moment, 4)
    kept: list[tuple[Attention, torch.Tensor]] = []
    for module in moment.model.modules():
        if isinstance(module, Attention):
            module.register_forward_hook(lambda m, args, out: kept.append((m, args[0])))
    inputs, _ = tensors(moment.source, moment.source.validation(spec.context, 4).take(np.arange(4)), "cpu")
    with torch.no_grad():
        output = moment.model(inputs)
        expected = [by_hand(attention, x) for attention, x in kept]
    assert found.logits == pytest.approx(expected, rel=1e-5)
    assert found.output == pytest.approx(float(output.square().mean().sqrt()), rel=1e-6)


def by_hand(attention: Attention, x_BTD: torch.Tensor) -> float:
    q_BHTK, k_BGTK, _ = attention.split(attention.qkv(x_BTD))
    shared = q_BHTK.shape[1] // k_BGTK.shape[1]
    return max(
        float(attention.scale * (q_BHTK[b, h, i] @ k_BGTK[b, h // shared, j]))
        for b in range(len(q_BHTK))
        for h in range(q_BHTK.shape[1])
        for i in range(q_BHTK.shape[2])
        for j in range(i + 1)
    )


def test_logits_grow_with_the_rate_and_qk_norm_caps_them() -> None:
    specs = [
        replace(SMALL, lr=lr, qk_norm=qk_norm, n_tokens=150 * 128) for qk_norm in (False, True) for lr in (0.01, 0.3)
    ]
    found = growth_along(specs, points=2)
    low, high, low_capped, high_capped = (point.largest for point in found.last())
    assert high > 5 * low
    assert high_capped < high / 3
    assert low_capped <= math.sqrt(SMALL.head_dim) * 1.5
    assert "without qk_norm" in found.sentence
    assert found.diverged == ()


def test_qk_norm_s_cap_is_the_product_of_the_gains() -> None:
    """|q| <= sqrt(K) max gain, so q.k / sqrt(K) <= sqrt(K) x max query gain x max key gain, in every block."""
    (moment,) = along(replace(SMALL, qk_norm=True, lr=0.1), [30])
    attentions = [module for module in moment.model.modules() if isinstance(module, Attention)]
    for attention, largest in zip(attentions, growth_of(moment).logits, strict=True):
        gains = [float(norm.weight.detach().abs().max()) for norm in (attention.query_norm, attention.key_norm)]  # type: ignore[union-attr]
        assert 0 < largest <= math.sqrt(SMALL.head_dim) * gains[0] * gains[1] * (1 + 1e-5)


def test_runs_beyond_the_limit_are_named() -> None:
    points = tuple(point(width, logit) for width, logit in ((16, 30.0), (32, 2e4), (64, 5e4)))
    found = GrowthAlong(points, ())
    assert [p.spec.width for p in found.beyond] == [32, 64]
    assert found.sentence.startswith("2 of 3 runs pass an attention logit of 10000: standard, width 32")
    assert "width 16, lr" in GrowthAlong(points, (points[0].spec,)).sentence


def test_a_run_that_diverges_is_reported_with_what_was_seen_before() -> None:
    found = growth_along([replace(SMALL, lr=1e30, grad_clip=1e9, optimizer="sgd", weight_decay=0.0)], points=3)
    assert len(found.diverged) == 1
    assert [p.steps for p in found.points][:1] == [0]
    assert "1 diverged" in found.sentence


def point(width: int, logit: float) -> Growth:
    return Growth(replace(SMALL, width=width), 12 * width**2, 30, (1.0, logit), 1.0, 1.0, 3.0)


def test_a_quadratic_in_log_size_is_recovered_and_foretells_the_next_size() -> None:
    N = [1e4, 4e4, 1.6e5, 6.4e5, 2.56e6]
    logits = [10 ** (0.5 - 0.3 * math.log10(n) + 0.08 * math.log10(n) ** 2) for n in N]
    fit = Quadratic.fit(N[:4], logits[:4], "mup", 0.1)
    assert fit.coefficients == pytest.approx((0.5, -0.3, 0.08), abs=1e-8)
    assert fit.predict(N[4]).estimate == pytest.approx(logits[4], rel=1e-8)
    json.dumps(fit.as_dict(), allow_nan=False)


def test_its_prediction_interval_covers_a_new_run_at_its_level() -> None:
    rng, N = np.random.default_rng(0), np.geomspace(1e4, 1e6, 6)
    hits = []
    for _ in range(400):
        y = 10 ** (0.1 * np.log10(np.append(N, 4e6)) ** 2 + 0.1 * rng.normal(size=7))
        hits.append(Quadratic.fit(N.tolist(), y[:6].tolist(), "mup", 0.1).predict(4e6).contains(float(y[6])))
    assert np.mean(hits) == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / 400))


def test_three_sizes_make_no_forecast() -> None:
    found = GrowthAlong(tuple(point(width, 10.0) for width in (16, 32, 64)), ())
    (refused,) = found.quadratics()
    assert isinstance(refused, Unavailable)
    assert "at least 4 sizes; found 3" in refused.reason
    assert found.forecasts() == []
    with pytest.raises(DataError, match="positive logits"):
        Quadratic.fit([1, 2, 3, 4], [1, 2, 3, -1], "mup", 0.1)


def test_a_family_without_attention_is_refused() -> None:
    spec = TrainSpec("line", width=4, depth=1, n_tokens=8, model="mlp", context=1, batch_size=8)
    (moment,) = along(spec, [0], Line(3))
    with pytest.raises(UsageError, match="the family mlp has none"):
        growth_of(moment)
    assert LIMIT == 1e4
