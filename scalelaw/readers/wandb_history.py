"""A run's history as W&B has it, CSV or Parquet: a row a step, with W&B's own `_step`, `_runtime` and `_timestamp`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scalelaw.readers.base import Cells, Manner
from scalelaw.readers.delimited import DelimitedReader
from scalelaw.readers.facts import name_column
from scalelaw.readers.loading import opened_parquet
from scalelaw.readers.logs import Log, LogReader, Logs
from scalelaw.readers.parquet import MAGIC, ParquetReader, column_names
from scalelaw.readers.points import points_of

PARTS = "*.parquet"
OF_W_AND_B = {"_runtime", "_timestamp"}
