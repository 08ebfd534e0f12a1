"""What this installation can do: versions, optional parts, places, and a fit whose answer is known."""

from __future__ import annotations

import os
import platform
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from scalelaw import caching

Verdict = Literal["ok", "absent", "wrong"]

PURPOSES = {
    "train": "train models",
    "text": "byte-pair encodings of text",
    "hf": "Hugging Face data sets",
    "images": "image data",
    "tensorboard": "log runs to TensorBoard",
    "wandb": "W&B's cloud, and runs logged to W&B",
    "report": "HTML reports and figures",
    "data": "published run tables by name",
    "parquet": "Parquet tables",
    "fast": "the compiled path of fits and bootstraps",
    "posterior": "posterior intervals by emcee",
}
"""What each optional part is for."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """One thing looked at: how it is, and what to do where that is not as it should be.

    `absent` is an optional part that is not installed, which is no fault; `wrong` is one.
    """

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""


def examine() -> Iterator[Symptom]:
    """Everything, in the order of importance; the last is a fit of the shipped runs."""
    yield Symptom("python", *_python())
    yield from (_required(name) for name in _packages(None))
    yield from (_extra(extra) for extra in PURPOSES)
    yield Symptom("cores", "ok", f"{_cores()} of {os.cpu_count()} for this process")
    yield _cache()
    yield _fit()


def _python() -> tuple[Verdict, str]:
    here = platform.python_version_tuple()
    supported = (3, 11) <= (int(here[0]), int(here[1])) < (3, 14)
    return "ok" if supported else "wrong", f"{platform.python_version()} on {platform.system()} {platform.machine()}"


def _packages(extra: str | None) -> list[str]:
    """The packages that scalelaw, or one of its optional parts, asks for, by its own metadata."""
    wanted = []
    for text in requires("scalelaw") or []:
        name, _, marker = text.partition(";")
        asked = re.search(r"extra == ['\"]([\w-]+)['\"]", marker)
        if (asked[1] if asked else None) == extra:
            wanted.append(re.split(r"[^\w.-]", name.strip())[0])
    return wanted


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _required(package: str) -> Symptom:
    found = _version(package)
    if found:
        return Symptom(package, "ok", found)
    return Symptom(package, "wrong", "not installed", "pip install scalelaw")


def _extra(extra: str) -> Symptom:
    versions = {package: _version(package) for package in _packages(extra)}
    name = f"{extra}: {PURPOSES[extra]}"
    if all(versions.values()):
        return Symptom(name, "ok", ", ".join(f"{package} {found}" for package, found in versions.items()))
    lacking = ", ".join(package for package, found in versions.items() if not found)
    return Symptom(name, "absent", f"without {lacking}", f"pip install 'scalelaw[{extra}]'")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cache() -> Symptom:
    folder = caching.folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        remedy = "name another folder in $SCALELAW_CACHE"
        return Symptom("cache", "wrong", f"{folder} cannot be written: {error.strerror}", remedy)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Symptom("cache", "ok", f"{folder}, {size / 1e6:.0f} MB")


def _fit() -> Symptom:
    """The Chinchilla law fitted to exact runs of a known one: parameters to eight digits, or something is amiss."""
    from scalelaw.fitting import fit
    from scalelaw.runs import RunTable

    truth = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
    sizes = [(n_params, ratio * n_params) for n_params in (1e7, 3e7, 1e8, 3e8, 1e9) for ratio in (5.0, 20.0, 80.0)]
    losses = [1.69 + 406.4 / n_params**0.34 + 410.7 / n_tokens**0.28 for n_params, n_tokens in sizes]
    n_params, n_tokens = zip(*sizes, strict=True)
    fitted = fit("chinchilla", RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=losses))
    error = max(abs(fitted.value(name) / value - 1.0) for name, value in truth.items())
    if fitted.certificate.converged and error < 1e-8:
        return Symptom("a known fit", "ok", f"found again to {error:.0e}")
    remedy = "reinstall numpy and scipy; if that does not help, report it with this page"
    return Symptom("a known fit", "wrong", f"off by {error:.1e}: {fitted.certificate.outcome}", remedy)


def installed_at() -> Path:
    """The folder scalelaw was imported from."""
    return Path(__file__).parent
