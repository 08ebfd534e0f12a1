"""Checkpoints of a run: whole or not there, verified before they are used, and read without running anything.

A checkpoint is a directory `step-<step>`, or `step-<step>.kept` where it must outlive the newest two, of

    model.safetensors       parameters and buffers
    optimizer.safetensors   the optimizer's tensors, and the state of torch's random numbers
    state.json              the run's id, its `Position`, what the optimizer holds besides tensors
    manifest.json           size and sha256 of each file and of the list itself, written last

It is written under another name, every file and folder flushed to the disk, and renamed when it is complete. The order
of the data follows from the step (`Examples.take`), so nothing of it is saved. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from runners.store import sync_folder, write_durably
from scalelaw.errors import DataError, ScalelawError

FILES = ("model.safetensors", "optimizer.safetensors", "state.json")
MANIFEST = "manifest.json"
NAME = re.compile(r"step-(\d{12})(\.kept)?")
NEWEST = 2
"""How many checkpoints are held, besides those to keep: where the newest turns out damaged, one is left."""


@dataclass(frozen=True)
class Position:
    """Where a run stands.

    Attributes:
        step: updates made.
        reported: of these, how many have been evaluated and logged; one fewer where a signal came in between.
        train_loss, grad_norm: of the last update.
        losses: the last validation losses.
        log_bytes: length of the metrics file.
        wall_s, device_s: seconds spent on the run, over all attempts, without what a crash undid.
    """

    step: int = 0
    reported: int = 0
    train_loss: float = 0.0
    grad_norm: float = 0.0
    losses: dict[str, float] = field(default_factory=dict)
    log_bytes: int = 0
    wall_s: float = 0.0
    device_s: float = 0.0

    def after(self, train_loss: float, grad_norm: float) -> Position:
        """One update further."""
        return replace(self, step=self.step + 1, train_loss=train_loss, grad_norm=grad_norm)


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint, in memory."""

    path: Path
    run_id: str
    position: Position
    model: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    plain: dict[str, dict[str, Any]]

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Put everything back: parameters, buffers, the optimizer's state and the random numbers to come."""
        own = _tensors(model)
        if {name: t.shape for name, t in own.items()} != {name: t.shape for name, t in self.model.items()}:
            remedy = "remove the run's folder to train it afresh, or go back to the code that wrote it"
            raise DataError("E_CHECKPOINT", "the model has other tensors now", file=self.path, remedy=remedy)
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(self.model[name])
        names = _names(model, optimizer)
        state: dict[int, dict[str, Any]] = {}
        for place, name in enumerate(names):
            prefix = f"{name}:"
            tensors = {k.removeprefix(prefix): t for k, t in self.optimizer.items() if k.startswith(prefix)}
            if tensors or name in self.plain:
                state[place] = tensors | self.plain.get(name, {})
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        torch.set_rng_state(self.optimizer["rng:cpu"])
        if "rng:cuda" in self.optimizer and torch.cuda.is_available():
            torch.cuda.set_rng_state(self.optimizer["rng:cuda"])


