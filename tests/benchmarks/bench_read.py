"""Speed and memory of reading, beside what the same bytes cost to split and parse, in one run on one thread.

    python -m tests.benchmarks.bench_read       prints the table, writes tests/benchmarks/read.csv

Ours is the whole way, `read_runs` of a file to a checked `RunTable`; the others stop earlier: `csv.reader` at lists of
text, `json.loads` at one object a line, pandas at a frame. Peak memory is that of a process of its own, interpreter and
libraries included.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from scalelaw.readers import Cells, ColumnMap, read_runs
from scalelaw.readers.columns import choose_columns
from scalelaw.readers.reducing import Reduction, reduce_curves

TABLE = Path(__file__).with_name("read.csv")
ROWS, LINES, RUNS, POINTS = 1_000_000, 300_000, 300, 1_000_000
PEAK = "import resource, sys; from scalelaw.readers import read_runs; read_runs(sys.argv[1], curve=sys.argv[2]); " + (
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
)


def write_table(path: Path, rows: int = ROWS) -> None:
    """Runs of a law with noise, one a line."""
    rng = np.random.default_rng(0)
    n = np.exp(rng.uniform(np.log(1e7), np.log(1e10), rows)).round()
    d = (n * np.exp(rng.uniform(0, np.log(200), rows))).round()
    loss = (1.69 + 406.4 * n**-0.34 + 410.7 * d**-0.28) * np.exp(0.004 * rng.standard_normal(rows))
    cells = zip(n.tolist(), d.tolist(), (6 * n * d).tolist(), loss.tolist(), strict=True)
    with path.open("w") as file:
        file.write("run_id,n_params,n_tokens,flops,loss\n")
        file.writelines(f"r{i},{a:.0f},{b:.0f},{c:.6e},{x:.6f}\n" for i, (a, b, c, x) in enumerate(cells))


def write_log(path: Path, lines: int = LINES, runs: int = RUNS) -> None:
    """Curves with noise, a point a line."""
    rng = np.random.default_rng(1)
    steps = 10 * np.arange(1, lines // runs + 1)
    with path.open("w") as file:
        for run in range(runs):
            losses = (2 + 30 * steps**-0.4) * np.exp(0.01 * rng.standard_normal(len(steps)))
            for step, loss in zip(steps.tolist(), losses.tolist(), strict=True):
                point = {"run": f"r{run}", "n_params": 10**7 + run, "step": step, "tokens": step * 32_768}
                file.write(json.dumps(point | {"loss": round(loss, 6)}) + "\n")


def cpu_seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """CPU time of one call, the least of `repeats`."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def peak_mb(path: Path, curve: str) -> float:
    """Largest resident memory of a process that reads the file, in MB; at least that of the one that starts it."""
    done = subprocess.run([sys.executable, "-c", PEAK, path, curve], check=True, capture_output=True, text=True)
    return int(done.stdout) / 1024


def compare(folder: Path) -> list[dict[str, object]]:
    """A row for each way to read each file."""
    table, log = folder / "runs.csv", folder / "log.jsonl"
    write_table(table)
    write_log(log)
    peaks = {(path, curve): peak_mb(path, curve) for path, curve in ((table, "auto"), (log, "all"), (log, "last"))}
    text = log.read_text().splitlines()

    def split() -> None:
        with table.open(newline="") as file:
            list(csv.reader(file))

    ways: list[tuple[str, str, int, Callable[[], object], Path, str]] = [
        ("csv", "read_runs", ROWS, lambda: read_runs(table), table, "auto"),
        ("csv", "csv.reader, lists of text", ROWS, split, table, ""),
        ("csv", "pandas.read_csv", ROWS, lambda: pd.read_csv(table), table, ""),
        ("jsonl", "read_runs, all points, repaired", LINES, lambda: read_runs(log, curve="all"), log, "all"),
        ("jsonl", "read_runs, last points", LINES, lambda: read_runs(log, curve="last"), log, "last"),
        ("jsonl", "json.loads, an object a line", LINES, lambda: [json.loads(line) for line in text], log, ""),
        ("jsonl", "pandas.read_json", LINES, lambda: pd.read_json(log, lines=True), log, ""),
    ]
    rows: list[dict[str, object]] = []
    ours: dict[str, float] = {}
    for what, way, count, work, path, curve in ways:
        seconds = cpu_seconds(work)
        ours.setdefault(what, seconds)
        row: dict[str, object] = {"what": what, "way": way, "rows": count, "cpu_s": seconds}
        row |= {"rows_per_s": count / seconds, "share_of_ours": seconds / ours[what]}
        rows.append(row | ({"peak_mb": peaks[path, curve]} if curve else {}))
    return rows


def curves(points: int = POINTS) -> list[dict[str, object]]:
    """A row for what ordering, repairing and reducing costs once the cells are in memory."""
    rows: list[dict[str, object]] = []
    for runs, keep in ((100, "all"), (100, "last"), (10_000, "all"), (10_000, "last"), (points, "last")):
        steps = np.tile(10.0 * np.arange(1, points // runs + 1), runs)
        run = np.repeat(np.arange(runs), points // runs)
        losses = (2 + 30 * steps**-0.4) * np.exp(0.01 * np.random.default_rng(2).standard_normal(points))
        numbers = {"n_params": 1e7 + run, "step": steps, "tokens": steps * 32_768, "loss": losses}
        columns: dict[str, list[object]] = {name: values.tolist() for name, values in numbers.items()}
        columns["run"] = [f"r{i}" for i in run.tolist()]
        cells = Cells("memory", columns, ("memory",) * points, np.arange(points))
        choice = choose_columns(cells, ColumnMap())
        seconds = cpu_seconds(lambda: reduce_curves(cells, choice, Reduction(keep), "."))  # noqa: B023
        way = f"a table of {runs:,} runs, no curve" if runs == points else f"{runs:,} runs, {keep} points"
        rows.append({"what": "curves", "way": way, "rows": points, "cpu_s": seconds, "rows_per_s": points / seconds})
    return rows


def main() -> None:
    """Print the table and write it."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        rows = [*compare(Path(folder)), *curves()]
    names = ["what", "way", "rows", "cpu_s", "rows_per_s", "share_of_ours", "peak_mb"]
    shown = [{key: f"{value:.4g}" if isinstance(value, float) else value for key, value in row.items()} for row in rows]
    with TABLE.open("w", newline="") as file:
        file.write("# python -m tests.benchmarks.bench_read: CPU time of one thread, least of 3\n")
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(shown)
    for row in shown:
        peak = f"{row['peak_mb']} MB peak" if "peak_mb" in row else ""
        print(f"{row['what']:6s} {row['way']:32s} {row['cpu_s']:>8s} s {row['rows_per_s']:>10s} rows/s {peak}")


if __name__ == "__main__":
    main()
