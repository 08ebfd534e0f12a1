"""The smoothly broken power law of one variable, with three breaks."""

from __future__ import annotations

from scalelaw.laws._broken import BrokenPower


class ThreeBreaks(BrokenPower):
    """`broken_power_3(x)`: three breaks."""

    breaks = 3


KIND = ThreeBreaks()
