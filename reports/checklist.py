"""What a reader needs to repeat a study, question by question: what is not known says so instead of being left out.

Source: the reproducibility checklist of Li et al. 2025, (Mis)Fitting, arXiv 2502.18969, appendix.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from reports.base import Table
from reports.wording import clip, count, number, quantity, span
from scalelaw.checks import _columns
from scalelaw.counting import FLOPS_CONVENTIONS, PARAMS_CONVENTIONS
from scalelaw.fitting import Fit
from scalelaw.intervals import Uncertainty
from scalelaw.runs import RunTable

NOT_STATED = "not known: these runs have no column that says it"
NAMED = 4
"""Distinct values of a column that an answer lists; of more numbers it gives the range."""

QUESTIONS = {
    "form": "What is the form of the law, and of which variables?",
    "runs": "How many runs, and how many independent ones?",
    "spans": "Over which sizes, tokens and compute?",
    "params": "What counts as a parameter, N?",
    "tokens": "What counts as a token, D, and is any repeated?",
    "flops": "How is compute, C, counted?",
    "checkpoints": "Final checkpoints, or also those along the way?",
    "data": "On which data?",
    "tokenizer": "With which tokenizer and vocabulary?",
    "architecture": "Which architecture, and which shapes?",
    "parametrization": "How were the models initialised and parametrised?",
    "optimizer": "Which optimiser?",
    "rate": "Which learning rates, and were they tuned at each size?",
    "schedule": "Which learning-rate schedule and warm-up, and did they end with the run?",
    "batch": "Which batch size and context?",
    "seeds": "How many seeds?",
    "loss": "How was the loss measured, and on what?",
    "excluded": "Which runs were left out?",
    "objective": "What was minimised?",
    "start": "How was the fit initialised, and how was its optimum sought?",
    "bounds": "How are the parameters bounded?",
    "intervals": "How was uncertainty estimated?",
    "held_out": "Was the law tested on runs beyond the fitted ones?",
}

COLUMNS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "data": (("", "corpus"), ("epochs", "epochs")),
    "tokenizer": (("", "tokenizer"), ("vocabulary", "vocab")),
    "architecture": (("", "model"), ("width", "width"), ("depth", "depth"), ("feed-forward width", "ff_width")),
    "parametrization": (("", "parametrization"), ("initialisation", "init")),
    "optimizer": (("", "optimizer"),),
    "rate": (("", "peak_lr"),),
    "schedule": (
        ("", "schedule"),
        ("final rate", "final_lr"),
        ("warm-up steps", "warmup_steps"),
        ("warm-up tokens", "warmup_tokens"),
        ("warm-up share", "warmup_share"),
    ),
    "batch": (("batch", "batch_size"), ("batch tokens", "batch_tokens"), ("context", "seq_len")),
    "seeds": (("seed", "seed"),),
}
"""For each question that columns can answer: what to say before the values, and the quantity that holds them."""
NEVER_KNOWN = {
    "rate": "whether they were tuned at each size is not stated",
    "schedule": "whether they ended with the run is not stated",
}
"""What no column of these would tell."""


def checklist(answers: Mapping[str, str], unknown: str = NOT_STATED, note: str = "") -> Table:
    """Every question with its answer, or with what stands for an unknown one; a note on them all goes below."""
    rows = tuple((question, answers.get(name) or unknown) for name, question in QUESTIONS.items())
    caption = f"After the checklist of Li et al. 2025, (Mis)Fitting, arXiv 2502.18969. {note}".strip()
    return Table("checklist", "What was done, and what is not known", ("question", "answer"), rows, caption)


def of_fit_table(fit: Fit, known: Uncertainty, more: Mapping[str, str]) -> Table:
    """The checklist of a fit, with answers that only the report knows.

    A saved fit has lost the columns that its law does not read, and the caption says so where there are none.
    """
    lost = not set(fit.runs.extras) - {*fit.law.inputs, fit.law.response}
    note = "A saved fit keeps only the columns that its law reads: its source files may say more." if lost else ""
    return checklist({**of_fit(fit, known), **more}, note=note)


def of_runs(runs: RunTable) -> dict[str, str]:
    """What a run table answers."""
    left_out = f"{count(len(runs.excluded), 'run')}, each listed with its reason" if runs.excluded else "none"
    return {
        "runs": _independent(runs),
        "spans": _spans(runs),
        "params": _known(PARAMS_CONVENTIONS, runs.conventions.params),
        "tokens": _tokens(runs),
        "flops": _known(FLOPS_CONVENTIONS, runs.conventions.flops),
        "checkpoints": _checkpoints(runs),
        "loss": _loss(runs),
        "excluded": left_out,
        **of_columns({what: cells for what in (*_columns.ALIASES, "model") for cells in _cells(runs, what)}),
    }


def of_columns(cells: Mapping[str, Iterable[Any]]) -> dict[str, str]:
    """What the columns of a log answer; `cells` by quantity, as `scalelaw check` names them."""
    answers = {}
    for name, parts in COLUMNS.items():
        said = [(label, _values(cells[what])) for label, what in parts if what in cells]
        words = [f"{label} {values}".strip() for label, values in said if values]
        if words:
            answers[name] = "; ".join([*words, *([NEVER_KNOWN[name]] if name in NEVER_KNOWN else [])])
    return answers


def of_fit(fit: Fit, known: Uncertainty) -> dict[str, str]:
    """What a fit and its intervals answer, those of its runs included."""
    certificate = fit.certificate
    agree = f"{certificate.share_agreeing:.0%} of which end within 1e-9 of the best"
    return of_runs(fit.runs) | {
        "form": f"{fit.law.formula}, of {', '.join(fit.law.inputs)}",
        "objective": fit.objective.label,
        "start": f"{certificate.starts} starts (seed {fit.seed}), {agree}",
        "bounds": f"by the law; at a bound: {', '.join(certificate.active_bounds) or 'none'}",
        "intervals": "; ".join(filter(None, (known.method, known.note))),
        "held_out": "not in this report",
    }


def _cells(runs: RunTable, what: str) -> list[Iterable[Any]]:
    """The cells of the column that holds it, if there is one."""
    if what not in _columns.ALIASES:
        return [runs.extras[what]] if what in runs.extras else []
    found = _columns.column(runs, what)
    return [] if found is None else [found[1]]


def _values(cells: Iterable[Any]) -> str:
    """Distinct values: listed where they are few, as a range where they are many numbers."""
    distinct = list(dict.fromkeys(cell for cell in cells if not _blank(cell)))
    try:
        numbers = sorted({float(cell) for cell in distinct})
    except (TypeError, ValueError):
        shown = [clip(str(cell)) for cell in distinct[:NAMED]]
        more = f" and {len(distinct) - NAMED} more" if len(distinct) > NAMED else ""
        return ", ".join(shown) + more
    if len(numbers) > NAMED:
        return f"{number(numbers[0])} to {number(numbers[-1])} ({len(numbers)} values)"
    return ", ".join(map(number, numbers))


def _blank(cell: Any) -> bool:
    return cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell))


def _independent(runs: RunTable) -> str:
    n, groups = len(runs), len(runs.groups)
    return f"{count(n, 'run')} in {count(groups, 'group')}" if groups < n else f"{count(n, 'run')}, each independent"


def _spans(runs: RunTable) -> str:
    quantities = (("N", "n_params", "parameters"), ("D", "n_tokens", "tokens"), ("C", "flops", "FLOP"))
    columns = [(letter, unit, getattr(runs, name)) for letter, name, unit in quantities]
    spans = [
        f"{letter} {_range(float(v.min()), float(v.max()), unit)}"
        for letter, unit, v in columns
        if len(v) and np.isfinite(v).all()
    ]
    return ", ".join(spans) or "not logged"


def _range(low: float, high: float, unit: str) -> str:
    return span(low, high, unit, 3) if low < high else quantity(low, unit, 3)


def _tokens(runs: RunTable) -> str:
    unique = _cells(runs, "unique_tokens")
    if unique and (said := _values(unique[0])):
        return f"all tokens trained on, repeats counted; unique tokens {said}"
    return "as the table counts them; whether any was repeated no column says"


def _known(conventions: Mapping[str, str], name: str) -> str:
    return f"{name}: {conventions[name]}" if name in conventions else name


def _checkpoints(runs: RunTable) -> str:
    distinct = len(set(runs.run_id))
    if distinct < len(runs):
        return f"{len(runs):,} rows of {count(distinct, 'run')}: checkpoints along the way are among them"
    return "one row a run; that it is the last checkpoint no column says"


def _loss(runs: RunTable) -> str:
    unit = f"logged in {runs.conventions.loss_unit}, in nats/token here"
    sets = _cells(runs, "eval_set")
    where = f"on {said}" if sets and (said := _values(sets[0])) else "on which text no column says"
    return f"{unit}; {where}"
