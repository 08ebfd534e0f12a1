"""Readers: logged runs in files -> RunTable. One format per file; `read_runs` picks the reader."""

from scalelaw.readers.base import READERS as READERS
from scalelaw.readers.base import Cells as Cells
from scalelaw.readers.base import Reader as Reader
from scalelaw.readers.filters import exclude_expression as exclude_expression
from scalelaw.readers.mapping import ColumnMap as ColumnMap
from scalelaw.readers.reading import read_runs as read_runs
from scalelaw.readers.writing import write_runs as write_runs
