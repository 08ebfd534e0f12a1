"""Mutated files of every format, counted: how many were read, how many refused and by which codes, how many broke.

    python -m tests.slow.fuzz_study [--files 10000]        writes fuzz.csv beside this file

The files are those of `tests.fuzzing`, with another seed than the fast test, equally many of each format. A break is an
exception that is no `ScalelawError`, a warning, or a file that takes longer than `tests.fuzzing.SECONDS`; it is printed
with the bytes that caused it, and no table is written. Memory is limited to 6 GB, so that a file that asks for more
than there is breaks too. The first line holds a hash of the readers and of the mutations.
"""

from __future__ import annotations

import argparse
import csv
import resource
import sys
import tempfile
from math import ceil
from pathlib import Path

from tests.fuzzing import fuzz, samples
from tests.slow.provenance import ROOT, code_hash

TABLE = Path(__file__).with_name("fuzz.csv")
FILES, SEED = 10_000, 2026
MEMORY = 6 << 30


def made_by() -> str:
    """A hash of the statements that read files and of those that mutate them."""
    readers = sorted(f"readers/{path.name}" for path in (ROOT / "scalelaw/readers").glob("*.py"))
    return code_hash(__file__, ["../tests/fuzzing.py", "fit_file.py", "yaml_file.py", "cli/_config.py", *readers])


def main() -> None:
    """Write the table, or say what broke."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=FILES)
    files, code = parser.parse_args().files, made_by()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with tempfile.TemporaryDirectory() as folder:
        each = ceil(files / len(samples(Path(folder))))
        tallies = fuzz({"": each}, SEED, Path(folder))
    for name, tally in tallies.items():
        for _, what, content in tally.broken:
            print(f"{name}: {what}\n    {content[:200]!r}", file=sys.stderr)
    broken = sum(len(tally.broken) for tally in tallies.values())
    if broken:
        sys.exit(f"{broken} files broke; the table is not written")
    with TABLE.open("w", newline="") as file:
        file.write(f"# code {code}; python -m tests.slow.fuzz_study --files {files}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["format", "files", "read", "refused", "broken", "codes"])
        for name, tally in tallies.items():
            codes = " ".join(f"{code}:{n}" for code, n in sorted(tally.refused.items(), key=lambda item: -item[1]))
            writer.writerow([name, tally.files, tally.read, tally.files - tally.read, len(tally.broken), codes])
    print(f"{sum(tally.files for tally in tallies.values()):,} mutated files of {len(tallies)} formats, none broke")


if __name__ == "__main__":
    main()
