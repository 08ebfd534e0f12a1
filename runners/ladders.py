"""Rungs by rule: what a table stands for where a sweep's file would list values.

width = { from = 32, to = 512, ratio = 2 }                 # 32, 64, 128, 256, 512
width = { from = 32, to = 512, ratio = 1.5, multiple = 16 }  # rounded to whole heads
lr = { from = 0.002, to = 0.032, ratio = 2 }
depth = { aspect = 32 }                                    # width / 32, rounded, at least 1
n_tokens = { per_param = 20 }                              # of all parameters
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from scalelaw.errors import UsageError

GEOMETRIC = ({"from", "to", "ratio"}, {"from", "to", "ratio", "multiple"})
DERIVED = {"depth": {"aspect"}, "n_tokens": {"per_param"}}


def rungs(name: str, rule: Mapping[str, Any]) -> list[float | int]:
    """The geometric series `from`, `from` x `ratio`, ... up to `to`, each value once.

    Whole where `from` is a whole number, and then rounded to a `multiple` of 1 or of what is asked.

    >>> rungs("width", {"from": 32, "to": 128, "ratio": 1.5, "multiple": 16})
    [32, 48, 64, 112]

    Raises:
        UsageError: for a rule that is not one of these.
    """
    first, last, ratio = (_positive(name, rule, key) for key in ("from", "to", "ratio"))
    if ratio <= 1 or last < first:
        raise UsageError(f"{name}: a ladder rises from `from` to `to` by a ratio above 1; found {dict(rule)}.")
    count = math.floor(math.log(last / first) / math.log(ratio) + 1e-9) + 1
    values = [first * ratio**k for k in range(count)]
    if not isinstance(rule["from"], int):
        return values
    multiple = round(_positive(name, rule, "multiple")) if "multiple" in rule else 1
    return list(dict.fromkeys(max(round(value / multiple), 1) * multiple for value in values))


def listed(name: str, value: Any) -> list[Any]:
    """The values of a field: a list as it is, a geometric rule as its rungs, anything else alone.

    A rule that needs the rest of the run, `aspect` or `per_param`, stays as it is for `depth_of` and `tokens_of`.
    """
    if isinstance(value, list):
        return value
    if not isinstance(value, Mapping):
        return [value]
    if set(value) in GEOMETRIC:
        return rungs(name, value)
    if set(value) == DERIVED.get(name):
        return [value]
    raise UsageError(
        f"{name} has no such rule: {dict(value)}. Known: from, to, ratio and multiple; for depth, aspect; "
        "for n_tokens, per_param."
    )


def depth_of(rule: Mapping[str, Any], width: int) -> int:
    """Layers at a constant aspect, width / depth.

    >>> depth_of({"aspect": 32}, 128)
    4
    """
    return max(round(width / aspect_of(rule)), 1)


def aspect_of(rule: Mapping[str, Any]) -> float:
    """Width / depth of a rule `{ aspect = 64 }`; `UsageError` for anything else."""
    if set(rule) != DERIVED["depth"]:
        raise UsageError(f"depth has no such rule: {dict(rule)}. Known: aspect.")
    return _positive("depth", rule, "aspect")


def tokens_of(rule: Mapping[str, Any], n_params: int) -> int:
    """Tokens by the parameter.

    >>> tokens_of({"per_param": 20}, 1_000)
    20000
    """
    return round(_positive("n_tokens", rule, "per_param") * n_params)


def _positive(name: str, rule: Mapping[str, Any], key: str) -> float:
    value = rule[key]
    if type(value) not in (int, float) or not (math.isfinite(value) and value > 0):
        raise UsageError(f"{name}: {key} must be a positive number; found {value!r}.")
    return float(value)
