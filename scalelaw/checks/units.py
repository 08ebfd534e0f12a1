"""Trap 18: losses in two units, of several tokenizers or corpora, or of training instead of held-out text."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from scalelaw.checks import _columns as columns
from scalelaw.checks.base import Check, Subject, percent, run_ids
from scalelaw.fitting import Fit, fit
from scalelaw.laws.base import Floats
from scalelaw.readers.base import lines_text
from scalelaw.results import Finding
from scalelaw.runs import RunTable

BITS = float(-np.log(np.log(2.0)))
"""ln(1 / ln 2) = 0.3665: how far a loss in bits lies above the same loss in nats, in logarithms."""
NEAR = 0.1
"""Distance from it that residuals of mixed units keep, in logarithms."""
LEVEL = 1e-4
"""Level of the test for offsets between labels."""
KINDS = ("tokenizer", "vocab", "corpus", "eval_set")


def detect(subject: Subject) -> Iterator[Finding]:
    """Residuals of a least-absolute fit that cluster at +-0.3665; labels whose residuals differ; a loss left aside."""
    robust = fit(subject.fitted.law, subject.runs, "least_absolute", seed=subject.fitted.seed)
    mixed = list(_bits(robust))
    yield from mixed or _offsets(subject.fitted)
    yield from _training_loss(subject.runs)


def _bits(robust: Fit) -> Iterator[Finding]:
    runs, r = robust.runs, robust.residuals
    for sign, other in ((1, "bits among nats"), (-1, "nats among bits")):
        there = np.abs(r - sign * BITS) < NEAR
        if there.any() and not there.all() and (np.abs(r[~there]) < NEAR).mean() > 0.9:
            off = percent(float(np.exp(r[there].mean()) - 1))
            message = (
                f"the losses of {int(there.sum())} of {len(runs)} runs lie {off} "
                f"off the curve of the others, as {other} do: "
                f"residuals near {'' if sign > 0 else '-'}ln(1/ln 2)={BITS:.4f}"
            )
            if runs.line[there].any():
                message += f"; {lines_text(runs.line[there].tolist())}"
            yield Finding("W_MIXED_UNITS", "warning", message, run_ids(runs, there), "--loss-unit, one file a unit")


def _offsets(fitted: Fit) -> Iterator[Finding]:
    """An F test of the residuals between the labels of each kind."""
    from scipy.special import fdtrc

    runs, p = fitted.runs, len(fitted.law.names)
    for kind in KINDS:
        found = columns.labels(runs, kind)
        if found is None:
            continue
        names, which = np.unique(found, return_inverse=True)
        k, free = len(names), len(runs) - p - len(names)
        if not 1 < k <= len(runs) / 2 or free < 3:
            continue
        means, ratio = _between(fitted.residuals, which, k, free)
        if fdtrc(k - 1, free, ratio) < LEVEL:
            low, high = names[np.argmin(means)], names[np.argmax(means)]
            message = (
                f"losses differ by {kind}: those of {high} lie {percent(float(np.exp(np.ptp(means)) - 1))} above those "
                f"of {low} at equal N and D; one law does not hold for both"
            )
            rows = np.asarray(found == high, dtype=bool)
            yield Finding("W_GROUPS", "warning", message, run_ids(runs, rows), f"--exclude \"{kind} == '{high}'\"")


def _between(r: Floats, which: NDArray[np.intp], k: int, free: int) -> tuple[Floats, float]:
    """The mean residual of each label, and the F ratio of the scatter between to that within."""
    count = np.bincount(which, minlength=k)
    means = np.bincount(which, r, minlength=k) / count
    between = float((count * (means - r.mean()) ** 2).sum() / (k - 1))
    within = float(((r - means[which]) ** 2).sum() / free)
    return means, between / max(within, 1e-300)


def _training_loss(runs: RunTable) -> Iterator[Finding]:
    found = columns.column(runs, "held_out_loss")
    if found is not None:
        message = f"the table also holds {found[0]}, and another loss was fitted: a running training loss is smoothed"
        yield Finding("W_OTHER_LOSS", "warning", message, knob=f"--loss {found[0]}")


KIND = Check(
    "units",
    (18,),
    "Losses of different units, tokenizers, corpora or evaluation sets are mixed, or a training loss is fitted.",
    "a fit; columns tokenizer, vocab, corpus, eval_set where they vary",
    detect,
)
