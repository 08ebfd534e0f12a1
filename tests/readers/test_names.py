"""Names of runs as they may be shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalelaw.readers import read_runs
from scalelaw.readers.names import LONGEST, shortened

HEADER = "run_id,n_params,n_tokens,loss\n"


def table(tmp_path: Path, *names: str) -> Path:
    path = tmp_path / "runs.csv"
    rows = [f"{name},{10 + i}e6,1e9,{3 - i / 10}\n" for i, name in enumerate(names)]
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return path


def test_long_names_are_shortened_and_stay_apart(tmp_path: Path) -> None:
    one, other = "r" * 5000 + "a", "r" * 5000 + "b"
    found = read_runs(table(tmp_path, one, other, "short")).run_id
    assert len(set(found)) == 3
    assert all(len(name) <= LONGEST for name in found)
    assert found[0] == shortened(one)
    assert found[2] == "short"


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200b", "\ufeff"])
def test_invisible_characters_are_told_with_their_line(mark: str, tmp_path: Path) -> None:
    (note,) = read_runs(table(tmp_path, "a", f"b{mark}c")).notes
    assert note.code == "W_CONTROL_CHAR"
    assert note.lines == (3,)
    assert f"U+{ord(mark):04X}" in note.message


def test_letters_of_any_script_are_no_matter(tmp_path: Path) -> None:
    assert read_runs(table(tmp_path, "größe", "尺度", "масштаб")).notes == ()
