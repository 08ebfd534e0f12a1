"""What a sink is: it opens a run and gets every line that `metrics.jsonl` gets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Writer(ABC):
    """One run in a sink."""

    @abstractmethod
    def write(self, line: Mapping[str, Any]) -> None:
        """Take in a line of the log."""

    @abstractmethod
    def close(self) -> None:
        """Flush what is held back."""


class Sink(ABC):
    """A kind of log. `metrics.jsonl` is the record; a sink is a copy for looking at, made after it."""

    name: str

    @abstractmethod
    def open(self, folder: Path, record: Mapping[str, Any], step: int) -> Writer:
        """A writer for the run of `folder`, which `record` describes as `spec.json` does, from `step` on.

        Raises:
            MissingExtraError: where its package is not installed.
        """
