"""The 27 nonlinear regression sets of NIST's Statistical Reference Datasets, each from both of its starts.

    python -m tests.replication.nist        writes nist.csv beside this file

Every model is a formula text, differentiated by `scalelaw.laws` and minimised by `scalelaw.solver` from the one start
given: no search, no knowledge of the answer. LRE is the number of correct digits of the worst parameter, -log10 of its
relative error, at most 11. The reference values carry 20 digits and agree with every certificate; where the residual of
a set is all rounding (Lanczos1) its standard errors mean nothing and are left out. The first line of the table holds a
hash of the code that made it.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scalelaw.laws._expression import Expression, parse
from scalelaw.laws._jets import Jet
from scalelaw.objectives import get_objective
from scalelaw.solver import Problem, Solution, solve

Floats = np.ndarray
TABLE = Path(__file__).with_name("nist.csv")
ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "nist_strd"
MADE_BY = ("solver/*.py", "laws/_jets.py", "laws/_expression.py")
CAP = 11.0
ROUNDING = ("Lanczos1",)

_GAUSS = "b1*exp(-b2*x) + b3*exp(-(x-b4)^2 / b5^2) + b6*exp(-(x-b7)^2 / b8^2)"
_LANCZOS = "b1*exp(-b2*x) + b3*exp(-b4*x) + b5*exp(-b6*x)"
_CUBIC = "(b1 + b2*x + b3*x^2 + b4*x^3) / (1 + b5*x + b6*x^2 + b7*x^3)"
_DECAY = "exp(-b1*x) / (b2 + b3*x)"
_PI = "3.141592653589793"
_SEASON = f"2*{_PI}*x"
MODELS = {
    "Bennett5": "b1 * (b2+x)^(-1/b3)",
    "BoxBOD": "b1*(1-exp(-b2*x))",
    "Chwirut1": _DECAY,
    "Chwirut2": _DECAY,
    "DanWood": "b1*x^b2",
    "ENSO": f"b1 + b2*cos({_SEASON}/12) + b3*sin({_SEASON}/12) + b5*cos({_SEASON}/b4) + b6*sin({_SEASON}/b4)"
    f" + b8*cos({_SEASON}/b7) + b9*sin({_SEASON}/b7)",
    "Eckerle4": "(b1/b2) * exp(-0.5*((x-b3)/b2)^2)",
    "Gauss1": _GAUSS,
    "Gauss2": _GAUSS,
    "Gauss3": _GAUSS,
    "Hahn1": _CUBIC,
    "Kirby2": "(b1 + b2*x + b3*x^2) / (1 + b4*x + b5*x^2)",
    "Lanczos1": _LANCZOS,
    "Lanczos2": _LANCZOS,
    "Lanczos3": _LANCZOS,
    "MGH09": "b1*(x^2+x*b2) / (x^2+x*b3+b4)",
    "MGH10": "b1 * exp(b2/(x+b3))",
    "MGH17": "b1 + b2*exp(-x*b4) + b3*exp(-x*b5)",
    "Misra1a": "b1*(1-exp(-b2*x))",
    "Misra1b": "b1 * (1-(1+b2*x/2)^(-2))",
    "Misra1c": "b1 * (1-(1+2*b2*x)^(-0.5))",
    "Misra1d": "b1*b2*x*((1+b2*x)^(-1))",
    "Nelson": "b1 - b2*x1 * exp(-b3*x2)",
    "Rat42": "b1 / (1+exp(b2-b3*x))",
    "Rat43": "b1 / ((1+exp(b2-b3*x))^(1/b4))",
    "Roszman1": f"b1 - b2*x - arctan(b3/(x-b4))/{_PI}",
    "Thurber": _CUBIC,
}
"""The models as NIST prints them; `x` is the predictor, Nelson's response is ln y."""


