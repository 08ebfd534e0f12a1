"""How a schedule goes on: shapes, decays under way, files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalelaw.errors import DataError, UsageError
from scalelaw.forecasting import SHAPES, Curve, Rest, continued, continued_as, curve_of, read_schedule


def at_peak(last: int = 500, peak: float = 1e-3) -> Curve:
    """A run whose rate has not fallen yet."""
    step = np.arange(100, last + 1, 20)
    return curve_of("run", step, 3.0 + 1.0 / step, np.full(len(step), peak))


@pytest.mark.parametrize("shape", list(SHAPES))
def test_every_shape_begins_where_the_run_is_and_ends_as_told(shape: str) -> None:
    ahead = continued(at_peak(), Rest(shape, 1000, 1e-4))
    assert ahead.steps == 1000
    assert ahead.rates[499] == pytest.approx(1e-3)
    assert ahead.rates[-1] == pytest.approx(1e-3 if shape == "constant" else 1e-4)
    assert (np.diff(ahead.rates[499:]) <= 1e-15).all()


def test_a_decay_under_way_goes_on_from_where_it_began() -> None:
    step = np.arange(100, 501, 20)
    rates = 1e-3 * 0.5 * (1 + np.cos(np.pi * (step - 100) / 900))
    ahead = continued(curve_of("run", step, 3.0 + 0 * step, rates), Rest("cosine", 1000))
    assert ahead.rates[749] == pytest.approx(1e-3 * 0.5 * (1 + np.cos(np.pi * 650 / 900)), rel=1e-4)
    with pytest.raises(DataError, match="a linear schedule to step 1000 has the rate"):
        continued(curve_of("run", step, 3.0 + 0 * step, rates), Rest("linear", 1000))


def test_a_schedule_that_ends_too_early_or_is_unknown_is_refused() -> None:
    with pytest.raises(UsageError, match="must lie ahead of step 500"):
        continued(at_peak(), Rest("linear", 400))
    with pytest.raises(UsageError, match="Known: constant, linear, cosine, exponential"):
        continued(at_peak(), Rest("wavy", 1000))
    with pytest.raises(DataError, match="beyond step 500"):
        continued_as(at_peak(), [100, 400], [1e-3, 1e-3])


def test_a_schedule_in_a_file_is_the_same_as_its_shape(tmp_path: Path) -> None:
    file = tmp_path / "plan.csv"
    file.write_text("step,lr\n1,0.001\n500,0.001\n1000,0.0001\n")
    curve = at_peak()
    np.testing.assert_allclose(
        continued_as(curve, *read_schedule(file)).rates, continued(curve, Rest("linear", 1000, 1e-4)).rates
    )
    file.write_text("step,lr\n1,0.001\n500,soon\n")
    with pytest.raises(DataError, match="line 3, column lr"):
        read_schedule(file)
    with pytest.raises(UsageError, match="No schedule"):
        read_schedule(tmp_path / "none.csv")
