"""Find the kinds that live one to a file in a folder, by name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cached_property
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from scalelaw.errors import UsageError

Kind = TypeVar("Kind")


class Registry(Generic[Kind]):
    """The kinds of one package: every module that is not private or `base` offers `KIND`, an object with a `name`.

    Other packages add kinds by an entry point of the group that is the package's name, whose value is the object or its
    class: `[project.entry-points."scalelaw.laws"]`, `mine = "my_package.laws:Mine"`. Modules are imported at the first
    look-up, so that listing a package costs nothing at start-up.

    >>> from scalelaw.objectives import OBJECTIVES
    >>> OBJECTIVES["log_huber"].name
    'log_huber'
    """

    def __init__(self, package: str, noun: str) -> None:
        self.package, self.noun = package, noun

    @cached_property
    def _kinds(self) -> dict[str, Kind]:
        path = importlib.import_module(self.package).__path__
        kinds: dict[str, Kind] = {}
        for module in sorted(info.name for info in pkgutil.iter_modules(path)):
            if module.startswith("_") or module == "base":
                continue
            found = getattr(importlib.import_module(f"{self.package}.{module}"), "KIND", None)
            if found is None:
                continue
            name: str = found.name
            if name in kinds:
                raise RuntimeError(f"two kinds of {self.noun} are named {name!r} in {self.package}")
            kinds[name] = found
        for entry in entry_points(group=self.package):
            if entry.name in kinds:
                raise RuntimeError(f"the {self.noun} {entry.name!r} of {entry.value} has the name of another")
            found = entry.load()
            kinds[entry.name] = found() if isinstance(found, type) else found
        return kinds

    def __getitem__(self, name: str) -> Kind:
        """The kind of that name; `UsageError` lists the known names."""
        try:
            return self._kinds[name]
        except KeyError:
            known = ", ".join(self.names())
            raise UsageError(f"Unknown {self.noun} {name!r}. Known: {known}.") from None

    def __contains__(self, name: object) -> bool:
        return name in self._kinds

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def names(self) -> tuple[str, ...]:
        """The known names, sorted."""
        return tuple(sorted(self._kinds))
