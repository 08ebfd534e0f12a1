"""Weights & Biases, offline: files in `<run>/wandb` that `wandb sync` sends when and if its user says so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runners.sinks.base import Sink, Writer


class WandbWriter(Writer):
    """One run, whose id is ours, with its spec and counts. Nothing is sent, and no environment variable is recorded."""

    def __init__(self, folder: Path, record: Mapping[str, Any]) -> None:
        import wandb

        settings = wandb.Settings(
            console="off", silent=True, x_disable_stats=True, x_disable_meta=True, x_disable_machine_info=True,
            disable_code=True, disable_git=True, save_code=False,
        )  # fmt: skip
        self._run = wandb.init(
            mode="offline", dir=str(folder), project="scalelaw", id=record["run_id"], group=record["group"],
            config={**record["spec"], **record["counts"]}, settings=settings, reinit="create_new",
        )  # fmt: skip

    def write(self, line: Mapping[str, Any]) -> None:
        """The line at its step."""
        self._run.log(dict(line), step=line["step"])

    def close(self) -> None:
        """End the run's files."""
        self._run.finish()


class Wandb(Sink):
    """Needs the extra `wandb`."""

    name = "wandb"

    def open(self, folder: Path, record: Mapping[str, Any], step: int) -> WandbWriter:
        """A writer of offline files; `wandb sync` joins the attempts of a resumed run by its id."""
        return WandbWriter(folder, record)


KIND = Wandb()
