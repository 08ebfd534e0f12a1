"""Half the width of a jackknife interval."""

from __future__ import annotations

import math

from scipy import stats

from scalelaw.runs import Floats


def half_width(values: Floats, level: float) -> float:
    """t_(k-1) sqrt((k - 1)/k sum (v - mean v)^2) for the k values that leaving out one part at a time gives, `[k]`."""
    k = len(values)
    error = math.sqrt((k - 1) / k * ((values - values.mean()) ** 2).sum())
    return error * float(stats.t.ppf(0.5 + level / 2, k - 1))
