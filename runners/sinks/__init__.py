"""Where the lines of a run's log go besides `metrics.jsonl`; one file each."""

from __future__ import annotations

from runners.sinks.base import Sink, Writer
from scalelaw.registry import Registry

SINKS: Registry[Sink] = Registry("runners.sinks", "sink")

__all__ = ["SINKS", "Sink", "Writer"]
