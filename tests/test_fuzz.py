"""Mutated files of every format are read or refused, in bounded time, and no damage changes a table in silence.

What can be found out at all, in a table of text: a cell that is no number any more, a number that no quantity has, a
row that was cut or doubled, a header in the middle. What cannot: a digit that became another digit, unless N, D and C
contradict one another by more than 1 %; a row that is gone from a file that ends with a newline; a last cell that was
cut and given a newline. The digests of sources, which tables and saved fits keep, tell that the file is another.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from scalelaw.errors import DataError, ScalelawError
from scalelaw.fit_file import load_fit
from scalelaw.fitting import fit
from scalelaw.readers import read_runs, write_runs
from scalelaw.runs import RunTable
from tests.conftest import simulated
from tests.fuzzing import Tally, TooSlow, fuzz, limited, outcome, samples

PER_FORMAT, SEED = 20, 11
NOT_NUMBERS = ("nan", "inf", "-inf", "1e400", "", "NA", "abc", "2,413", "1.2.3", "--", "0x1F", "True", "2-Apr", "#REF!")
NO_QUANTITIES = ("-2.4", "0", "1e-320", "-0", "1e30", "\u0662.4", "2.\u22124", "1e5000", "9" * 400)
CELLS = ("n_params", "n_tokens", "flops", "loss")


def test_every_sample_is_read_as_it_is(tmp_path: Path) -> None:
    found = samples(tmp_path)
    assert len(found) >= 20
    read = {name: outcome(sample, sample.content, tmp_path) for name, sample in found.items()}
    assert set(read.values()) == {"read"}, read


def test_mutated_files_of_every_format_are_read_or_refused(tmp_path: Path) -> None:
    tallies = fuzz({"": PER_FORMAT}, SEED, tmp_path)
    broken = {name: tally.broken for name, tally in tallies.items() if tally.broken}
    assert not broken
    assert sum(tally.files for tally in tallies.values()) >= 400
    assert sum(tally.read for tally in tallies.values()) >= 20, "hardly a mutation was mild"


def test_an_outcome_that_is_no_refusal_is_a_break() -> None:
    tally = Tally()
    for what in ("read", "E_JSON", "UsageError", "KeyError: 3", "TooSlow: "):
        tally.note("csv", what, b"")
    assert (tally.files, tally.read, len(tally.broken)) == (5, 1, 2)


def test_what_does_not_end_is_stopped() -> None:
    with pytest.raises(TooSlow), limited(0.05):
        time.sleep(5)


@pytest.fixture(scope="module")
def table() -> RunTable:
    return simulated(12)


@pytest.fixture(scope="module")
def lines(table: RunTable, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines of a good CSV, header first."""
    path = write_runs(table, tmp_path_factory.mktemp("good") / "runs.csv")
    return path.read_text().splitlines(keepends=True)


def silent(path: Path, expected: RunTable) -> str:
    """What is wrong with a table that was read without a word; empty where it was refused, noted, or as expected.

    Where N, D or C is missing it follows from the other two, to rounding.
    """
    try:
        found = read_runs(path)
    except ScalelawError:
        return ""
    if found.notes:
        return ""
    if found.run_id != expected.run_id:
        return f"rows {found.run_id}"
    return "".join(
        f"{name} differs; "
        for name in CELLS
        if not np.allclose(getattr(found, name), getattr(expected, name), rtol=1e-6)
    )


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
@pytest.mark.parametrize("column", CELLS)
@pytest.mark.parametrize("text", [*NOT_NUMBERS, *NO_QUANTITIES])
def test_a_cell_that_is_no_number_of_its_kind_is_not_read_in_silence(
    text: str, column: str, ending: str, table: RunTable, lines: list[str], tmp_path: Path
) -> None:
    path = tmp_path / f"runs{ending}"
    names = lines[0].replace('"', "").strip().split(",")
    rows = [line.strip().split(",") for line in lines[1:]]
    rows[5][names.index(column)] = text
    if ending == ".csv":
        path.write_text(lines[0] + "".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
    else:
        texts = [", ".join(f'"{n}": "{c.strip(chr(34))}"' for n, c in zip(names, row, strict=True)) for row in rows]
        path.write_text("".join("{" + line + "}\n" for line in texts), encoding="utf-8")
    assert not silent(path, table)


@pytest.mark.parametrize("ending", ["", "\n"])
def test_a_file_cut_at_any_byte_gives_whole_rows_or_a_word(
    ending: str, table: RunTable, lines: list[str], tmp_path: Path
) -> None:
    """A cut that leaves whole rows, with a newline after them, is a shorter file and nothing else."""
    text, path = "".join(lines), tmp_path / "runs.csv"
    for at in range(len(lines[0]) + 1, len(text)):
        path.write_text(text[:at] + ending)
        whole = text[:at].count("\n") - 1
        complete = text[at - 1] == "\n" or (text[at] == "\n" and ending)
        if text[at] == "\n" or text[at - 1] == "\n":
            whole += text[at] == "\n"
            assert not silent(path, table.take(range(whole))), at
        elif ending:  # a newline after half a cell looks like a whole one: only a row of too few cells is told
            continue
        else:
            assert not complete
            assert not silent(path, table.take([])), at


@pytest.mark.parametrize("named", [True, False])
def test_rows_that_are_doubled_are_told(named: bool, table: RunTable, lines: list[str], tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    rows = lines if named else [line.split(",", 2)[2] for line in lines]
    for row in range(1, len(rows)):
        for at in (row, 1, len(rows)):
            path.write_text("".join([*rows[:at], rows[row], *rows[at:]]))
            assert "W_DUPLICATE" in [note.code for note in read_runs(path).notes], (row, at)


def test_two_files_joined_into_one_are_refused(lines: list[str], tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("".join(lines + lines))
    with pytest.raises(DataError, match="repeated header"):
        read_runs(path)
    path.write_text("".join(lines).rstrip("\n") + "".join(lines[1:]))
    assert not silent(path, simulated(0))


def test_a_saved_fit_with_a_changed_digit_is_refused(tmp_path: Path) -> None:
    """In the runs, the working parameters, or the estimate."""
    path = tmp_path / "law.json"
    fit("chinchilla", simulated(24), starts=2).save(path)
    good = path.read_text()
    assert load_fit(path)
    for part in ('"loss": [', '"n_params": [', '"theta": [', '"centre": [', '"estimate": {'):
        at = next(i for i in range(good.index(part) + len(part), len(good)) if good[i].isdigit() and good[i] != "0")
        path.write_text(good[:at] + ("7" if good[at] != "7" else "3") + good[at + 1 :])
        with pytest.raises(DataError, match="E_NOT_A_FIT"):
            load_fit(path)
