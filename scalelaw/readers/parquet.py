"""Parquet tables, through pyarrow (`pip install 'scalelaw[parquet]'`)."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from scalelaw.errors import DataError, MissingExtraError
from scalelaw.readers.base import Cells, Manner, Reader
from scalelaw.readers.loading import load


class ParquetReader(Reader):
    """Parquet: columns keep their types, so text that looks like a number is still read as one."""

    name = "parquet"
    suffixes = (".parquet", ".pq")

    def claims(self, path: Path, head: bytes) -> bool:
        """Begins with the four bytes every Parquet file begins with."""
        return head.startswith(b"PAR1")

    def read(self, path: Path, manner: Manner) -> Cells:
        """Columns as Python values; rows have no line, so `line` counts them from 1."""
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError:
            raise MissingExtraError("Reading Parquet", "parquet") from None
        loaded = load(path)
        try:
            table = pq.read_table(io.BytesIO(loaded.content))
            columns = {name: table.column(name).to_pylist() for name in table.column_names}
        except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
            raise DataError("E_PARQUET", f"not readable as Parquet: {error}", file=path) from None
        if not table.num_rows:
            raise DataError("E_NO_ROWS", "a header and 0 rows", file=path, remedy="check what wrote it")
        return Cells(
            path=str(path),
            columns=columns,
            file=(str(path),) * table.num_rows,
            line=np.arange(1, table.num_rows + 1, dtype=np.int64),
            sources=(loaded.source,),
        )


KIND = ParquetReader()
