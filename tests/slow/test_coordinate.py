"""The committed slopes belong to this code, and are theory's at widths of 64 to 2048 and depths of 2 to 32."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from runners.probes.quantities import READOUT, STREAM
from runners.probes.slopes import ERRORS, TOLERANCE
from tests.slow.coordinate_study import CELLS, TABLE, Cell, Row, code_hash, feature_rows, read, rows_of

pytestmark = pytest.mark.slow


def rows(axis: str, parametrization: str, optimizer: str = "adamw", phase: str = "change") -> dict[str, Row]:
    """A check's rows by quantity."""
    wanted = {"axis": axis, "parametrization": parametrization, "optimizer": optimizer, "phase": phase}
    return {
        row["quantity"]: row
        for row in read()
        if wanted.items() <= row.items() and not row["quantity"].startswith("tanh features")
    }


def slopes(*which: str) -> dict[str, float]:
    """Where there is one."""
    return {name: float(row["slope"]) for name, row in rows(*which).items() if row["slope"]}


def test_the_table_was_made_by_this_code() -> None:
    assert f"code {code_hash()}," in TABLE.read_text().splitlines()[0], (
        "stale; run python -m tests.slow.coordinate_study"
    )


def test_every_cell_is_in_the_table() -> None:
    assert all(len(rows(cell.axis, cell.parametrization, cell.optimizer)) == 11 for cell in CELLS)


@pytest.mark.parametrize("phase", ["start", "change"])
@pytest.mark.parametrize(("axis", "parametrization"), [("width", "mup"), ("depth", "completep")])
def test_the_slopes_of_mup_in_width_and_completep_in_depth_are_within_a_twentieth(
    axis: str, parametrization: str, phase: str
) -> None:
    for row in rows(axis, parametrization, phase=phase).values():
        if row["slope"]:
            assert abs(float(row["slope"]) - float(row["theory"])) <= TOLERANCE, row


def test_under_sgd_they_are_to_the_scatter_of_the_seeds() -> None:
    for row in rows("width", "mup", "sgd").values():
        assert abs(float(row["slope"])) <= TOLERANCE + ERRORS * float(row["standard_error"]), row


def test_the_standard_parametrization_grows_with_width_and_mup_with_depth() -> None:
    in_width, in_depth = slopes("width", "standard"), slopes("depth", "mup")
    assert min(in_width[name] for name in ("blocks.down", "blocks.attention.out", "attention logits", STREAM)) > 0.3
    assert in_depth[STREAM] > 0.7
    assert slopes("depth", "mup", "adamw", "start")[STREAM] > 0.3


def test_outputs_start_like_one_over_the_root_of_the_width_under_mup_alone() -> None:
    assert slopes("width", "mup", "adamw", "start")[READOUT] == pytest.approx(-0.5, abs=TOLERANCE)
    assert slopes("width", "standard", "adamw", "start")[READOUT] == pytest.approx(0.0, abs=TOLERANCE)


def test_features_follow_their_parametrization_s_theory_within_a_tenth() -> None:
    found = [row for row in read() if row["quantity"].startswith("tanh features")]
    assert {row["parametrization"] for row in found} == {"standard", "ntk", "mean_field", "mup"}
    for row in found:
        assert float(row["slope"]) == pytest.approx(float(row["theory"]), abs=0.1), row


def test_a_part_of_the_table_repeats() -> None:
    """To what another processor's order of summation may change."""
    cell = Cell("depth", "standard", "adamw", 3)
    committed = rows(cell.axis, cell.parametrization)
    for row in rows_of(cell):
        if row["phase"] == "change" and row["slope"]:
            assert float(row["slope"]) == pytest.approx(float(committed[row["quantity"]]["slope"]), abs=0.01)
    first = next(row for row in read() if row["quantity"].startswith("tanh features"))
    assert float(next(feature_rows())["slope"]) == pytest.approx(float(first["slope"]), abs=0.01)
