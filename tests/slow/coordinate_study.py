"""Do slopes against width and depth come out as theory says, at widths of 64 to 2048 and depths of 2 to 32?

    python -m tests.slow.coordinate_study        writes coordinate.csv beside this file: about five minutes of a core

Three kinds of row: a transformer's quantities against width, the same against depth, and the features of a tanh
network against width by the rules of every parametrization. The first line of the table holds a hash of the code.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from runners.probes.coordinate_check import SGD_LR, SMALL, Axis, coordinate_check
from runners.probes.feature_learning import THEORY, WIDTHS, feature_slope
from tests.slow import provenance

TABLE = Path(__file__).with_name("coordinate.csv")
DEPTHS = (2, 4, 8, 16, 32)
PARTS = ("coordinate_check", "feature_learning", "quantities", "slopes")
RULES = ("base", "completep", "mean_field", "mup", "ntk", "standard")


@dataclass(frozen=True)
class Cell:
    """One coordinate check of the table."""

    axis: Axis
    parametrization: str
    optimizer: str
    seeds: int

    @property
    def values(self) -> tuple[int, ...]:
        """The widths or the depths."""
        return WIDTHS if self.axis == "width" else DEPTHS


CELLS = (
    Cell("depth", "completep", "adamw", 8),
    Cell("depth", "mup", "adamw", 3),
    Cell("depth", "standard", "adamw", 3),
    Cell("width", "mup", "adamw", 4),
    Cell("width", "standard", "adamw", 2),
    Cell("width", "ntk", "adamw", 2),
    Cell("width", "mup", "sgd", 6),
)
FEATURE_SEEDS = 8
Row = dict[str, str]


def code_hash() -> str:
    """A hash of the sources the study depends on."""
    probes, rules = "../runners/probes", "../runners/parametrizations"
    files = [*(f"{probes}/{name}.py" for name in PARTS), *(f"{rules}/{name}.py" for name in RULES)]
    return provenance.code_hash(__file__, files)


def rows_of(cell: Cell) -> Iterator[Row]:
    """A row for each quantity of a check."""
    lr = SMALL.lr if cell.optimizer == "adamw" else SGD_LR
    spec = replace(SMALL, parametrization=cell.parametrization, optimizer=cell.optimizer, lr=lr)
    check = coordinate_check(spec, axis=cell.axis, values=cell.values, seeds=range(cell.seeds))
    head = {"axis": cell.axis, "parametrization": cell.parametrization, "optimizer": cell.optimizer}
    for name in check.quantities:
        for phase, slopes in (("start", check.start_slopes), ("change", check.change_slopes)):
            slope = slopes[name]
            yield head | {"quantity": name, "phase": phase} | _numbers(slope.value, slope.standard_error, slope.theory)


def feature_rows() -> Iterator[Row]:
    """A row for each case of `THEORY`."""
    for case in THEORY:
        slope = feature_slope(case, seeds=range(FEATURE_SEEDS))
        head = {"axis": "width", "parametrization": case.parametrization, "optimizer": "sgd"}
        name = f"tanh features, {case.layers} layers, rate / m^{case.c:g}"
        yield head | {"quantity": name, "phase": "change"} | _numbers(slope.value, slope.standard_error, slope.theory)


def _numbers(value: float | None, error: float | None, theory: float) -> Row:
    shown = {"slope": value, "standard_error": error, "theory": theory + 0.0}
    return {name: "" if number is None else f"{number:.4f}" for name, number in shown.items()}


def read() -> list[Row]:
    """The committed table."""
    return list(csv.DictReader(TABLE.read_text().splitlines()[1:]))


def main() -> None:
    """Write the table."""
    made_by = code_hash()
    rows = [*feature_rows(), *(row for cell in CELLS for row in rows_of(cell))]
    with TABLE.open("w", newline="") as file:
        file.write(f"# code {made_by}, torch {torch.__version__}; python -m tests.slow.coordinate_study\n")
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
