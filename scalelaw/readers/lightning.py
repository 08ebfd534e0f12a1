"""Lightning's CSVLogger: a folder `version_N` with `metrics.csv`, and `hparams.yaml` beside it."""

from __future__ import annotations

from pathlib import Path

from scalelaw.readers._gathering import Points
from scalelaw.readers.base import Manner
from scalelaw.readers.delimited import DelimitedReader
from scalelaw.readers.logs import Log, LogReader, Logs
from scalelaw.readers.points import points_of
from scalelaw.readers.settings import settings
from scalelaw.runs import Note

METRICS, SETTINGS = "metrics.csv", "hparams.yaml"
COUNTED = "Lightning counts updates from 0: the column step is that plus 1"


class LightningReader(LogReader):
    """One run a folder, named `EXPERIMENT/version_N`.

    Lightning logs the index of an update, so the column `step` is that plus 1: the updates made, of which tokens are a
    multiple. Lines of one step, written after training and after validation, are one point.
    """

    name = "lightning"

    def claims(self, path: Path, head: bytes) -> bool:
        """A `metrics.csv` with columns `epoch` and `step`, in a folder `version_N` or beside `hparams.yaml`."""
        names = {name.strip(b' "\r') for name in head.partition(b"\n")[0].split(b",")}
        beside = path.with_name(SETTINGS).is_file() or path.parent.name.startswith("version_")
        return path.name == METRICS and beside and {b"epoch", b"step"} <= names

    def holds(self, folder: Path) -> bool:
        """A folder with both files."""
        return (folder / METRICS).is_file() and (folder / SETTINGS).is_file()

    def logs(self, path: Path, manner: Manner) -> Logs:
        """The run of a folder, or of the `metrics.csv` in it."""
        file = path / METRICS if path.is_dir() else path
        cells = DelimitedReader().read(file, manner)
        points = Points()
        for point, line in zip(points_of(cells), cells.line.tolist(), strict=True):
            epoch = {"epoch": point.pop("epoch")} if "epoch" in point else {}
            points.add(_updates(point.pop("step", "")), point, line, **epoch)
        told = settings(file.with_name(SETTINGS))
        name = _name(file)
        run = Log(name, told.values, points.rows, str(file), points.lines)
        notes = (*cells.notes, *told.notes, Note("I_STEP", f"{name}: {COUNTED}"))
        return Logs([run], (*cells.sources, *told.sources), notes)


def _updates(index: str) -> int | str:
    """The updates made after the one of this index; a cell that is no count stays, to be refused where it is used."""
    return int(index) + 1 if index.isdecimal() else index


def _name(file: Path) -> str:
    folder = file.resolve().parent
    return f"{folder.parent.name}/{folder.name}" if folder.name.startswith("version_") else folder.name


KIND = LightningReader()
