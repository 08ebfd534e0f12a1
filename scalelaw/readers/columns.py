"""Which column holds which quantity: named by the caller, or known by its usual name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from scalelaw.counting import FLOPS_CONVENTIONS, PARAMS_CONVENTIONS
from scalelaw.errors import DataError
from scalelaw.readers.base import Cells
from scalelaw.readers.mapping import CONVENTION_COLUMNS, ColumnMap, refuse_unknown_convention
from scalelaw.runs import Conventions

ALIASES = {
    "loss": (
        *("loss", "val_loss", "valid_loss", "validation_loss", "eval_loss", "test_loss", "train_loss", "final_loss"),
        *("loss_nats", "loss_bits", "loss_bpb", "bits_per_token", "bpt", "bits_per_byte", "bpb", "val_bpb"),
        *("loss_per_token", "loss_per_all_target_tokens", "loss_per_nonpadding_target_token"),
    ),
    "n_params": (
        *("N", "n_params", "params", "num_params", "n_parameters", "num_parameters", "parameters", "param_count"),
        *("model_size", "n_params_total", "params_total", "total_params", "n_total"),
    ),
    "n_params_non_embedding": (
        *("N_no_emb", "n_params_non_embedding", "n_params_nonembed", "params_non_embedding", "non_embedding_params"),
        *("n_non_embedding", "non_embedding_parameters"),
    ),
    "n_tokens": ("D", "n_tokens", "tokens", "train_tokens", "training_tokens", "num_tokens", "D_tokens", "tokens_seen"),
    "flops": ("C", "flops", "flop", "compute", "train_flops", "training_flop", "training_flops", "total_flops"),
    "weight": ("weight", "weights"),
}
"""The usual names of a quantity. Case and punctuation do not matter, save in names of one letter."""

LABELS = {"run_id": ("run_id", "id", "run", "run_name", "name"), "group": ("group", "configuration")}
"""The usual names of a label, most telling first. Labels name rows and enter no formula, so the first one serves."""

_VALIDATION = {"val", "valid", "validation", "eval"}
_METRICS = {"perplexity": "perplexity", "ppl": "perplexity", "accuracy": "accuracy", "acc": "accuracy"}


@dataclass(frozen=True)
class Choice:
    """The column of every quantity and label that was found, and the conventions that follow."""

    columns: Mapping[str, str]
    conventions: Conventions


def choose_columns(cells: Cells, wanted: ColumnMap) -> Choice:
    """The columns to read. Raises `DataError`: E_MISSING_COLUMN, E_AMBIGUOUS_COLUMN, E_METRIC, E_UNIT_MIXED."""
    found = {name: _column(cells, wanted, name) for name in (*ALIASES, *LABELS)}
    columns = {name: column for name, column in found.items() if column is not None}
    params = _count_params(cells, wanted, columns)
    flops = _count_flops(cells, wanted, columns)
    _refuse_metric(cells, columns.get("loss"))
    _refuse_missing(cells, columns)
    return Choice(columns, Conventions(params=params, flops=flops))


def _column(cells: Cells, wanted: ColumnMap, quantity: str) -> str | None:
    named = getattr(wanted, quantity)
    if named is not None:
        return _existing(cells, quantity, named)
    if set(CONVENTION_COLUMNS) <= set(cells.columns):  # written by write_runs: its names are exact
        return quantity if quantity in cells.columns else None
    known = _plain_names(cells)
    if quantity in LABELS:
        return next((known[alias][0] for alias in LABELS[quantity] if alias in known), None)
    candidates = [column for alias in ALIASES[quantity] for column in known.get(plain_name(alias), ())]
    if len(candidates) > 1:
        raise _ambiguous(cells, quantity, sorted(candidates, key=list(cells.columns).index))
    return candidates[0] if candidates else None


def has_usual(cells: Cells, quantity: str) -> bool:
    """Whether a column goes by a usual name of the quantity."""
    known = _plain_names(cells)
    return any(plain_name(alias) in known for alias in ALIASES[quantity])


def plain_name(name: str) -> str:
    """A name without case and punctuation; a single letter keeps its case, for N, D and C are not n, d and c."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") if len(name) > 1 else name


def _plain_names(cells: Cells) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for column in cells.columns:
        names.setdefault(plain_name(column), []).append(column)
    return names


