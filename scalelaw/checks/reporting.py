"""Trap 24: what a reader could not repeat, since the table does not say it."""

from __future__ import annotations

from collections.abc import Iterator

from scalelaw.checks import _columns as columns
from scalelaw.checks.base import Check, Subject
from scalelaw.results import Finding

CHECKLIST = {
    "the corpus": ("corpus",),
    "the tokenizer or vocabulary": ("tokenizer", "vocab"),
    "the architecture": ("width",),
    "the optimiser": ("optimizer",),
    "the learning rate": ("peak_lr",),
    "its schedule": ("schedule", "final_lr"),
    "the warm-up": ("warmup_steps", "warmup_tokens", "warmup_share"),
    "the batch": ("batch_size", "batch_tokens"),
    "the context": ("seq_len",),
    "the seed or initialisation": ("seed", "init"),
}
"""Items of a reproducible study and the columns that declare each, any of them."""


def detect(subject: Subject) -> Iterator[Finding]:
    """Which items of the checklist no column of the table declares.

    N, C, the unit of the loss and the exclusions travel with every table (`Conventions`, `RunTable.excluded`).
    Source: the checklist of Li et al. 2025, (Mis)Fitting, arXiv 2502.18969, appendix.
    """
    silent = [item for item, names in CHECKLIST.items() if all(columns.column(subject.runs, n) is None for n in names)]
    if silent:
        message = f"the table does not declare {', '.join(silent)}: a reader cannot repeat these runs"
        yield Finding("I_UNDECLARED", "info", message, knob="columns of these names in the table")


KIND = Check(
    "reporting",
    (24,),
    "The table does not say what a reader needs to repeat the runs.",
    "runs",
    detect,
)
