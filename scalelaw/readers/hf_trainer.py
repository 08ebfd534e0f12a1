"""Hugging Face's Trainer: `trainer_state.json`, alone, or the newest of a folder's `checkpoint-*`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scalelaw.errors import DataError
from scalelaw.readers._gathering import Points
from scalelaw.readers.base import Manner
from scalelaw.readers.loading import load, parsed_json, text_encoding
from scalelaw.readers.logs import Log, LogReader, Logs, flat
from scalelaw.runs import Note

STATE = "trainer_state.json"
FACTS = ("max_steps", "num_train_epochs", "train_batch_size", "logging_steps", "eval_steps", "total_flos")
"""What the state says of the whole run; `train_batch_size` counts examples on one device."""
OF_BOTH = {"epoch": "epoch", "num_input_tokens_seen": "tokens"}
"""What lines of training and of evaluation have in common, and what it is called here."""


class TrainerReader(LogReader):
    """A run a folder, named as the folder is; every evaluation set has its own loss, `eval_NAME_loss`.

    Tokens are `num_input_tokens_seen`, which the Trainer logs where `include_num_input_tokens_seen` was set. With them
    `total_flos` = 6 N D tells the parameters without embeddings, as `Trainer.floating_point_ops` counts them.
    """

    name = "hf_trainer"

    def claims(self, path: Path, head: bytes) -> bool:
        """A JSON object with `log_history`."""
        return path.name == STATE or (head.lstrip()[:1] == b"{" and b'"log_history":' in head)

    def holds(self, folder: Path) -> bool:
        """A folder with a state, or with checkpoints that have one."""
        return bool(_states(folder))

    def logs(self, path: Path, manner: Manner) -> Logs:
        """The run, as its newest checkpoint tells it: each holds the whole history."""
        newest = _states(path)[-1] if path.is_dir() else path
        loaded = load(newest)
        state = _parsed(newest, loaded.content.decode(text_encoding(loaded, manner.encoding)))
        log, notes = _log(newest, state)
        return Logs([log], (loaded.source,), notes)


def _states(folder: Path) -> list[Path]:
    """The states of a folder, in the order they were written."""
    own = folder / STATE
    saved = sorted(folder.glob(f"checkpoint-*/{STATE}"), key=lambda path: _number(path.parent.name))
    return saved + [own] * own.is_file()


def _number(checkpoint: str) -> int:
    digits = checkpoint.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else -1


def _parsed(path: Path, text: str) -> dict[str, Any]:
    state = parsed_json(path, text, "read an older checkpoint")
    history = state.get("log_history") if isinstance(state, dict) else None
    if isinstance(history, list) and all(isinstance(point, dict) for point in history):
        return dict(state)
    problem = "an object with log_history, a list of objects, was expected"
    raise DataError("E_FORMAT", problem, file=path, value=text[:60], remedy=f"name the {STATE} of a run")


def _log(path: Path, state: Mapping[str, Any]) -> tuple[Log, tuple[Note, ...]]:
    facts = {name: state[name] for name in FACTS if isinstance(state.get(name), int | float)}
    points = _points(state["log_history"])
    name, n_params = _name(path), _n_params(state)
    notes: tuple[Note, ...] = ()
    if n_params:
        facts["n_params_non_embedding"] = n_params
        said = f"{name}: parameters = total_flos / (6 x tokens) = {n_params:,}, those without embeddings"
        notes = (Note("I_PARAMS", said),)
    return Log(name, facts, points, str(path), state=_ending(state)), notes


def _points(history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What was trained and what was evaluated after a step share a row; both lines tell the epoch and the tokens."""
    points = Points()
    for line in map(flat, history):
        told = {ours: line.pop(theirs) for theirs, ours in OF_BOTH.items() if theirs in line}
        points.add(line.pop("step", None), line, **told)
    return points.rows


def _n_params(state: Mapping[str, Any]) -> int | None:
    """N of total_flos = 6 N D; None unless it comes out whole, as it does where both were counted throughout."""
    flops, tokens = (state.get(name) for name in ("total_flos", "num_input_tokens_seen"))
    if not isinstance(flops, int | float) or not isinstance(tokens, int | float) or not (flops > 0 and tokens > 0):
        return None
    try:
        n_params = float(flops) / (6 * float(tokens))
    except OverflowError:
        return None
    if not math.isfinite(n_params):
        return None
    whole = round(n_params)
    return whole if whole and abs(n_params - whole) < 1e-9 * whole else None


def _name(path: Path) -> str:
    folder = path.resolve().parent
    return folder.parent.name if folder.name.startswith("checkpoint-") else folder.name


def _ending(state: Mapping[str, Any]) -> str:
    """`finished`, or where it stopped."""
    step, last = state.get("global_step"), state.get("max_steps")
    callbacks = state.get("stateful_callbacks") or {}
    control = callbacks.get("TrainerControl", {}) if isinstance(callbacks, dict) else {}
    stopped = control.get("args", {}).get("should_training_stop") if isinstance(control, dict) else None
    if stopped is True or not isinstance(step, int) or not isinstance(last, int) or step >= last:
        return "finished"
    return f"stopped at step {step} of {last}"


KIND = TrainerReader()
