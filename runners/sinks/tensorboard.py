"""TensorBoard: event files in `<run>/tensorboard`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runners.sinks.base import Sink, Writer


class TensorBoardWriter(Writer):
    """Scalars by step; those of steps that a crash undid are purged."""

    def __init__(self, folder: Path, record: Mapping[str, Any], step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._events = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1 if step else None)
        if step == 0:
            self._events.add_text("spec", f"```\n{json.dumps(record, indent=1)}\n```", 0)

    def write(self, line: Mapping[str, Any]) -> None:
        """Every number of the line but its step."""
        for name, value in line.items():
            if name != "step":
                self._events.add_scalar(name, value, line["step"])

    def close(self) -> None:
        """Flush the event file."""
        self._events.close()


class TensorBoard(Sink):
    """Needs the extra `tensorboard`; look with `tensorboard --logdir STORE`."""

    name = "tensorboard"

    def open(self, folder: Path, record: Mapping[str, Any], step: int) -> TensorBoardWriter:
        """A writer of event files."""
        return TensorBoardWriter(folder, record, step)


KIND = TensorBoard()
