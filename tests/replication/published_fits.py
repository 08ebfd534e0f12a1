"""Published fits, fitted again with the objective their papers state.

    python -m tests.replication.published_fits [FOLDER OF PUBLISHED RUN TABLES]

For each: the objective at the published constants beside that of our optimum, the digits in which the constants agree,
and what that means in words.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from scalelaw.fitting import Fit, fit
from scalelaw.laws import Law, constrain, get_law
from scalelaw.runs import RunTable
from scalelaw.solver import solve
from tests.conftest import DEVELOPMENT_DATA

SAME = 1e-9
"""Objectives within this share of each other are one optimum."""
CLOSE = 1e-6
"""A published optimum within this share of ours is the same one, left a little early."""


@dataclass(frozen=True)
class Published:
    """A fit from the literature.

    Attributes:
        name: whose, and of what.
        source: where the constants are printed.
        law, runs, objective: what was fitted, to what, by which stated objective.
        printed: the published natural parameters that were free, as printed.
    """

    name: str
    source: str
    law: Law
    runs: RunTable
    objective: str
    printed: Mapping[str, str]

    @cached_property
    def constants(self) -> dict[str, float]:
        """The published parameters as numbers."""
        return {name: float(text) for name, text in self.printed.items()}

    @cached_property
    def fit(self) -> Fit:
        """Ours."""
        return fit(self.law, self.runs, self.objective)

    @cached_property
    def theirs(self) -> float:
        """The objective at the published constants."""
        theta = self.law.working(self._natural, self.fit.centre)
        return self._objective(theta)

    @cached_property
    def settled(self) -> float:
        """The objective where a descent from the published constants ends."""
        start = self.law.working(self._natural, self.fit.centre)
        return self._objective(solve(self.fit.problem, start, self.runs.weight).theta)

    @property
    def _natural(self) -> np.ndarray:
        return np.array([[self.constants[name] for name in self.law.names]])

    def _objective(self, theta: np.ndarray) -> float:
        log_loss = self.law.log_loss(theta, self.fit.problem.z)[0]
        return float(self.fit.objective.rho(log_loss - self.fit.problem.log_y).sum())

    @property
    def excess(self) -> float:
        """How far the published objective lies above ours, as a share of ours."""
        return self.theirs / self.fit.certificate.objective - 1.0

    @property
    def digits(self) -> dict[str, int]:
        """Significant digits in which each constant agrees with ours, as far as it is printed."""
        return {name: agreed_digits(self.printed[name], self.fit.value(name)) for name in self.law.names}

    @property
    def missed(self) -> dict[str, int]:
        """How many of the printed digits disagree, for the constants where any does."""
        short = {name: significant_digits(self.printed[name]) - digits for name, digits in self.digits.items()}
        return {name: digits for name, digits in short.items() if digits}

    @property
    def verdict(self) -> str:
        """What the comparison says, in words."""
        if self.settled > self.fit.certificate.objective * (1 + CLOSE):
            return (
                f"published optimum is not the optimum of its objective: a local one, {self.excess:.2%} above the best"
            )
        if not self.missed:
            return "reproduced: every printed digit"
        if self.excess <= CLOSE:
            return f"reproduced with the authors' own stopping: {self.excess:.1e} of the objective short of the optimum"
        if max(self.missed.values()) == 1:
            return f"reproduced, the last printed digit of {' and '.join(self.missed)} apart, {self.excess:.2%} above"
        return (
            f"published constants are not the optimum of the stated objective: {self.excess:.2%} above it, same basin"
        )


def significant_digits(text: str) -> int:
    """How many significant digits a number is printed with.

    >>> significant_digits("0.3478"), significant_digits("2085.43"), significant_digits("4.70e5")
    (4, 6, 3)
    """
    return len(text.lower().split("e")[0].replace(".", "").lstrip("-0"))


def agreed_digits(text: str, value: float) -> int:
    """To how many significant digits a printed number and a value round to the same, at most as many as are printed.

    >>> agreed_digits("0.3478", 0.347813), agreed_digits("1.8172", 1.81686), agreed_digits("1.7", 2.9)
    (4, 4, 0)
    """
    for digits in range(significant_digits(text), 0, -1):
        if float(f"{float(text):.{digits - 1}e}") == float(f"{value:.{digits - 1}e}"):
            return digits
    return 0


def epoch_runs(data: Path) -> RunTable:
    """The 240 points of Besiroglu et al.: the five highest losses left out."""
    frame = pd.read_csv(data / "epoch-chinchilla" / "svg_extracted_data.csv")
    rows = frame[frame.loss < frame.loss.nlargest(5).min()]
    return RunTable.of(n_params=rows["Model Size"], flops=rows["Training FLOP"], loss=rows.loss)


def besiroglu(data: Path) -> Iterator[Published]:
    """Maximum likelihood with a free scale, which comes out so small that it is least absolute deviations."""
    runs, law = epoch_runs(data), get_law("chinchilla")
    headline = {"E": "1.8172", "A": "482.01", "alpha": "0.3478", "B": "2085.43", "beta": "0.3658"}
    yield Published("Besiroglu 2024, headline", "arXiv 2404.10102", law, runs, "least_absolute", headline)
    grid = {
        "E": "1.817235504463726",
        "A": "477.84171252965143",
        "alpha": "0.34731265761033453",
        "B": "2143.8637880335505",
        "beta": "0.3671826173946711",
    }
    yield Published("Besiroglu 2024, Huber by grid", "their notebook", law, runs, "log_huber", grid)


def hoffmann(data: Path) -> Iterator[Published]:
    """Hoffmann et al.'s constants on the points digitised from their own figure."""
    runs, law = epoch_runs(data), get_law("chinchilla")
    rounded = {"E": "1.69", "A": "406.4", "alpha": "0.34", "B": "410.7", "beta": "0.28"}
    yield Published("Hoffmann 2022, digitised points", "arXiv 2203.15556", law, runs, "log_huber", rounded)


