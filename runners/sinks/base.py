"""What a sink is: it opens a run and gets every line that `metrics.jsonl` gets."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scalelaw.errors import MissingExtraError


class Writer(ABC):
    """One run in a sink."""

    @abstractmethod
    def write(self, line: Mapping[str, Any]) -> None:
        """Take in a line of the log."""

    @abstractmethod
    def close(self) -> None:
        """Flush what is held back."""


class Sink(ABC):
    """A kind of log. `metrics.jsonl` is the record; a sink is a copy for looking at, made after it.

    Attributes:
        name: also that of the extra and of the package it needs.
    """

    name: str

    @abstractmethod
    def open(self, folder: Path, record: Mapping[str, Any], step: int) -> Writer:
        """A writer for the run of `folder`, which `record` describes as `spec.json` does, from `step` on."""

    def require(self) -> None:
        """Raise `MissingExtraError` where the package is not installed: before anything is trained."""
        try:
            importlib.import_module(self.name)
        except ImportError:
            raise MissingExtraError(f"The sink {self.name}", self.name) from None
