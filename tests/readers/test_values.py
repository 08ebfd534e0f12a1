"""A cell that is no usable number is refused by file, line, column and value, or left out on the record."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalelaw.errors import DataError, UsageError
from scalelaw.readers import read_runs, write_runs
from tests.readers.conftest import HEADER, ROWS, text

BROKEN = [*ROWS, ("run-d", 1e8, "NA", 3), ("run-e", 1e8, 1e9, "diverged"), ("run-f", 1e8, 1e9, "inf")]


def test_the_first_refused_cell_is_named_and_the_others_counted(csv_file: Path) -> None:
    csv_file.write_text(text(BROKEN))
    with pytest.raises(DataError, match=r"3 cells are refused in lines 5-7: line 5 n_tokens 'NA', line 6") as caught:
        read_runs(csv_file)
    error = caught.value
    assert (error.code, error.line, error.column, error.value) == ("E_MISSING_VALUE", 5, "n_tokens", "NA")
    assert str(csv_file) in str(error)


def test_dropped_rows_are_exclusions_with_reasons(csv_file: Path) -> None:
    csv_file.write_text(text(BROKEN))
    table = read_runs(csv_file, drop_invalid=True)
    assert table.run_id == ("run-a", "run-b", "run-c")
    assert [(item.run_id, item.line) for item in table.excluded] == [("run-d", 5), ("run-e", 6), ("run-f", 7)]
    assert "diverged" in table.excluded[1].reason


def test_a_file_of_refused_rows_only_is_refused_whatever_is_asked(csv_file: Path) -> None:
    csv_file.write_text(text([("a", 1e7, 1e9, 0)]))
    with pytest.raises(DataError, match="E_NOT_POSITIVE"):
        read_runs(csv_file, drop_invalid=True)


def test_a_decimal_comma_is_read_when_announced(csv_file: Path) -> None:
    csv_file.write_text("N;D;loss\n1,5e7;2.000.000.000;3,25\n")
    table = read_runs(csv_file, decimal=",")
    assert (table.n_params[0], table.n_tokens[0], table.loss[0]) == (1.5e7, 2e9, 3.25)
    with pytest.raises(DataError, match="--decimal ,"):
        read_runs(csv_file)
    with pytest.raises(UsageError, match="decimal mark"):
        read_runs(csv_file, decimal="x")


@pytest.mark.parametrize(
    ("header", "row", "options", "nats"),
    [
        ("loss_bits", "2", {}, 1.3862943611198906),
        ("loss", "2", {"loss_unit": "bits"}, 1.3862943611198906),
        ("bpb", "1", {"bytes_per_token": 4.0}, 2.772588722239781),
        ("loss,loss_unit", "2,bits", {}, 1.3862943611198906),
        ("loss_nats", "2", {}, 2.0),
        ("loss,unit", "2,GPU", {"loss_unit": "nats"}, 2.0),
    ],
)
def test_a_loss_comes_out_in_nats(
    header: str, row: str, options: dict[str, object], nats: float, csv_file: Path
) -> None:
    csv_file.write_text(f"N,D,{header}\n1e7,1e9,{row}\n")
    assert read_runs(csv_file, **options).loss[0] == pytest.approx(nats, rel=1e-12)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "options", "error", "says"),
    [
        ("loss", {"loss_unit": "foo"}, UsageError, "Unknown loss unit"),
        ("loss_bits", {"loss_unit": "nats"}, DataError, "E_UNIT"),
        ("bpb", {}, UsageError, "bytes per token"),
        ("bpb", {"bytes_per_token": -1.0}, UsageError, "positive"),
    ],
)
def test_an_unknown_or_disputed_unit_is_an_error(
    header: str, options: dict[str, object], error: type[Exception], says: str, csv_file: Path
) -> None:
    csv_file.write_text(f"N,D,{header}\n1e7,1e9,2\n")
    with pytest.raises(error, match=says):
        read_runs(csv_file, **options)  # type: ignore[arg-type]


def test_units_by_row_are_converted_by_row(csv_file: Path) -> None:
    csv_file.write_text("N,D,loss,loss_unit\n1e7,1e9,2,bits\n1e7,2e9,2,nats\n")
    table = read_runs(csv_file)
    assert table.loss.tolist() == pytest.approx([1.3862943611198906, 2.0])
    assert table.conventions.loss_unit == "bits/token, nats/token"
    csv_file.write_text("N,D,loss,loss_unit\n1e7,1e9,2,bits\n1e7,2e9,2,furlongs\n")
    with pytest.raises(DataError, match="'furlongs' in line 3") as caught:
        read_runs(csv_file)
    assert caught.value.code == "E_UNIT_MIXED"


def test_squared_errors_stay_as_they_are_and_are_never_mixed_with_nats(csv_file: Path, tmp_path: Path) -> None:
    csv_file.write_text("N,D,loss,loss_unit\n1e7,1e9,2,squared error\n1e7,2e9,1,squared error\n")
    table = read_runs(csv_file)
    assert table.loss.tolist() == [2.0, 1.0]
    assert [note.code for note in table.notes] == ["I_UNIT"]
    assert read_runs(write_runs(table, tmp_path / "again.csv")).fingerprint == table.fingerprint
    nats = tmp_path / "nats.csv"
    nats.write_text("N,D,loss\n1e7,1e9,2\n")
    with pytest.raises(DataError, match="cannot be compared") as caught:
        read_runs([csv_file, nats])
    assert caught.value.code == "E_UNIT_MIXED"


def test_a_spread_of_flops_is_a_note_and_no_unit(csv_file: Path) -> None:
    """FLOPs logged per step differ from 6ND by a factor of its own in every row; no one unit explains that."""
    csv_file.write_text("N,D,C,loss\n" + "".join(f"1e8,{10 ** (9 + i / 4)},1e12,3\n" for i in range(12)))
    assert [note.code for note in read_runs(csv_file).notes if note.code.startswith("W_F")] == ["W_FLOPS"]


def test_exact_flops_are_not_compared_with_6nd(csv_file: Path) -> None:
    csv_file.write_text("N,D,C,loss\n1e4,1e8,6e15,3\n")
    assert not read_runs(csv_file, flops_convention="exact").notes


def test_extras_keep_numbers_and_leave_other_text_alone(csv_file: Path) -> None:
    csv_file.write_text("N,D,loss,depth,lr,month,tag\n1e7,1e9,3,2,0.1,2024_01,'=x\n1e7,2e9,3,4,,2024_02,y\n")
    extras = read_runs(csv_file).extras
    assert extras["depth"].dtype.kind == "i"
    assert extras["lr"].dtype.kind == "f"
    assert extras["month"].tolist() == ["2024_01", "2024_02"]
    assert extras["tag"].tolist() == ["=x", "y"]


def test_a_column_of_groups_that_is_the_same_throughout_is_named(tmp_path: Path) -> None:
    rows = [(name, n_params, n_tokens, loss, "sweep") for name, n_params, n_tokens, loss in ROWS]
    (tmp_path / "runs.csv").write_text(text(rows, (*HEADER, "group")))
    table = read_runs(tmp_path / "runs.csv")
    assert [note.code for note in table.notes] == ["W_ONE_GROUP"]
    assert "group: one value in all 3 rows" in table.notes[0].message
