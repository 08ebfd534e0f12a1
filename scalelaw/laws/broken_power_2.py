"""The smoothly broken power law of one variable, with two breaks."""

from __future__ import annotations

from scalelaw.laws._broken import BrokenPower


class TwoBreaks(BrokenPower):
    """`broken_power_2(x)`: two breaks."""

    breaks = 2


KIND = TwoBreaks()