def muennighoff(data: Path) -> Iterator[Published]:
    """R_D* and R_N* with the five constants of the C4 fit held."""
    frame = pd.read_csv(data / "muennighoff-data-constrained" / "data_constrained_182.csv")
    runs = RunTable.of(
        n_params=frame.N,
        n_tokens=frame.D_tokens,
        loss=frame.val_loss,
        extras={"unique_tokens": frame.U_unique_tokens.to_numpy()},
    )
    held = {"A": math.exp(6.255414), "B": math.exp(7.3049974), "E": math.exp(0.6254804)}
    law = constrain(get_law("data_constrained"), fix={**held, "alpha": 0.3526596, "beta": 0.3526596})
    published = {"R_D": "15.387756", "R_N": "5.309743"}
    yield Published("Muennighoff 2023, R*", "arXiv 2305.16264, their notebook", law, runs, "log_huber", published)


def misfitting(data: Path) -> Iterator[Published]:
    """Hoffmann's form on all 261 final checkpoints, also with alpha = beta."""
    folder = data / "misfitting"
    frame = pd.read_csv(folder / "scaling_results_last_ckpt_only.csv")
    runs = RunTable.of(n_params=frame.N.astype(float), n_tokens=frame.D.astype(float), loss=frame.loss)
    forms = json.loads((folder / "published_analysis_form_misfitting_new_final_C_vs_N_full.json").read_text())
    for form, law in (("Hoffmann Form", "chinchilla"), ("Hoffmann w/ alpha=beta", "chinchilla_tied")):
        a, b, e, alpha, beta = forms[form]["params"]
        constants = {"E": math.exp(e), "A": math.exp(a), "alpha": alpha, "B": math.exp(b), "beta": beta}
        printed = {name: repr(constants[name]) for name in get_law(law).names}
        source = "arXiv 2502.18969, their JSON"
        yield Published(f"(Mis)Fitting 2025, {form}", source, get_law(law), runs, "log_huber", printed)


def brandfonbrener(data: Path, losses: tuple[str, ...] | None = ("val_loss",)) -> Iterator[Published]:
    """L(N, D) of each training set, in Chinchilla's form and in Kaplan's with E; a mean of Huber's loss."""
    folder = data / "kempner-porian-subsets"
    runs = pd.read_csv(folder / "kempner_sweep_4sets.csv")
    laws = {False: get_law("chinchilla"), True: get_law("E + ((A/N)^(alpha/beta) + B/D)^beta")}
    for row in pd.read_csv(folder / "kempner_opt_params_data_4sets.csv").itertuples():
        if losses is not None and row.loss_name not in losses:
            continue
        rows = runs[(runs["data"] == row.data) & np.isfinite(runs[row.loss_name])]
        table = RunTable.of(
            n_params=rows.params.astype(float), n_tokens=rows.tokens.astype(float), loss=rows[row.loss_name]
        )
        law = laws[bool(row.kaplan)]
        printed = {name: repr(float(getattr(row, name))) for name in law.names}
        form = "Kaplan's form" if row.kaplan else "Chinchilla's form"
        name = f"Brandfonbrener 2024, {row.data}, {form}"
        yield Published(name, f"arXiv 2411.12925, their CSV, {row.loss_name}", law, table, "log_huber", printed)


def everything(data: Path) -> Iterator[Published]:
    """Every fit of this table."""
    for source in (besiroglu, hoffmann, muennighoff, misfitting, brandfonbrener):
        yield from source(data)


def main() -> None:
    """Print the table."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else DEVELOPMENT_DATA
    for published in everything(data):
        print(f"{published.name}  ({published.source}; {published.objective}, {len(published.runs)} runs)")
        for name, digits in published.digits.items():
            theirs, ours = published.constants[name], published.fit.value(name)
            print(f"  {name:6s} published {theirs:<15.10g} ours {ours:<15.10g} agree to {digits} digits")
        print(f"  objective at the published constants {published.theirs:.12g}, at ours", end=" ")
        print(f"{published.fit.certificate.objective:.12g}\n  {published.verdict}\n")
    excesses = np.array([p.excess for p in brandfonbrener(data, None) if p.law.name == "chinchilla"])
    print(
        f"Brandfonbrener 2024, all {len(excesses)} fits in Chinchilla's form: published above ours by 1e-6 or less in"
    )
    print(f"{(excesses <= CLOSE).sum()}, by more than 1 % in {(excesses > 0.01).sum()} (at most {excesses.max():.2%}),")
    print(f"below ours in {(excesses < -SAME).sum()}.")


if __name__ == "__main__":
    main()
