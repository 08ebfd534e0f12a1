"""Which law foresees the end of a learning curve? 92 published curves, fitted on their first part, scored on the rest.

    python -m tests.slow.curves_study        writes curves.csv beside this file (15 minutes) and prints its summary

The curves are those of Alabdulmohsin et al. 2022, arXiv 2209.06640, each with its own division into a part to fit and a
part, up to twice as far, to predict. A score is the root mean square of ln(predicted / observed) over the latter. M1 to
M4 and the law with one break are fitted as their papers do, by least squares of the log, M4 with the random level 1;
`compare` sees nothing but the part to fit. Its settings (cuts, emphasis, shrinkage) were chosen by their scores on the
curves of even index, with those of the other curves in view; so the summary tells the two halves apart, and neither is
an untouched test. The table holds one row a curve, its first line a hash of the code that made it.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from scalelaw.comparing import compare
from scalelaw.fitting import Fit, fit
from scalelaw.laws import get_law
from scalelaw.laws._constrained import constrain
from scalelaw.runs import RunTable
from tests.conftest import DEVELOPMENT_DATA
from tests.slow import provenance

TABLE = Path(__file__).with_name("curves.csv")
PUBLISHED = {
    "M1": get_law("m1(n_tokens)"),
    "M2": get_law("m2(n_tokens)"),
    "M3": get_law("m3(n_tokens)"),
    "M4": constrain(get_law("m4(n_tokens)"), fix={"E_0": 1.0}),
    "one break": get_law("broken_power(n_tokens)"),
}
OURS = ("power_constant(n_tokens)", "m4(n_tokens)", "broken_power(n_tokens)")
"""Laws under this package's own default objective."""

Curve = tuple[RunTable, RunTable]


def code_hash() -> str:
    """A hash of the sources the study depends on."""
    return provenance.code_hash(__file__, ("comparing.py", "backtesting.py", "sizing.py"))


def curves(data: Path = DEVELOPMENT_DATA) -> list[Curve]:
    """The part to fit and the part to predict of every curve; rows that repeat others are read once."""
    parts: dict[tuple[str, ...], dict[tuple[float, float, bool], None]] = {}
    for name in ("revisiting_lang.csv", "revisiting_vision.csv"):
        with open(data / "revisiting-benchmark" / name, newline="") as file:
            for row in csv.DictReader(file):
                point = float(row["Seen Examples"]), float(row["Loss"]), row["Training"] == "1"
                parts.setdefault((row["Domain"], row["Task"], row["Model"]), {})[point] = None
    return [(_part(points, True), _part(points, False)) for points in parts.values()]


def _part(points: dict[tuple[float, float, bool], None], training: bool) -> RunTable:
    chosen = sorted((x, loss) for x, loss, fitted in points if fitted is training)
    return RunTable.of(n_tokens=[x for x, _ in chosen], loss=[loss for _, loss in chosen])


def scores(curve: Curve) -> dict[str, float]:
    """The score of every law and of `compare` on one curve."""
    seen, later = curve
    x, observed = later.n_tokens, np.log(later.loss)
    fits: dict[str, Fit] = {name: fit(law, seen, "log_least_squares") for name, law in PUBLISHED.items()}
    fits |= {f"{name}, auto": fit(name, seen) for name in OURS}
    comparison = compare(seen)
    predicted = {name: fitted.predict(n_tokens=x) for name, fitted in fits.items()}
    predicted["compare, best law"] = comparison.best.forecast.predict(n_tokens=x)
    predicted["compare, average"] = comparison.predict(n_tokens=x)
    return {name: float(np.sqrt(np.mean((np.log(loss) - observed) ** 2))) for name, loss in predicted.items()}


def summary(found: list[dict[str, float]]) -> list[dict[str, object]]:
    """Mean and median score of each law over all curves and over both halves, and how often it was the best."""
    table = np.array([list(row.values()) for row in found])
    winner = table.argmin(axis=1)
    rows = []
    for k, name in enumerate(found[0]):
        row: dict[str, object] = {"law": name}
        for half, part in (("", table[:, k]), ("even ", table[::2, k]), ("odd ", table[1::2, k])):
            row |= {f"{half}mean": f"{part.mean():.4f}", f"{half}median": f"{np.median(part):.4f}"}
        rows.append(row | {"won": f"{np.mean(winner == k):.3f}", "curves": len(found)})
    return rows


def write(found: list[dict[str, float]], made_by: str) -> None:
    """The scores of every curve, one row each."""
    with open(TABLE, "w", newline="") as file:
        file.write(f"# code {made_by}, root mean square of the log error beyond the fitted part, a row a curve\n")
        writer = csv.DictWriter(file, fieldnames=list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: f"{score:.5f}" for name, score in row.items()} for row in found)


def read() -> list[dict[str, float]]:
    """The committed scores."""
    rows = csv.DictReader(TABLE.read_text().splitlines()[1:])
    return [{name: float(score) for name, score in row.items()} for row in rows]


def main() -> None:
    """Write the table and print its summary."""
    made_by = code_hash()
    write([scores(curve) for curve in curves()], made_by)
    for row in summary(read()):
        print("  ".join(f"{name} {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
