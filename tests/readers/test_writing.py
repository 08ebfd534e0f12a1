"""Writing then reading is the identity."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scalelaw.readers import read_runs, write_runs
from scalelaw.runs import Conventions, RunTable

counts = st.floats(min_value=1e5, max_value=1e13)
letters = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], include_characters="\n\r\t\x1b")
names = st.text(letters, min_size=1, max_size=9)
run = st.tuples(counts, counts, st.floats(0.1, 9.0), names)
rows = st.lists(run, min_size=1, max_size=6, unique_by=lambda row: row[3])


@given(rows, st.sampled_from(["all", "kaplan"]), st.sampled_from(["6ND", "exact"]))
def test_a_table_reads_back_equal(rows: list[tuple[float, float, float, str]], params: str, flops: str) -> None:
    n_params, n_tokens, loss, run_id = zip(*rows, strict=True)
    table = RunTable.of(
        n_params=n_params,
        n_tokens=n_tokens,
        loss=loss,
        run_id=run_id,
        group=["g"] * len(rows),
        weight=np.linspace(1, 2, len(rows)),
        extras={"val_loss": loss, "tag": np.array(run_id, dtype=object)},
        conventions=Conventions(params=params, flops=flops),
    )
    with TemporaryDirectory() as folder:
        again = read_runs(write_runs(table, Path(folder, "runs.csv")))
    assert again.fingerprint == table.fingerprint
    assert again.run_id == table.run_id
    assert again.extras["val_loss"].tolist() == list(loss)


def test_what_a_spreadsheet_would_run_is_quoted_and_numbers_are_not(tmp_path: Path) -> None:
    table = RunTable.of(
        n_params=[1e6, 2e6],
        n_tokens=[1e7, 1e7],
        loss=[3.0, 2.0],
        run_id=["=1+1", "@SUM(1)"],
        extras={"shift": [-2.1, 1.0]},
    )
    path = write_runs(table, tmp_path / "runs.csv")
    assert '"\'=1+1"' in path.read_text()
    assert ",-2.1" in path.read_text()
    assert read_runs(path).run_id == table.run_id
