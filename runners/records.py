"""What is written down of a run: `spec.json` before it, `done.json` after it."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runners.corpora import CORPORA, Source
from runners.models import FAMILIES
from runners.spec import TrainSpec
from scalelaw import __version__
from scalelaw.counting import Counts, flops_6nd
from scalelaw.errors import DataError

LABELS = (
    "model", "corpus", "parametrization", "width", "depth", "lr", "optimizer", "schedule", "seed", "batch_size",
    "context",
)  # fmt: skip
"""Fields of the spec that label a row of a run table."""
OF_AN_ATTEMPT = ("versions", "commit", "device", "deterministic", "stacked")
LOSS_UNITS = {"cross_entropy": "nats/token", "squared_error": "squared error"}


def describe(spec: TrainSpec, source: Source, device: str) -> dict[str, Any]:
    """What `spec.json` records: the spec, its counts, the text trained and validated on, versions, commit, device."""
    others = {name: dict(CORPORA[name].facts()) for name in spec.validation_sources if name != spec.corpus}
    return {
        "run_id": spec.run_id,
        "group": spec.group,
        "spec": spec.as_dict(),
        "counts": asdict(FAMILIES[spec.model].counts(spec, source)),
        "corpus": dict(source.facts()),
        **({"validated_on": others} if others else {}),
        "versions": {
            "scalelaw": __version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "numpy": np.__version__,
        },
        "commit": commit(),
        "device": torch.cuda.get_device_name() if device == "cuda" else f"cpu ({platform.machine()})",
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }


def attempt(record: Mapping[str, Any], step: int) -> dict[str, Any]:
    """What `spec.json` adds when a run is resumed at `step`: by which code and where, since either may have changed."""
    return {"step": step} | {name: record[name] for name in OF_AN_ATTEMPT if name in record}


def require_same(then: Mapping[str, Any], now: Mapping[str, Any], source: Source, file: Path) -> None:
    """Refuse to go on with a run of which `spec.json` says `then`, where `now` it would be another.

    Raises:
        DataError: `E_SPEC` where the spec is another, `E_CORPUS_CHANGED` where the text is.
    """
    written = then.get("spec")
    if not isinstance(written, dict) or now["spec"] | written != now["spec"]:
        raise DataError(
            "E_SPEC", f"it is not of the run {now['run_id']}, whose checkpoints are beside it", file=file,
            remedy="put the file back, or remove the folder to train the run afresh",
        )  # fmt: skip
    require_same_text(then, now, source, file)


def require_same_text(then: Mapping[str, Any], now: Mapping[str, Any], source: Source, file: Path) -> None:
    """Likewise, of the text alone: its content's hashes.

    A source without a held-out split follows from its name; the hash of its probabilities may differ from processor to
    processor in the last digits, and is let be.

    Raises:
        DataError: `E_CORPUS_CHANGED`.
    """
    if source.held_out(now["spec"]["context"], 1) is None:
        return
    was, is_now = ({k: v for k, v in record["corpus"].items() if "sha256" in k} for record in (then, now))
    if was != is_now:
        raise DataError(
            "E_CORPUS_CHANGED", f"the corpus {now['spec']['corpus']} has other content now", file=file,
            remedy="put the text back as it was, or remove the folder to train the run afresh",
        )  # fmt: skip


@cache
def commit() -> dict[str, Any] | None:
    """The git commit of this code and whether anything in its checkout was changed since; None outside of one.

    A checkout that merely encloses an installed package does not track this file and is not taken for its own.
    """
    here = Path(__file__)

    def git(*words: str) -> str:
        command = ["git", "-C", str(here.parent), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", here.name)
        return {"sha": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None


def outcome(
    spec: TrainSpec, source: Source, counts: Counts, status: str, steps: int, losses: dict[str, float], wall_s: float
) -> dict[str, Any]:
    """What `done.json` records.

    Args:
        losses: `loss` on the corpus's validation split, and `loss_NAME` on others; empty for a run that has none.
    """
    n_tokens = steps * spec.tokens_per_step
    floor = source.entropy(spec.context)
    return {
        "run_id": spec.run_id,
        "group": spec.group,
        "status": status,
        "n_params": counts.n_params,
        "n_params_non_embedding": counts.n_params_non_embedding,
        "n_tokens": n_tokens,
        "flops": counts.flops_per_token * n_tokens,
        "flops_6nd": flops_6nd(float(counts.n_params), float(n_tokens)),
        "loss": None,
        "loss_unit": LOSS_UNITS[source.loss],
        "steps": steps,
        "wall_s": round(wall_s, 2),
        **{name: getattr(spec, name) for name in LABELS},
        **losses,
        **({} if floor is None else {"entropy": floor}),
        **({"unique_tokens": min(spec.unique_examples * spec.context, n_tokens)} if spec.unique_tokens else {}),
    }
