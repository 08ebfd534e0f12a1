"""Does sharpness come to the edge of stability alike at every width under muP, and stay where it began under NTK?

    python -m tests.slow.sharpness_study        writes sharpness.csv beside this file, in a minute or two

Two hidden ReLU layers, 128 Gaussian inputs of 32 numbers, a tanh teacher, squared error, 120 steps of full-batch
gradient descent, widths 64 to 512, base width 1: the protocol of Noci et al. 2024, arXiv 2402.17457, at the size of a
CPU. Sharpness is that of the step, so its stable limit is 2/lr for every width and parametrization.
The first line of the table holds a hash of the code that made it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from runners.corpora.base import Examples, Rows, Source
from runners.probes._along import along
from runners.probes.sharpness import sharpness_of
from runners.spec import TrainSpec
from tests.slow import provenance

TABLE = Path(__file__).with_name("sharpness.csv")
INPUTS, EXAMPLES, STEPS = 32, 128, 120
PARAMETRIZATIONS, WIDTHS, RATES, SEEDS = ("mup", "ntk"), (64, 128, 256, 512), (0.1, 0.3), (0, 1, 2)
PAUSES = (0, 20, 60, STEPS)
TOLERANCE = 1e-3


class Teacher(Source):
    """y = tanh(2 w.x) of Gaussian x, w a unit vector on average; the same examples for every seed but in its draw."""

    name = "teacher"
    kind = "vectors"
    outputs = 1
    loss = "squared_error"
    input_shape = (INPUTS,)  # type: ignore[assignment]

    def training(self, context: int, count: int, seed: int) -> Examples:
        """Examples of a seed's own teacher."""
        rng = np.random.default_rng([7, seed])
        x = rng.standard_normal((count, INPUTS)).astype(np.float32)
        w = rng.standard_normal(INPUTS) / INPUTS**0.5
        return Rows(x, np.tanh(2 * x @ w).astype(np.float32))

    def validation(self, context: int, count: int) -> Examples:
        """Not used."""
        return self.training(context, count, 99)

    def facts(self) -> Mapping[str, object]:
        """Not used."""
        return {}


def code_hash() -> str:
    """A hash of the probe; a change beneath it that matters fails the test that repeats a cell."""
    probes = "../runners/probes"
    return provenance.code_hash(__file__, (f"{probes}/sharpness.py", f"{probes}/_lanczos.py", f"{probes}/_along.py"))


def spec(parametrization: str, width: int, lr: float, seed: int) -> TrainSpec:
    """Full-batch descent at a constant rate."""
    return TrainSpec(
        corpus="teacher", model="mlp", activation="relu", width=width, depth=1, base_width=1, base_depth=1,
        parametrization=parametrization, optimizer="sgd", momentum=0.0, weight_decay=0.0, grad_clip=1e9, lr=lr,
        schedule="constant", warmup_share=0.0, context=1, batch_size=EXAMPLES, unique_tokens=EXAMPLES,
        n_tokens=EXAMPLES * STEPS, seed=seed,
    )  # fmt: skip


def cell(parametrization: str, width: int, lr: float, seed: int) -> Iterator[dict[str, str]]:
    """The sharpness of one run at its pauses."""
    for moment in along(spec(parametrization, width, lr, seed), PAUSES, Teacher()):
        found = sharpness_of(moment, EXAMPLES, TOLERANCE)
        assert found.sharpness.converged
        yield {
            "parametrization": parametrization,
            "width": str(width),
            "lr": str(lr),
            "seed": str(seed),
            "step": str(moment.steps),
            "sharpness": f"{found.sharpness.value:.4g}",
            "limit": f"{found.threshold:.4g}",
            "loss": f"{found.loss:.4g}",
        }


def main() -> None:
    """Write the table."""
    made_by = code_hash()
    cells = [(p, width, lr, seed) for lr in RATES for p in PARAMETRIZATIONS for width in WIDTHS for seed in SEEDS]
    rows = [row for one in cells for row in cell(*one)]
    with open(TABLE, "w", newline="") as file:
        file.write(f"# code {made_by}, {STEPS} steps of full-batch descent\n")
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
