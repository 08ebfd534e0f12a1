"""A store of 100,000 runs: opening its index, filtering it, and a table of it, beside reading every record.

python -m tests.benchmarks.bench_store [--runs 100000]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from scalelaw.readers import read_runs
from scalelaw.readers.store_index import StoreIndex

REPEATS = 3


def make_store(store: Path, runs: int) -> None:
    """Finished runs with records of the size the runners write."""
    for i in range(runs):
        folder = store / f"run-{i:06d}"
        folder.mkdir(parents=True)
        (folder / "spec.json").write_text("{}")
        (folder / "done.json").write_text(json.dumps(record(i)))


def record(i: int) -> dict[str, object]:
    """A record; one in fifty diverged."""
    n_params, width = 100_000 + i, 32 * (1 + i % 8)
    n_tokens = 20 * n_params
    return {
        **{"run_id": f"run-{i:06d}", "status": "finished" if i % 50 else "diverged", "group": f"group-{i // 3}"},
        **{"n_params": n_params, "n_params_non_embedding": n_params - 1000, "n_tokens": n_tokens},
        **{"flops": 6.1 * n_params * n_tokens, "flops_6nd": 6.0 * n_params * n_tokens},
        **{"loss": 2.0 + 0.1 * (i % 7), "loss_held_out": 2.1 + 0.1 * (i % 7), "loss_unit": "nats/token"},
        **{"steps": 1000, "wall_s": 1.5, "corpus": "python", "width": width, "depth": 2, "lr": 0.01, "seed": i % 3},
        **{"parametrization": "mup", "base_width": 32, "head_dim": 16, "context": 64, "batch_size": 32},
        **{"schedule": "cosine", "warmup_share": 0.05, "weight_decay": 0.1},
    }


def every_record(store: Path) -> int:
    """The yardstick: each run's record opened and parsed, and those of width 128 or more counted."""
    folders = sorted(entry.path for entry in os.scandir(store))
    found = (json.loads(Path(folder, "done.json").read_bytes()) for folder in folders)
    return sum(done["width"] >= 128 for done in found)


def best(call: Callable[[], object]) -> float:
    """Seconds of the fastest of some repeats."""
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    """Print each time, and its ratio to the yardstick of the same run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SCALELAW_CACHE"] = f"{folder}/cache"
        store = Path(folder, "store")
        make_store(store, runs)
        yardstick = best(lambda: every_record(store))
        began = time.perf_counter()
        index = StoreIndex(store)
        measured = {"read every record": yardstick, "make the index": time.perf_counter() - began}
        measured["open the index"] = best(lambda: StoreIndex(store).close())
        assert len(index.matching("width", ">=", 128)) == every_record(store)
        measured["filter it"] = best(lambda: index.matching("width", ">=", 128))
        index.close()
        measured["table of the store"] = best(lambda: read_runs(store))
    for name, seconds in measured.items():
        print(f"{name:20}  {seconds:7.3f} s  {seconds / yardstick:6.2f} of reading every record")


if __name__ == "__main__":
    main()
