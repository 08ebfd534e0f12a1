"""Clean simulated sweeps, with every column that a careful log holds: what no check may find fault with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalelaw.counting import TransformerShape
from scalelaw.runs import Floats, RunTable
from tests.conftest import CHINCHILLA

DESIGNS = ("grid", "isoflop", "random")
VOCAB, CONTEXT, BATCH = 512, 256, 128


@dataclass(frozen=True)
class Sweep:
    """How a sweep is laid out. `seeds` runs of each configuration share its group; `n` counts all of them."""

    design: str = "random"
    n: int = 40
    noise: float = 0.005
    seeds: int = 1
    vocab: int = VOCAB
    sizes: tuple[float, float] = (3e7, 3e9)
    ratios: tuple[float, float] = (2.0, 300.0)
    law: tuple[float, ...] = tuple(CHINCHILLA.values())
    spread: float = 8.0
    """Half the width of an IsoFLOP sweep, as a factor of N_opt; `drift` shifts its centre along the budgets."""
    drift: tuple[float, float] = (1.0, 1.0)
    heavy: bool = False
    """Noise with the tails of Student's t at 3 degrees of freedom, of the same standard deviation."""


def loss_of(law: tuple[float, ...], N: Floats, D: Floats) -> Floats:
    """E + A / N^alpha + B / D^beta, nats per token."""
    E, A, alpha, B, beta = law
    return E + A * N**-alpha + B * D**-beta


def optimal_size(law: tuple[float, ...], flops: Floats) -> Floats:
    """N of least loss at C = 6 N D."""
    _, A, alpha, B, beta = law
    return (alpha * A / (beta * B)) ** (1 / (alpha + beta)) * (flops / 6) ** (beta / (alpha + beta))


def shape_near(n_params: float, vocab: int) -> TransformerShape:
    """A transformer of about so many non-embedding parameters, some 64 times as wide as deep."""
    layers = max(2, round((n_params / (12 * 64**2)) ** (1 / 3)))
    width = max(8, round((n_params / (12 * layers)) ** 0.5))
    return TransformerShape(layers, width, 4 * width, vocab, CONTEXT)


def wanted(sweep: Sweep, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """N and D of each configuration, before they are rounded to a shape and to whole steps."""
    count = sweep.n // sweep.seeds
    low, high = np.log(sweep.sizes)
    if sweep.design == "grid":
        across = {20: 5, 40: 8, 60: 10}.get(count, 5)
        N = np.exp(np.linspace(low, high, count // across))
        D = np.exp(np.linspace(np.log(8e8), np.log(1.5e11), across))
        return np.repeat(N, across), np.tile(D, count // across)
    if sweep.design == "isoflop":
        across = {20: 5, 40: 8, 60: 10}.get(count, 5)
        flops = np.geomspace(1e19, 3e21, count // across)
        centre = optimal_size(sweep.law, flops) * np.geomspace(*sweep.drift, len(flops))
        N = (centre[:, None] * np.geomspace(1 / sweep.spread, sweep.spread, across)).ravel()
        return N, np.repeat(flops, across) / (6 * N)
    N = np.exp(rng.uniform(low, high, count))
    return N, N * np.exp(rng.uniform(*np.log(sweep.ratios), count))


def simulate(sweep: Sweep, rng: np.random.Generator) -> RunTable:
    """Runs of real shapes and whole steps that follow the law with noise in ln L."""
    N, D = wanted(sweep, rng)
    shapes = [shape_near(n, sweep.vocab) for n in N]
    n_params = np.array([float(shape.params_all()) for shape in shapes])
    if sweep.design == "isoflop":
        D = N * D / n_params
    steps = np.maximum(np.round(D / (BATCH * CONTEXT)), 50)
    n_tokens = steps * BATCH * CONTEXT
    lr = 0.3 * n_params**-0.3
    columns = {
        "width": [shape.width for shape in shapes],
        "depth": [shape.n_layers for shape in shapes],
        "vocab_size": np.full(len(N), sweep.vocab),
        "context": np.full(len(N), CONTEXT),
        "batch_size": np.full(len(N), BATCH),
        "steps": steps,
        "total_steps": steps,
        "warmup_steps": np.ceil(0.02 * steps),
        "lr": lr,
        "final_lr": 0.1 * lr,
        "schedule": np.full(len(N), "cosine"),
        "optimizer": np.full(len(N), "adamw"),
        "parametrization": np.full(len(N), "standard"),
        "tokenizer": np.full(len(N), "bytes"),
        "corpus": np.full(len(N), "web"),
        "epochs": np.ones(len(N)),
        "status": np.full(len(N), "finished"),
    }
    rows = np.repeat(np.arange(len(N)), sweep.seeds)
    error = rng.standard_t(3, len(rows)) / np.sqrt(3) if sweep.heavy else rng.standard_normal(len(rows))
    loss = loss_of(sweep.law, n_params, n_tokens)[rows] * np.exp(sweep.noise * error)
    return RunTable.of(
        n_params=n_params[rows],
        n_params_non_embedding=np.array([float(shape.params_non_embedding()) for shape in shapes])[rows],
        n_tokens=n_tokens[rows],
        loss=loss,
        group=[f"c{row}" for row in rows],
        run_id=[f"c{row}-s{i % sweep.seeds}" for i, row in enumerate(rows)],
        extras={
            **{name: np.asarray(values)[rows] for name, values in columns.items()},
            "seed": np.arange(len(rows)) % sweep.seeds,
        },
    )


def clean_sweeps(heavy: bool = False) -> list[Sweep]:
    """Every design, size, noise, with and without seeds: at least 20 configurations each."""
    return [
        Sweep(design, n, noise, seeds, heavy=heavy)
        for design in DESIGNS
        for n in (20, 40, 60)
        for noise in (0.003, 0.01)
        for seeds in (1, 2)
        if n // seeds >= 20
    ]
