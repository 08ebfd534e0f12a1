"""Shared truths: synthetic tables of a known law, and the development data where it is at hand."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from scalelaw.runs import RunTable

DEVELOPMENT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

CHINCHILLA = {"E": 1.8172, "A": 482.01, "alpha": 0.3478, "B": 2085.43, "beta": 0.3658}
"""Besiroglu et al. 2024, arXiv 2404.10102."""


def chinchilla_loss(n_params: np.ndarray, n_tokens: np.ndarray) -> np.ndarray:
    """The loss of `CHINCHILLA`, nats per token."""
    c = CHINCHILLA
    return c["E"] + c["A"] * n_params ** -c["alpha"] + c["B"] * n_tokens ** -c["beta"]


def simulated(n: int = 60, noise: float = 0.005, seed: int = 0, groups: int | None = None) -> RunTable:
    """Runs that follow `CHINCHILLA` with Gaussian noise in the log-loss."""
    rng = np.random.default_rng(seed)
    n_params = np.exp(rng.uniform(np.log(2e7), np.log(5e9), n))
    n_tokens = n_params * np.exp(rng.uniform(np.log(2), np.log(300), n))
    loss = chinchilla_loss(n_params, n_tokens) * np.exp(noise * rng.standard_normal(n))
    names = [f"group{i % groups}" for i in range(n)] if groups else None
    return RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=loss, group=names)


def heed_interrupts() -> None:
    """Before a child process starts: take Ctrl-C as usual, even where the tests run in the background of a shell."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(autouse=True, scope="session")
def usual_signals() -> Iterator[None]:
    """Signals that a shell in the background, or nohup, made this process ignore do what they usually do."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    ignored = [signum for signum in usual if signal.getsignal(signum) is signal.SIG_IGN]
    for signum in ignored:
        signal.signal(signum, usual[signum])
    yield
    for signum in ignored:
        signal.signal(signum, signal.SIG_IGN)


@pytest.fixture
def development_data() -> Path:
    """The folder of published run tables; the test is skipped where it is not at hand."""
    if not DEVELOPMENT_DATA.is_dir():
        pytest.skip("published run tables are not beside this checkout (../shared/data)")
    return DEVELOPMENT_DATA
