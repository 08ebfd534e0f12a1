"""Logs of modded-nanogpt: the source code that ran, then `step:125/5100 val_loss:4.3215 train_time:18912ms`."""

from __future__ import annotations

import math
import re

from scalelaw.readers._text_logs import NUMBER, Draft, TextLogReader, numbers

LINE = re.compile(rf"step:(\d+)/\d+((?: \w+:{NUMBER}(?:ms|s)?)+)\s*")
PAIR = re.compile(rf"(\w+):({NUMBER})(ms|s)?")
SETTING = re.compile(r"\s+(\w+)\s*:\s*(?:int|float)\s*=\s*([\d.e*-]+)\s*(?:#.*)?")
"""A line of a dataclass of settings, such as `batch_size : int = 8*64`."""


class ModdedNanogptReader(TextLogReader):
    """Steps with what they say; times carry their unit: `train_time_ms`. Settings of the source are configuration, so
    that `--n-tokens 'step*batch_size*sequence_length'` gives tokens.
    """

    name = "modded_nanogpt"
    mark = re.compile(r"^step:\d+/\d+ (?:train|val)_loss:", re.MULTILINE)

    def take(self, line: str, number: int, draft: Draft) -> None:
        """A step, or, before the first, a setting."""
        if found := LINE.fullmatch(line):
            said = numbers({_named(name, unit): text for name, text, unit in PAIR.findall(found[2])})
            losses = {name: said.pop(name) for name in list(said) if name.endswith("loss")}
            # A validation repeats the times of its step; the row keeps the first ones.
            draft.points.add(int(found[1]), losses, number, **said)
        elif not draft.points.rows and (found := SETTING.fullmatch(line)):
            draft.config[found[1]] = _product(found[2])


def _named(name: str, unit: str) -> str:
    return f"{name}_{unit}" if unit else name


def _product(text: str) -> float | int | str:
    """A number, or whole numbers with `*` between; any other expression stays text."""
    try:
        return math.prod(int(factor) for factor in text.split("*"))
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


KIND = ModdedNanogptReader()
