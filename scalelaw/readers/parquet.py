"""Parquet tables, through pyarrow (`pip install 'scalelaw[parquet]'`)."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from scalelaw.errors import DataError, MissingExtraError
from scalelaw.readers.base import Cells, Manner, Reader
from scalelaw.readers.loading import load

MAGIC = b"PAR1"


class ParquetReader(Reader):
    """Parquet: columns keep their types, so text that looks like a number is still read as one."""

    name = "parquet"
    suffixes = (".parquet", ".pq")

    def claims(self, path: Path, head: bytes) -> bool:
        """Begins with the four bytes every Parquet file begins with."""
        return head.startswith(MAGIC)

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


def column_names(path: Path) -> set[str]:
    """The columns of a file, read from its end; none where it is broken, or pyarrow is not installed."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        return set()
    try:
        with path.open("rb") as stream:
            return set(pq.read_schema(stream).names)
    except (pa.ArrowException, OSError, ValueError):
        return set()


KIND = ParquetReader()