@dataclass(frozen=True)
class Plain:
    """A formula as the solver's curve, its value standing where a law has ln L, its parameters as they are."""

    expression: Expression
    kernel: None = None

    def _jet(self, theta: Floats, z: Floats, second: bool) -> Jet:
        columns = {name: Jet(column) for name, column in zip(self.expression.inputs, z.T, strict=True)}
        seeds = [Jet.variable(column[:, None], i, second) for i, column in enumerate(theta.T)]
        return self.expression.evaluate(columns, dict(zip(self.expression.parameters, seeds, strict=True)))

    def log_loss(self, theta: Floats, z: Floats) -> Floats:
        """The formula's value, `[b, n]`."""
        return np.broadcast_to(self._jet(theta, z, False).value, (len(theta), len(z)))

    def derivatives(self, theta: Floats, z: Floats) -> tuple[Floats, Floats]:
        """The value and its gradient."""
        return self.second_order(theta, z)[:2]

    def curvature(self, theta: Floats, z: Floats, q: Floats) -> Floats:
        """The sum over rows of q times the Hessian."""
        return self.second_order(theta, z)[2](q)

    def second_order(self, theta: Floats, z: Floats) -> tuple[Floats, Floats, Callable[[Floats], Floats]]:
        """The value, its gradient, and what contracts its Hessian."""
        jet, p = self._jet(theta, z, True), theta.shape[1]
        shape = (len(theta), len(z))
        zero = np.zeros(shape)
        gradient = np.stack([np.broadcast_to(jet.gradient.get(i, zero), shape) for i in range(p)], axis=2)

        def contract(q: Floats) -> Floats:
            hessian = np.zeros((len(theta), p, p))
            for (i, j), entry in (jet.hessian or {}).items():
                hessian[:, i, j] = hessian[:, j, i] = (q * entry).sum(axis=1)
            return hessian

        return np.broadcast_to(jet.value, shape), gradient, contract

    def bounds(self, z: Floats) -> tuple[Floats, Floats]:
        """None."""
        p = len(self.expression.parameters)
        return np.full(p, -np.inf), np.full(p, np.inf)


@dataclass(frozen=True)
class Case:
    """One set: its curve, data, two starts, and the reference values with their standard errors."""

    name: str
    problem: Problem
    starts: Floats
    values: Floats
    errors: Floats


def read(name: str, folder: Path = DATA) -> Case:
    """A set from its .dat file."""
    text = (folder / f"{name}.dat").read_text(encoding="ascii")
    starts = np.array([line.split()[2:4] for line in re.findall(r"^ *b\d+ =.*$", text, re.M)], dtype=float).T
    rows = np.loadtxt(text[text.rindex("Data:") :].splitlines()[1:])
    y = np.log(rows[:, 0]) if name == "Nelson" else rows[:, 0]
    formula = re.sub(r"\b(x\d?)\b", r"column(\1)", MODELS[name])
    curve = Plain(parse(formula, tuple(f"b{i + 1}" for i in range(starts.shape[1]))))
    with open(folder / "reference_20digits.csv", newline="", encoding="utf-8") as file:
        found = [row for row in csv.DictReader(file) if row["dataset"] == name and row["param"].startswith("b")]
    values, errors = (np.array([float(row[key]) for row in found]) for key in ("value", "std_error"))
    problem = Problem(curve, get_objective("log_least_squares"), rows[:, 1:], y)
    return Case(name, problem, starts, values, errors)


def digits(found: Floats, reference: Floats) -> float:
    """How many digits of the worst entry are right, at most `CAP`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        lre = -np.log10(np.abs(found / reference - 1.0))
    return float(np.clip(np.nan_to_num(lre, nan=0.0, posinf=CAP), 0.0, CAP).min())


def standard_errors(case: Case, theta: Floats) -> Floats:
    """From the residual variance and the inverse of J'J; NaN where J is not finite."""
    value, J = case.problem.curve.derivatives(theta[None], case.problem.z)
    n, p = J.shape[1:]
    scale = np.linalg.norm(J[0], axis=0)
    if not (np.isfinite(J).all() and (scale > 0).all()):
        return np.full(p, np.nan)
    spread = np.linalg.pinv(J[0] / scale, rcond=1e-15)
    variance = ((value[0] - case.problem.log_y) ** 2).sum() / (n - p)
    return np.sqrt(variance * (spread**2).sum(axis=1)) / scale


def run(case: Case, start: int) -> dict[str, object]:
    """Solve from one start: digits of the parameters and of their standard errors, and what the solver says."""
    solution: Solution = solve(case.problem, case.starts[start : start + 1], np.ones(len(case.problem.log_y)))
    theta = solution.theta[0]
    errors = "" if case.name in ROUNDING else f"{digits(standard_errors(case, theta), case.errors):.1f}"
    return {
        "set": case.name,
        "start": start + 1,
        "digits": f"{digits(theta, case.values):.1f}",
        "digits_of_errors": errors,
        "converged": bool(solution.converged[0]),
        "iterations": int(solution.iterations[0]),
    }


def code_hash() -> str:
    """A hash of the sources the table depends on."""
    files = [Path(__file__), *(file for name in MADE_BY for file in sorted((ROOT / "scalelaw").glob(name)))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def main() -> None:
    """Write the table."""
    rows = [run(case, start) for case in map(read, MODELS) for start in (0, 1)]
    with open(TABLE, "w", newline="", encoding="utf-8") as file:
        file.write(f"# code {code_hash()}\n")
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(TABLE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
