"""DVCLive's folder: `plots/metrics/**.tsv`, a file a metric, with `metrics.json` and `params.yaml` beside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scalelaw.errors import DataError
from scalelaw.readers._gathering import Points
from scalelaw.readers.base import Cells, Manner
from scalelaw.readers.delimited import DelimitedReader
from scalelaw.readers.loading import load, parsed_json
from scalelaw.readers.logs import Log, LogReader, Logs, flat
from scalelaw.readers.points import Point
from scalelaw.readers.settings import settings
from scalelaw.runs import Note, Source

PLOTS = Path("plots/metrics")


class DvcliveReader(LogReader):
    """One run a folder, named as the folder is, or as the one around it where it goes by its default, `dvclive`."""

    name = "dvclive"

    def holds(self, folder: Path) -> bool:
        """A folder with tables under `plots/metrics`."""
        return next((folder / PLOTS).glob("**/*.tsv"), None) is not None

    def logs(self, path: Path, manner: Manner) -> Logs:
        """The run: its metrics put together by step, and the facts of the whole."""
        points = Points()
        sources: list[Source] = []
        notes: list[Note] = []
        for file in sorted((path / PLOTS).glob("**/*.tsv")):
            table = DelimitedReader().read(file, manner)
            sources += table.sources
            notes += table.notes
            _add(points, table, file.relative_to(path / PLOTS).with_suffix("").as_posix())
        facts, more = _summary(path / "metrics.json", points.rows)
        told = settings(path / "params.yaml")
        name = path.resolve().parent.name if path.resolve().name == "dvclive" else path.resolve().name
        run = Log(name, {**facts, **told.values}, points.rows, str(path / PLOTS))
        return Logs([run], (*sources, *more, *told.sources), (*notes, *told.notes))


def _add(points: Points, table: Cells, metric: str) -> None:
    """A metric's table: `step`, perhaps `timestamp`, and the metric under its last name."""
    value = metric.rpartition("/")[2]
    values = table.columns[value if value in table.columns else list(table.columns)[-1]]
    steps = table.columns["step" if "step" in table.columns else next(iter(table.columns))]
    for step, cell in zip(steps, values, strict=True):
        points.add(step, {metric: cell})


def _summary(path: Path, points: Sequence[Point]) -> tuple[Point, tuple[Source, ...]]:
    """What `metrics.json` holds and no point does."""
    if not path.is_file():
        return {}, ()
    loaded, remedy = load(path), "remove it to read the curves alone"
    summary = parsed_json(path, loaded.content, remedy)
    if not isinstance(summary, dict):
        raise DataError("E_JSON", "an object was expected", file=path, remedy=remedy)
    logged = {name for point in points for name in point}
    return {name: value for name, value in flat(summary).items() if name not in logged}, (loaded.source,)


KIND = DvcliveReader()
