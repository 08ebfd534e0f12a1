"""Columns of a table's extras by their usual names: what the log had beside N, D, C and the loss."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalelaw.checks.base import CannotLook
from scalelaw.laws.base import Floats
from scalelaw.runs import RunTable

ALIASES: dict[str, tuple[str, ...]] = {
    "steps": ("steps", "n_steps", "num_steps", "train_steps", "step", "iterations", "iters", "updates"),
    "total_steps": ("total_steps", "max_steps", "planned_steps", "schedule_steps", "decay_steps"),
    "batch_size": ("batch_size", "global_batch_size", "train_batch_size", "bs"),
    "batch_tokens": ("batch_tokens", "tokens_per_step", "tokens_per_batch", "batch_size_tokens"),
    "seq_len": ("seq_len", "sequence_length", "context", "context_length", "ctx_len", "block_size", "max_seq_len"),
    "warmup_steps": ("warmup_steps", "n_warmup_steps", "num_warmup_steps", "lr_warmup_steps", "warmup_iters"),
    "warmup_tokens": ("warmup_tokens", "n_warmup_tokens", "num_warmup_tokens"),
    "warmup_share": ("warmup_share", "warmup_ratio", "warmup_fraction", "warmup_frac"),
    "peak_lr": ("peak_lr", "max_lr", "lr", "learning_rate", "base_lr"),
    "final_lr": ("final_lr", "min_lr", "lr_final", "lr_min", "end_lr", "lr_end"),
    "schedule": ("schedule", "lr_schedule", "scheduler", "lr_scheduler", "lr_scheduler_type"),
    "optimizer": ("optimizer", "optimiser", "optim"),
    "parametrization": ("parametrization", "parameterization", "parametrisation"),
    "width": ("width", "d_model", "n_embd", "hidden_size", "embed_dim", "model_dim"),
    "depth": ("depth", "n_layers", "n_layer", "num_layers", "num_hidden_layers", "layers"),
    "ff_width": ("ff_width", "d_ff", "ffw_size", "ffn_dim", "intermediate_size"),
    "vocab": ("vocab", "vocab_size", "n_vocab", "padded_vocab_size"),
    "tokenizer": ("tokenizer", "tokeniser", "tokenizer_name"),
    "corpus": ("corpus", "dataset", "train_data", "training_data", "data"),
    "eval_set": ("eval_set", "val_set", "eval_data", "val_data", "eval_dataset"),
    "epochs": ("epochs", "n_epochs", "num_epochs", "epoch"),
    "unique_tokens": ("unique_tokens", "n_unique_tokens", "dataset_tokens", "corpus_tokens"),
    "seed": ("seed", "random_seed"),
    "init": ("init", "initialization", "initialisation", "init_std", "initializer_range"),
    "status": ("status", "state"),
    "held_out_loss": ("val_loss", "valid_loss", "validation_loss", "eval_loss", "test_loss"),
}
"""The usual names of a column, most telling first. Case and punctuation do not matter."""


def column(runs: RunTable, quantity: str) -> tuple[str, NDArray[Any]] | None:
    """The name and cells of the column that holds the quantity; None where no usual name is there."""
    known = {_plain(name): name for name in reversed(list(runs.extras))}
    name = next((known[alias] for alias in ALIASES[quantity] if alias in known), None)
    return None if name is None else (name, runs.extras[name])


def numbers(runs: RunTable, quantity: str) -> Floats | None:
    """The quantity of every run, NaN where it is blank; None without a column of numbers."""
    found = column(runs, quantity)
    if found is None:
        return None
    try:
        values = np.asarray(found[1], dtype=float)
    except (TypeError, ValueError):
        return None
    return None if np.isnan(values).all() else values


def labels(runs: RunTable, quantity: str) -> NDArray[np.str_] | None:
    """The quantity of every run as text; None without a column."""
    found = column(runs, quantity)
    return None if found is None else np.array([str(cell) for cell in found[1].tolist()])


def usual(*quantities: str) -> str:
    """The usual names of the quantities, for a sentence about their absence."""
    return ", ".join(ALIASES[quantity][0] for quantity in quantities)


def need(runs: RunTable, quantity: str) -> Floats:
    """The quantity of every run; a detector that needs it cannot look without."""
    values = numbers(runs, quantity)
    if values is None:
        raise CannotLook(f"the table has no column of numbers named {' or '.join(ALIASES[quantity][:3])}")
    return values


def known(runs: RunTable, *quantities: str) -> None:
    """A detector that needs N, D or C of every run cannot look where one is missing."""
    for quantity in quantities:
        if not np.isfinite(runs.column(quantity)).all():
            raise CannotLook(f"{quantity} is not known for every run")


def configurations(runs: RunTable) -> NDArray[np.int64]:
    """Which configuration each row belongs to, `[n]`: rows alike in N, D and every label but the learning rate."""
    parts = [runs.n_params, runs.n_tokens]
    for quantity in ("corpus", "tokenizer", "eval_set", "schedule", "optimizer", "batch_size", "depth", "width"):
        found = labels(runs, quantity)
        if found is not None:
            parts.append(np.unique(found, return_inverse=True)[1].astype(float))
    return np.asarray(np.unique(np.stack(parts, axis=1), axis=0, return_inverse=True)[1]).ravel().astype(np.int64)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
