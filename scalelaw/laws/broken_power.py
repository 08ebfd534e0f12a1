"""The smoothly broken power law of one variable, with one break."""

from __future__ import annotations

from scalelaw.laws._broken import BrokenPower


class OneBreak(BrokenPower):
    """`broken_power(x)`: one break."""

    breaks = 1


KIND = OneBreak()