def _existing(cells: Cells, quantity: str, named: str) -> str:
    if named in cells.columns:
        return named
    near = difflib.get_close_matches(named, cells.columns, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"name another with {_flag(quantity)}"
    raise DataError("E_MISSING_COLUMN", f"no column {named!r}; {_found(cells)}", file=cells.path, remedy=remedy)


def likely_columns(cells: Cells, quantity: str) -> tuple[str, ...]:
    """The columns that go by a usual name of the quantity, the one to propose first; nothing is read by this order.

    First come a loss that says what it is a mean of, one of validation, and the count with the most different values:
    one that grows along a run, not the total the run was planned for.
    """
    known = _plain_names(cells)
    candidates = {column for alias in ALIASES[quantity] for column in known.get(plain_name(alias), ())}

    def order(column: str) -> tuple[bool, bool, int]:
        words = set(plain_name(column).split("_"))
        different = 0 if quantity == "loss" else len(set(map(str, cells.columns[column])))
        return "per" not in words, not words & _VALIDATION, -different

    return tuple(sorted(sorted(candidates, key=list(cells.columns).index), key=order))


def _ambiguous(cells: Cells, quantity: str, candidates: list[str]) -> DataError:
    problem = f"several columns may hold {quantity}: {', '.join(candidates)}"
    remedy = f"choose one, for example {_flag(quantity)} {likely_columns(cells, quantity)[0]!r}"
    return DataError("E_AMBIGUOUS_COLUMN", problem, file=cells.path, remedy=remedy)


def _count_params(cells: Cells, wanted: ColumnMap, columns: dict[str, str]) -> str:
    """Which parameters N counts: as asked, else as stated, else `all`; moves the column that counts so to `n_params`.

    A table that states how its n_params counts is believed, so its other column only serves when it is asked for.
    """
    stated = _stated(cells, "params_convention", PARAMS_CONVENTIONS)
    without = columns.get("n_params_non_embedding")
    lacking = without is not None and "n_params" not in columns
    asked = wanted.params_convention or stated or ("non_embedding" if lacking else "all")
    if asked == "non_embedding" and asked != stated:
        columns.setdefault("n_params_non_embedding", columns.get("n_params", ""))
        columns["n_params"] = columns["n_params_non_embedding"]
    elif stated is not None and asked != stated:
        problem = f"its n_params count {stated} parameters, and {asked} are asked for"
        raise DataError("E_UNIT", problem, file=cells.path, remedy="name the column that counts them with --n-params")
    return asked


def _count_flops(cells: Cells, wanted: ColumnMap, columns: dict[str, str]) -> str:
    """What C counts: as asked, else as stated, else as given; 6 N D when N, D and C were not all logged.

    Where 6 N D is asked for and the table states another count, C is read from `flops_6nd` or follows from N and D.
    """
    stated = _stated(cells, "flops_convention", FLOPS_CONVENTIONS)
    asked = wanted.flops_convention or stated
    if asked is None:
        return "given" if {"n_params", "n_tokens", "flops"} <= columns.keys() else "6ND"
    if asked == "6ND" and stated not in (None, asked) and wanted.flops is None:
        columns.pop("flops", None)
        if "flops_6nd" in cells.columns:
            columns["flops"] = "flops_6nd"
    return asked


def _stated(cells: Cells, name: str, conventions: Mapping[str, str]) -> str | None:
    """The convention that a source, or a column of that name, states for all of its rows."""
    values = sorted({str(cell) for cell in cells.columns.get(name, ())})
    if name in values:
        line = int(cells.line[list(map(str, cells.columns[name])).index(name)]) or None
        problem, remedy = "a repeated header: two files seem to have been joined", "read the files separately"
        raise DataError("E_UNIT_MIXED", problem, file=cells.path, line=line, column=name, remedy=remedy)
    if len(values) > 1:
        problem = f"the rows count by different conventions: {', '.join(values)}"
        raise DataError("E_UNIT_MIXED", problem, file=cells.path, column=name, remedy="read them as separate files")
    stated = values[0] if values else cells.stated.get(name)
    refuse_unknown_convention(name.replace("_", " "), stated, conventions)
    return stated


def _refuse_metric(cells: Cells, loss: str | None) -> None:
    """A perplexity or an accuracy is no loss; said when it was chosen, or when there is nothing else."""
    for column in [loss] if loss else list(cells.columns):
        metric = next((_METRICS[word] for word in plain_name(column).split("_") if word in _METRICS), None)
        if metric:
            remedy = "name a loss with --loss" + (", or take the log of it" if metric == "perplexity" else "")
            problem = f"column {column} holds {metric}, and a loss was expected"
            raise DataError("E_METRIC", problem, file=cells.path, column=column, remedy=remedy)


def _refuse_missing(cells: Cells, columns: Mapping[str, str]) -> None:
    sizes = ("n_params", "n_tokens", "flops")
    absent = [] if "loss" in columns else ["loss"]
    if not any(size in columns for size in sizes):
        absent += sizes
    if absent:
        flags = " ".join(f"{_flag(quantity)} NAME" for quantity in absent)
        problem = f"no column for {', '.join(absent)}; {_found(cells)}"
        raise DataError("E_MISSING_COLUMN", problem, file=cells.path, remedy=f"name the column: {flags}")


def _found(cells: Cells) -> str:
    names = list(cells.columns)
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"columns found: {', '.join(names[:12])}{more}"


def _flag(quantity: str) -> str:
    return f"--{quantity.replace('_', '-')}"
