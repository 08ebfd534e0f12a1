"""Each reader returns the same table for the same runs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from scalelaw.errors import DataError, UsageError
from scalelaw.readers import READERS, read_runs
from tests.readers.conftest import HEADER, ROWS, text


def _json_lines() -> str:
    return "".join(json.dumps(dict(zip(HEADER, row, strict=True))) + "\n" for row in ROWS)


TEXTS = {
    "runs.tsv": text(sep="\t"),
    "semicolons.csv": text(sep=";"),
    "runs.txt": text(),
    "no_ending": text(),
    "runs.jsonl": _json_lines(),
    "array.json": json.dumps([dict(zip(HEADER, row, strict=True)) for row in ROWS]),
    "no_ending_json": _json_lines(),
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("packed", [False, True])
def test_every_text_format_holds_the_same_runs(name: str, packed: bool, csv_file: Path, tmp_path: Path) -> None:
    content = TEXTS[name].encode()
    path = tmp_path / (name + (".gz" if packed else ""))
    path.write_bytes(gzip.compress(content) if packed else content)
    assert read_runs(path).fingerprint == read_runs(csv_file).fingerprint


def test_parquet_holds_the_same_runs(csv_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = dict(zip(HEADER, map(list, zip(*ROWS, strict=True)), strict=True))
    pq.write_table(pa.table(columns), tmp_path / "runs.parquet")
    assert read_runs(tmp_path / "runs.parquet").fingerprint == read_runs(csv_file).fingerprint
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="E_PARQUET"):
        read_runs(tmp_path / "broken.parquet")


def test_the_readers_are_found_by_name() -> None:
    assert {"csv", "jsonl", "parquet", "store", "wandb_offline", "hf_trainer"} <= set(READERS.names())


def test_a_missing_file_is_answered_with_the_nearest_name(csv_file: Path) -> None:
    with pytest.raises(UsageError, match=r"Did you mean .*runs\.csv"):
        read_runs(csv_file.with_name("run.csv"))


def test_a_line_is_the_physical_one_past_comments_blank_lines_and_quoted_newlines(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text('# a\n# b\nrun_id,N,D,loss\n\n"a\nb",1e7,1e9,3\n#c,1e7,2e9,3\n\nd,1e7,3e9,2.5\n')
    table = read_runs(path)
    assert table.line.tolist() == [5, 9]
    assert table.run_id == ("a\nb", "d")
    assert [(note.code, note.lines) for note in table.notes] == [("I_COMMENT", (7,))]


def test_nested_json_becomes_names_with_slashes(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text('{"N": 1e7, "D": 1e9, "eval": {"loss": 3.0}, "opt": {"lr": 0.1}}\n')
    table = read_runs(path)
    assert table.loss.tolist() == [3.0]
    assert table.extras["opt/lr"].tolist() == [0.1]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"N": 1, "N": 2}', "the key N is given twice"),
        ("[1, 2]", "an object"),
        ('{"N": 1', "not JSON"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nesting"),
    ],
)
def test_a_line_that_is_no_record_is_refused_with_its_number(line: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(f'{{"N": 1e7, "D": 1e9, "loss": 3.0}}\n{line}\n')
    with pytest.raises(DataError, match=says) as caught:
        read_runs(path)
    assert (caught.value.code, caught.value.line) == ("E_JSON", 2)


def test_a_last_json_line_that_was_being_written_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text('{"N": 1e7, "D": 1e9, "loss": 3.0}\n{"N": 1e7, "D"')
    assert [note.code for note in read_runs(path).notes] == ["W_TRUNCATED"]


def test_several_files_are_one_table_with_distinct_names(tmp_path: Path) -> None:
    for name, loss in (("a.csv", 3.0), ("b.csv", 2.5)):
        (tmp_path / name).write_text(f"N,D,loss,{name[0]}\n1e7,1e9,{loss},x\n")
    table = read_runs([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert table.run_id == ("run000", "run001")
    assert table.loss.tolist() == [3.0, 2.5]
    assert [Path(source.file).name for source in table.sources] == ["a.csv", "b.csv"]
    assert table.extras["a"].tolist() == ["x", None]


def test_files_that_count_differently_are_not_joined(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n_params,D,loss\n1e7,1e9,3\n")
    (tmp_path / "b.csv").write_text("n_params_non_embedding,D,loss\n1e7,1e9,3\n")
    with pytest.raises(DataError, match=r"non_embedding in .*b\.csv") as caught:
        read_runs([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert caught.value.code == "E_UNIT_MIXED"


def test_a_million_equal_cells_go_the_fast_way(tmp_path: Path) -> None:
    """The column is converted at once: a suffix in one cell changes the way, not the values."""
    path = tmp_path / "runs.csv"
    rows = "".join(f"{10_000_000 + i},{10**9 + i},3.0\n" for i in range(2000))
    path.write_text("N,D,loss\n" + rows)
    fast = read_runs(path)
    path.write_text("N,D,loss\n" + rows.replace("10000000,", "10M,", 1))
    np.testing.assert_array_equal(read_runs(path).n_params, fast.n_params)
