"""Forecasts of the published multi-power-law curves: fitted on three schedules, asked for the six others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scalelaw.forecasting import Curve, curve_of, forecast
from scalelaw.forecasting.final_loss import fit_laws, mean_loss
from scalelaw.results import Interval

TRAINED = ("cosine_24000", "constant_24000", "wsdcon_9")
"""The three schedules Luo et al. fitted to."""
SIZES = (25, 100, 400)


def published(size: int) -> dict[str, Curve]:
    """The nine curves of a size in million parameters: all their logged points, and the warm-up of 2,160 steps."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "multipowerlaw-curves" / f"csv_{size}"
    if not folder.is_dir():
        pytest.skip("published loss curves are not beside this checkout (../shared/data)")
    logs = {path.stem: np.genfromtxt(path, delimiter=",", names=True) for path in sorted(folder.glob("*.csv"))}
    return {name: curve_of(name, log["step"], log["loss"], log["lr"], warmup=2160) for name, log in logs.items()}


def unseen(curve: Curve) -> Curve:
    """The schedule of a curve alone."""
    return replace(curve, step=curve.step[:0], loss=curve.loss[:0])


def test_three_schedules_predict_six_others_to_a_fifth_of_a_per_cent() -> None:
    """Mean relative error over the points of each curve, then over curves, as published; the mean of both laws.

    Rates are those logged, interpolated: 0.119, 0.121 and 0.188 %. The published schedules, known to the step, give
    0.134, 0.149 and 0.216 %: the fits are that sensitive to the points around a jump of the rate.
    """
    print(f"\n{'parameters':>10}  {'curve':17}  {'mean error':>10}  {'error at the end':>16}")
    for size in SIZES:
        curves = published(size)
        others = [curve for name, curve in curves.items() if name not in TRAINED]
        fits = fit_laws([*(curves[name] for name in TRAINED), *map(unseen, others)])
        errors = []
        for curve in others:
            relative = mean_loss(fits, curve, curve.step) / curve.loss - 1
            errors.append(np.abs(relative).mean())
            print(f"{size:9}M  {curve.name:17}  {100 * errors[-1]:8.3f} %  {100 * relative[-1]:+14.3f} %")
        print(f"{size:9}M  {'all six':17}  {100 * np.mean(errors):8.4f} %")
        assert len(errors) == 6
        assert np.mean(errors) <= 0.002


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_intervals_at_95_per_cent_hold_the_last_losses_of_unseen_schedules(share: float) -> None:
    """Eighteen curves of three sizes, before their first point and half way; the curves of a size are not independent,
    and the interval is of the kind that was wide enough on them.
    """
    inside, reach = 0, []
    for size in SIZES:
        curves = published(size)
        for name in curves.keys() - set(TRAINED):
            curve = curves[name]
            known = curve.until(share * curve.last)
            found = forecast(known, [curves[other] for other in TRAINED]).loss
            assert isinstance(found, Interval)
            inside += found.contains(float(curve.loss[-1]))
            reach.append(np.log(found.high / found.low) / 2)
    print(f"\nknown {share:.0%}: {inside} of {len(reach)} inside, half width {100 * np.mean(reach):.2f} %")
    assert inside >= 16
    assert np.mean(reach) < 0.015
