"""Objectives, one to a file: what a fit minimises."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

from scalelaw.errors import UsageError
from scalelaw.objectives.base import Objective
from scalelaw.registry import Registry

OBJECTIVES: Registry[Objective] = Registry("scalelaw.objectives", "objective")


def get_objective(name: str | Objective) -> Objective:
    """An objective by name, with settings in parentheses where they are not the default; or itself.

    >>> get_objective("log_huber(delta=0.01)").label
    'log_huber(delta=0.01)'
    >>> get_objective("least_absolute(space=raw)").space
    'raw'
    """
    if isinstance(name, Objective):
        return name
    match = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", name)
    kind = OBJECTIVES[name if match is None else match.group(1)]
    given = [item.strip() for item in (match.group(2) or "").split(",")] if match and match.group(2) else []
    return replace(kind, **dict(_setting(kind, item) for item in given)) if given else kind


def _setting(kind: Objective, item: str) -> tuple[str, Any]:
    known = {field.name: getattr(kind, field.name) for field in fields(kind)}
    name, equals, value = (part.strip() for part in item.partition("="))
    if not equals or name not in known:
        raise UsageError(f"{item!r} is no setting of {kind.name}. Known: {', '.join(known)}, written name=value.")
    if isinstance(known[name], str):
        return name, value
    try:
        return name, float(value)
    except ValueError:
        raise UsageError(f"The setting {name} of {kind.name} is a number; found {value!r}.") from None


__all__ = ["OBJECTIVES", "Objective", "get_objective"]