class Checkpoints:
    """The checkpoints of one run, in a folder of their own. One process at a time may write it."""

    def __init__(self, folder: Path, run_id: str) -> None:
        self.folder, self.run_id = folder, run_id

    def save(self, model: nn.Module, optimizer: torch.optim.Optimizer, at: Position, keep: bool = False) -> None:
        """Write one, and remove what is older than the newest two.

        Raises:
            ScalelawError: where the disk refuses; the checkpoints before it are whole.
        """
        final = self._path(at.step, keep)
        temporary = self.folder / f"tmp-{final.name}"
        try:
            self._remove_leftovers()
            temporary.mkdir(parents=True)
            files = {}
            for name, content in self._contents(model, optimizer, at):
                write_durably(temporary / name, content)
                files[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            write_durably(temporary / MANIFEST, _manifest(files))
            sync_folder(temporary)
            self._remove(final)  # there only if it was damaged
            os.rename(temporary, final)
            sync_folder(self.folder)
            sync_folder(self.folder.parent)
            self._prune()
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise ScalelawError(
                f"{final}: the checkpoint could not be written ({error.strerror}); earlier ones are whole. "
                "Next: make room or mend the folder's rights, and run the same command again."
            ) from error

    def sound(self, log_bytes: int, at_most: int | None = None) -> Iterator[Checkpoint]:
        """Verified checkpoints, newest first; a damaged one is passed over with a warning that names the file.

        Args:
            log_bytes: length of the metrics file, which a checkpoint must not exceed.
            at_most: none of a later step.
        """
        for step, path in reversed(self._all()):
            if at_most is not None and step > at_most:
                continue
            checkpoint = self._read_or_warn(path)
            if checkpoint and checkpoint.position.log_bytes > log_bytes:
                _warn(_damaged(path, f"the log has {log_bytes} bytes and had {checkpoint.position.log_bytes}"))
            elif checkpoint:
                yield checkpoint

    def kept(self, step: int) -> Checkpoint | None:
        """The verified checkpoint that was kept of that step; None with a warning where it is damaged."""
        return self._read_or_warn(self._path(step, keep=True)) if self.has_kept(step) else None

    def has_kept(self, step: int) -> bool:
        """Whether a checkpoint of that step was kept."""
        return self._path(step, keep=True).is_dir()

    def read(self, path: Path) -> Checkpoint:
        """One checkpoint, verified.

        Raises:
            DataError: `E_CHECKPOINT`, naming the file and what is wrong with it.
        """
        contents = _verified(path)
        model, optimizer = (_tensors_of(path / name, contents[name]) for name in FILES[:2])
        try:
            state = json.loads(contents["state.json"])
            position, plain, owner = Position(**state["position"]), state["optimizer"], state["run_id"]
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise _damaged(path / "state.json", f"not a state ({type(error).__name__})") from None
        if owner != self.run_id:
            raise _damaged(path / "state.json", f"it belongs to the run {owner}")
        return Checkpoint(path, owner, position, model, optimizer, plain)

    def forget_after(self, step: int) -> None:
        """Remove later ones: their log is about to be written again."""
        self._remove_leftovers()
        for later, path in self._all():
            if later > step:
                self._remove(path)

    def clear(self) -> None:
        """Remove all but those to be kept."""
        self._prune(newest=0)
        self._remove_leftovers()
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _read_or_warn(self, path: Path) -> Checkpoint | None:
        try:
            return self.read(path)
        except DataError as error:
            _warn(error)
            return None

    def _contents(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, at: Position
    ) -> Iterator[tuple[str, bytes]]:
        yield "model.safetensors", save({name: _plain(tensor) for name, tensor in _tensors(model).items()})
        names, state = _names(model, optimizer), optimizer.state_dict()["state"]
        entries = [(f"{names[place]}:{key}", value) for place, held in state.items() for key, value in held.items()]
        tensors = {name: _plain(value) for name, value in entries if isinstance(value, Tensor)}
        tensors["rng:cpu"] = torch.get_rng_state()
        if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            tensors["rng:cuda"] = torch.cuda.get_rng_state()
        yield "optimizer.safetensors", save(tensors)
        plain = {
            names[place]: {key: value for key, value in held.items() if not isinstance(value, Tensor)}
            for place, held in state.items()
        }
        record = {"run_id": self.run_id, "position": asdict(at), "optimizer": plain}
        yield "state.json", json.dumps(record, indent=1).encode()

    def _path(self, step: int, keep: bool) -> Path:
        return self.folder / f"step-{step:012d}{'.kept' if keep else ''}"

    def _all(self) -> list[tuple[int, Path]]:
        """By step; whatever else lies in the folder is no checkpoint."""
        if not self.folder.is_dir():
            return []
        matches = ((NAME.fullmatch(path.name), path) for path in self.folder.iterdir())
        return sorted((int(match[1]), path) for match, path in matches if match)

    def _prune(self, newest: int = NEWEST) -> None:
        passing = [path for _, path in self._all() if path.suffix != ".kept"]
        for path in passing[: len(passing) - newest]:
            self._remove(path)

    def _remove(self, path: Path) -> None:
        """Under another name first, so that what is half removed is taken for nothing."""
        if path.is_dir():
            doomed = path.with_name(f"tmp-old-{path.name}")
            os.rename(path, doomed)
            shutil.rmtree(doomed)

    def _remove_leftovers(self) -> None:
        if self.folder.is_dir():
            for path in self.folder.glob("tmp-*"):
                shutil.rmtree(path)


def _verified(path: Path) -> dict[str, bytes]:
    """The files' contents, each of the size and sha256 that the manifest has."""
    try:
        listed = (path / MANIFEST).read_bytes()
        files = json.loads(listed)["files"]
        if listed != _manifest(files) or set(files) != set(FILES):
            raise ValueError("its sha256 or its list of files differs")
        expected = {name: (files[name]["bytes"], files[name]["sha256"]) for name in FILES}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path / MANIFEST, f"not a whole manifest ({error})") from None
    return {name: _content(path / name, *facts) for name, facts in expected.items()}


def _content(file: Path, n_bytes: int, sha256: str) -> bytes:
    try:
        size = file.stat().st_size
        if size != n_bytes:  # asked before it is read: what was put in its place may be huge
            raise _damaged(file, f"it has {size} bytes instead of {n_bytes}")
        content = file.read_bytes()
    except OSError as error:
        raise _damaged(file, f"it cannot be read ({error.strerror})") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise _damaged(file, "its sha256 is not the manifest's")
    return content


def _tensors_of(file: Path, content: bytes) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load(content)
    except (SafetensorError, KeyError, ValueError) as error:
        raise _damaged(file, f"not a safetensors file ({error})") from None
    return tensors


def _manifest(files: dict[str, Any]) -> bytes:
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    return json.dumps({"files": files, "sha256": digest}, indent=1).encode()


def _warn(error: DataError) -> None:
    warnings.warn(f"A checkpoint is passed over. {error}", RuntimeWarning, stacklevel=3)


def _damaged(file: Path, problem: str) -> DataError:
    return DataError("E_CHECKPOINT", problem, file=file)


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, a shared one once."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous()


def _names(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[str]:
    """The parameters' names in the optimizer's order."""
    known = {id(parameter): name for name, parameter in model.named_parameters()}
    return [known[id(parameter)] for group in optimizer.param_groups for parameter in group["params"]]
