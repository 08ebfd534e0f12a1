"""The committed count of mutated files belongs to this code, is as large as promised, and holds no break."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.fuzzing import fuzz
from tests.slow.fuzz_study import FILES, TABLE, made_by

pytestmark = pytest.mark.slow


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(TABLE.read_text().splitlines()[1:]))


def test_the_table_was_made_by_this_code() -> None:
    assert f"code {made_by()};" in TABLE.read_text().splitlines()[0], "stale; run python -m tests.slow.fuzz_study"


def test_ten_thousand_files_and_more_were_read_or_refused() -> None:
    assert sum(int(row["files"]) for row in rows()) >= FILES
    for row in rows():
        assert int(row["read"]) + int(row["refused"]) == int(row["files"]), row
        assert int(row["broken"]) == 0, row


def test_other_mutations_break_nothing_either(tmp_path: Path) -> None:
    """A seed of its own, which nothing was mended for."""
    tallies = fuzz({"": 500}, 77, tmp_path)
    assert sum(tally.files for tally in tallies.values()) >= FILES
    assert not {name: tally.broken for name, tally in tallies.items() if tally.broken}
