"""Names that the shell completes; what knows them is imported when a completion is asked for."""

from __future__ import annotations

from collections.abc import Iterable


def laws(incomplete: str) -> list[tuple[str, str]]:
    """Laws that begin so, with their formulas."""
    from scalelaw.laws import LAWS

    return _starting(incomplete, ((law.name, law.formula) for law in LAWS))


def published(incomplete: str) -> list[tuple[str, str]]:
    """Published laws that begin so, with their papers."""
    from scalelaw.published import published_laws

    return _starting(incomplete, ((law.name, law.paper) for law in published_laws().values()))


def any_law(incomplete: str) -> list[tuple[str, str]]:
    """Laws that begin so, those to fit and those that are published."""
    return [*laws(incomplete), *published(incomplete)]


def data_sets(incomplete: str) -> list[tuple[str, str]]:
    """Data sets that begin so, with what they hold."""
    from scalelaw.datasets import datasets

    return _starting(incomplete, ((item.name, item.title) for item in datasets().values()))


def objectives(incomplete: str) -> list[tuple[str, str]]:
    """Objectives that begin so, with what they sum."""
    from scalelaw.objectives import OBJECTIVES

    return _starting(incomplete, ((kind.name, kind.formula) for kind in OBJECTIVES))


def intervals(incomplete: str) -> list[tuple[str, str]]:
    """Interval methods that begin so, with how they are made."""
    from scalelaw.intervals import INTERVALS

    return _starting(incomplete, ((kind.name, kind.description) for kind in INTERVALS))


def _starting(incomplete: str, names: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, help) for name, help in names if name.startswith(incomplete)]
