"""What a report costs: seconds of one core for each step, and megabytes, by the number of runs.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_report      prints the table, writes tests/benchmarks/report.csv

The runs are simulated, no two of one size, which is the most a report can be asked to hold. The report is written in
every format; its page, which is all that is sent to a reader, is also given alone.
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import scalelaw as sl
from reports import fit_report, write_report
from reports.writing import DEFAULT, FORMATS
from tests.conftest import simulated

TABLE = Path(__file__).with_name("report.csv")
ROWS = (100, 10_000, 100_000)
METHODS = ("wald", "auto")
COLUMNS = ("runs", "intervals", "fit_s", "report_s", "page_s", "all_formats_s", "page_MB", "default_MB", "all_MB")

T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What the work gives, and the seconds of one core it takes."""
    start = time.process_time()
    done = work()
    return done, time.process_time() - start


def measured(n: int, method: str, folder: Path) -> dict[str, object]:
    """A row of the table."""
    fit, fit_s = timed(lambda: sl.fit("chinchilla", simulated(n)))
    report, report_s = timed(lambda: fit_report(fit, sl.uncertainty(fit, method)))
    page, page_s = timed(lambda: write_report(report, folder / "page.html", ["html"]))
    files, all_s = timed(lambda: write_report(report, folder / "law.html", FORMATS))
    usual = [path for path in files if path.suffix.removeprefix(".") in DEFAULT]
    seconds = (f"{s:.2f}" for s in (fit_s, report_s, page_s, all_s))
    sizes = (f"{sum(path.stat().st_size for path in paths) / 1e6:.1f}" for paths in (page, usual, files))
    return dict(zip(COLUMNS, (n, method, *seconds, *sizes), strict=True))


def main() -> None:
    """Measure, print and write."""
    with tempfile.TemporaryDirectory() as folder:
        measured(ROWS[0], METHODS[0], Path(folder))  # imports are not counted
        rows = [measured(n, method, Path(folder)) for n in ROWS for method in METHODS]
    for stream in (sys.stdout, TABLE.open("w", encoding="utf-8")):
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
