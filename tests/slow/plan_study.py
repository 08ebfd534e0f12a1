"""How often do the intervals of plans hold the truth? Simulated sweeps of a known law, counted goal by goal.

    python -m tests.slow.plan_study        writes plan.csv beside this file

Truth: the Chinchilla law of Besiroglu et al. 2024; sweeps are those of the coverage study, the largest run at some 1e22
FLOP. Intervals are the default's, 95 %. It takes some five minutes of one core.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np

from scalelaw.errors import DataError
from scalelaw.fitting import Fit, fit
from scalelaw.intervals import uncertainty
from scalelaw.laws import get_law
from scalelaw.planning import Budget, FixedParams, Goal, Serving
from scalelaw.planning.landscape import Landscape
from scalelaw.planning.targets import Answers, AtGoal, Loss, LossLost, Params, Tokens, Training, Wasted
from scalelaw.results import Interval
from tests.conftest import CHINCHILLA
from tests.slow.coverage_study import sweep
from tests.slow.provenance import code_hash as hash_of

TABLE = Path(__file__).with_name("plan.csv")
MADE_BY = (
    "planning/targets.py",
    "planning/searching.py",
    "planning/landscape.py",
    "planning/goals/base.py",
    "planning/goals/budget.py",
    "planning/goals/fixed.py",
    "planning/goals/serving.py",
)
SWEEPS, FEW = 600, 200
"""Sweeps a design; what takes a search for every interval is asked of the first few only."""
DESIGNS = [(20, "gaussian"), (40, "gaussian"), (40, "student3"), (40, "pairs")]
"""Runs a sweep and their noise; `pairs` are two seeds of a configuration that share four fifths of its variance."""
LAW = get_law("chinchilla")
TRUTH = Landscape(LAW, np.array([CHINCHILLA[name] for name in LAW.names]), {})
LARGEST = 6 * 3e9**2 * 300
"""Compute of the largest run of a sweep, near enough, FLOP."""
GOALS: dict[str, Goal] = {
    "budget 10x": Budget(spend=10 * LARGEST),
    "budget 100x": Budget(spend=100 * LARGEST),
    "target loss 2.0": Budget(loss=2.0),
    "20B to loss 2.0": FixedParams(loss=2.0, n_params=2e10),
    "loss 2.05, serve 10T": Serving(loss=2.05, served_tokens=1e13),
}
TARGETS: dict[str, tuple[type[AtGoal], ...]] = {
    "budget 10x": (Params, Tokens, Loss),
    "budget 100x": (Params, Tokens, Loss),
    "target loss 2.0": (Params, Tokens, Training),
    "20B to loss 2.0": (Tokens,),
    "loss 2.05, serve 10T": (Params, Tokens, Training),
}
HALF = 0.5
"""Of the true best size at ten times the largest run: the size whose cost of being wrong is asked for."""


def questions() -> dict[tuple[str, str], AtGoal]:
    """What is asked of every sweep, by goal and quantity."""
    asked: dict[tuple[str, str], AtGoal] = {}
    for name, goal in GOALS.items():
        answers = Answers(goal)
        asked |= {(name, target.name): target(answers) for target in TARGETS[name]}
    wrong = Answers(GOALS["budget 10x"])
    size = HALF * GOALS["budget 10x"].answer(TRUTH)[0]
    asked |= {("half the size at 10x", kind.name): kind(wrong, size) for kind in (LossLost, Wasted)}
    return asked


def truth(question: AtGoal, like: Fit) -> float:
    """The quantity under the true law."""
    return float(question.evaluate(like, TRUTH.natural[None])[0])


def code_hash() -> str:
    """A hash of the statements that make plans and of this study."""
    return hash_of(__file__, MADE_BY)


def cells(n: int, noise: str, sweeps: int = SWEEPS) -> list[dict[str, object]]:
    """Coverage and width of every question's intervals over the sweeps of one design."""
    asked = questions()
    held, had, widths = ({key: [] for key in asked} for _ in range(3))
    for i in range(sweeps):
        try:
            found = fit("chinchilla", sweep(n, noise, np.random.default_rng([n, DESIGNS.index((n, noise)), i])))
        except DataError:
            continue
        known = uncertainty(found)
        for key, question in asked.items():
            if i >= FEW and not key[0].startswith("budget"):
                continue
            interval = known.interval(question)
            had[key].append(isinstance(interval, Interval))
            if isinstance(interval, Interval):
                held[key].append(interval.contains(truth(question, found)))
                widths[key].append(math.log(interval.high / interval.low) if interval.low > 0 else math.nan)
    return [
        {
            "n": n,
            "noise": noise,
            "goal": key[0],
            "quantity": key[1],
            "sweeps": len(had[key]),
            "intervals": sum(had[key]),
            "coverage": f"{np.mean(held[key]):.3f}",
            "factor": f"{math.exp(np.nanmedian(widths[key])):.3g}" if np.isfinite(widths[key]).any() else "",
        }
        for key in asked
    ]


def main() -> None:
    """Write the table."""
    rows = [row for design in DESIGNS for row in cells(*design)]
    with open(TABLE, "w", newline="") as file:
        file.write(f"# code {code_hash()}, nominal 0.95, factor: median of high/low\n")
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
