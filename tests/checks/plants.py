"""Sweeps with one fault planted in each: what the checks must find.

A plant takes a generator and gives the arguments of `scalelaw.checks.check`, a fit or runs and options.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scalelaw.checks._columns import numbers
from scalelaw.fitting import Fit, fit
from scalelaw.intervals import Draws, bootstrap
from scalelaw.laws import get_law
from scalelaw.runs import Floats, RunTable
from scalelaw.solver import solve
from tests.checks.sweeps import DESIGNS, Sweep, loss_of, simulate

Given = tuple[Fit | RunTable, dict[str, Any]]
LAW = get_law("chinchilla")


@dataclass(frozen=True)
class Plant:
    """A fault: the number of its trap, the check that must find it, what it is, and how it is made."""

    trap: int
    check: str
    fault: str
    make: Callable[[np.random.Generator], Given]


def some(rng: np.random.Generator, designs: tuple[str, ...] = DESIGNS, **changes: Any) -> Sweep:
    """A clean sweep's layout, at random."""
    drawn = {"design": str(rng.choice(designs)), "n": int(rng.choice([20, 40, 60]))}
    return Sweep(**{**drawn, "noise": float(rng.uniform(0.003, 0.01)), **changes})


def clean(rng: np.random.Generator, **changes: Any) -> RunTable:
    return simulate(some(rng, **changes), rng)


def with_extra(runs: RunTable, **columns: Any) -> RunTable:
    return replace(runs, extras={**runs.extras, **{name: np.asarray(values) for name, values in columns.items()}})


def few(rng: np.random.Generator, runs: RunTable, share: float) -> np.ndarray:
    """A random mask of about that share of the rows, two at least."""
    return np.isin(np.arange(len(runs)), rng.choice(len(runs), max(2, round(share * len(runs))), replace=False))


# --- how others fit ---------------------------------------------------------------------------------------------------


def stopped_early(runs: RunTable, mean: bool, start: Floats, weights: Floats | None = None) -> Floats:
    """Natural constants where scipy's L-BFGS-B with default tolerances stops, on Huber losses of ln L (delta 1e-3).

    As published: parameters (ln E, ln A, ln B, alpha, beta), numerical gradient.
    """
    from scipy.optimize import minimize

    N, D, y = np.log(runs.n_params), np.log(runs.n_tokens), np.log(runs.loss)
    w = np.ones(len(y)) if weights is None else weights

    def objective(x: Floats) -> float:
        e, a, b, alpha, beta = x
        r = np.abs(np.logaddexp(e, np.logaddexp(a - alpha * N, b - beta * D)) - y)
        rho = w * np.where(r <= 1e-3, 0.5 * r**2, 1e-3 * (r - 0.5e-3))
        return float(rho.mean() if mean else rho.sum())

    E, A, alpha, B, beta = start
    with np.errstate(all="ignore"):
        x = minimize(objective, [np.log(E), np.log(A), np.log(B), alpha, beta], method="L-BFGS-B").x
    return np.array([np.exp(x[0]), np.exp(x[1]), x[3], np.exp(x[2]), x[4]])


HOFFMANN = np.array([np.exp(0.5), np.exp(5.0), 0.5, np.exp(5.0), 0.5])
"""One of the grid points that Hoffmann et al. 2022 start from (appendix D.2)."""


def early(mean: bool) -> Callable[[np.random.Generator], Given]:
    def make(rng: np.random.Generator) -> Given:
        runs = clean(rng)
        constants = stopped_early(runs, mean, HOFFMANN)
        return runs, {"claimed": dict(zip(LAW.names, constants, strict=True)), "objective": "log_huber"}

    return make


def still_replicates(rng: np.random.Generator) -> Given:
    """Replicates by the mean of the losses, each started at the estimate."""
    found = fit("chinchilla", clean(rng), "log_huber", starts=16)
    n = len(found.runs)
    weights = rng.multinomial(n, np.full(n, 1 / n), 25)
    natural = np.stack([stopped_early(found.runs, True, found.natural, w) for w in weights])
    return found, {"draws": Draws(found, natural, "L-BFGS-B of the mean, default tolerances", 0)}


def too_precise(rng: np.random.Generator) -> Given:
    """The standard error that a claim of Hoffmann et al.'s size would have: 28 times too small, here 6 to 28."""
    found = fit("chinchilla", clean(rng), starts=16)
    error = bootstrap(found, 99, seed=1).standard_error("alpha")
    return found, {"claimed": {"alpha_se": error / rng.uniform(6, 28)}}


def rounded(rng: np.random.Generator) -> Given:
    """The constants to two significant digits."""
    found = fit("chinchilla", clean(rng), starts=16)
    return found, {"claimed": {name: f"{value:.2g}" for name, value in found.estimate.items()}}


def local_minimum(rng: np.random.Generator) -> Given:
    """The second-best optimum that 64 starts of a small noisy sweep find."""
    while True:
        runs = simulate(some(rng, designs=("random",), n=10, noise=0.02), rng)
        best = fit("chinchilla", runs, "log_huber")
        starts = best.law.starts(best.problem.z, runs.loss, 64, rng)
        found = solve(best.problem, starts, runs.weight)
        worse = found.converged & (found.objective > best.certificate.objective * 1.001)
        if worse.any():
            return replace(best, theta=found.theta[np.flatnonzero(worse)[0]]), {}


# --- what is wrong with the data --------------------------------------------------------------------------------------


def influential(rng: np.random.Generator) -> Given:
    """Least squares with one run whose loss is 25 % too high, as of a training that was cut short."""
    runs = clean(rng)
    bad = np.isin(np.arange(len(runs)), rng.integers(len(runs)))
    return replace(runs, loss=runs.loss * np.where(bad, 1.25, 1.0)), {"objective": "log_least_squares"}


def exact_ratio(rng: np.random.Generator) -> Given:
    """D = 20 N to the last token: no law of N and D can be fitted."""
    runs = clean(rng, designs=("random",))
    loss = loss_of(Sweep().law, runs.n_params, 20 * runs.n_params) * np.exp(0.005 * rng.standard_normal(len(runs)))
    return RunTable.of(n_params=runs.n_params, n_tokens=20 * runs.n_params, loss=loss, extras=runs.extras), {}


def near_ratio(rng: np.random.Generator) -> Given:
    return clean(rng, designs=("random",), ratios=(19.0, 21.0)), {}


def embeddings(rng: np.random.Generator) -> Given:
    """Small models with a vocabulary of 50,000."""
    return clean(rng, designs=("random", "grid"), vocab=50_000, sizes=(1e6, 3e8)), {}


def fixed_warmup(rng: np.random.Generator) -> Given:
    runs = clean(rng)
    steps = numbers(runs, "steps")
    assert steps is not None
    return with_extra(runs, warmup_steps=np.full(len(runs), np.quantile(steps, 0.3) * 0.2)), {}


def rates_at_edge(rng: np.random.Generator) -> Given:
    """Three learning rates a configuration, all below the best; the loss rises as ln^2 of the distance from it."""
    runs = clean(rng, seeds=1)
    rows = np.repeat(np.arange(len(runs)), 3)
    factor = np.tile([0.1, 0.2, 0.4], len(runs))
    wide = runs.take(rows)
    loss = wide.loss * (1 + 0.01 * np.log(factor) ** 2) * np.exp(0.001 * rng.standard_normal(len(rows)))
    return with_extra(replace(wide, loss=loss), lr=numbers(wide, "peak_lr") * factor), {}


def one_rate(rng: np.random.Generator) -> Given:
    runs = clean(rng)
    return with_extra(runs, lr=np.full(len(runs), 3e-4), final_lr=np.full(len(runs), 3e-5)), {}


def no_decay(rng: np.random.Generator) -> Given:
    runs = clean(rng)
    return with_extra(runs, final_lr=numbers(runs, "peak_lr")), {}


def checkpoints(rng: np.random.Generator) -> Given:
    """Four checkpoints of each run under its name."""
    runs = clean(rng)
    wide = runs.take(np.repeat(np.arange(len(runs)), 4))
    share = np.tile([0.25, 0.5, 0.75, 1.0], len(runs))
    steps = numbers(wide, "steps")
    tokens = wide.n_tokens * share
    table = RunTable.of(
        run_id=wide.run_id,
        group=wide.group,
        n_params=wide.n_params,
        n_tokens=tokens,
        loss=wide.loss * (1.1 - share / 10),
    )
    return with_extra(table, steps=steps * share), {}


def miscounted_params(rng: np.random.Generator) -> Given:
    """A fifth of the models are 5 to 15 % off, as in Hoffmann et al.'s Table A9."""
    runs = clean(rng)
    off = np.where(few(rng, runs, 0.2), 1 + rng.uniform(0.05, 0.15, len(runs)) * rng.choice([-1, 1], len(runs)), 1.0)
    return replace(runs, n_params=runs.n_params * off), {}


UNEQUAL = (1.8, 480.0, 0.465, 25.0, 0.155)
"""Exponents as unequal as laws in print have them, where parabolas are biased most."""


def biased_parabolas(rng: np.random.Generator) -> Given:
    return clean(rng, designs=("isoflop",), law=UNEQUAL, spread=16.0), {}


def at_edge(rng: np.random.Generator) -> Given:
    """The sweeps of all budgets share the sizes that suit the smallest."""
    return clean(rng, designs=("isoflop",), n=40, spread=4.0, drift=(1.0, 1 / 30)), {}


def seeds_apart(rng: np.random.Generator) -> Given:
    runs = clean(rng, seeds=2)
    return replace(runs, group=runs.run_id), {}


def runs_alike(rng: np.random.Generator) -> Given:
    """Ten checkpoints a run, each under a name of its own, that share most of their noise (correlation 0.8)."""
    size, count, sigma = 12, 10, rng.uniform(0.003, 0.01)
    N = np.repeat(np.exp(rng.uniform(np.log(3e7), np.log(3e9), size)), count)
    D = N * np.tile(np.geomspace(5, 200, count), size) * np.repeat(rng.uniform(0.5, 2, size), count)
    shared = np.repeat(rng.standard_normal(size), count)
    noise = sigma * (np.sqrt(0.8) * shared + np.sqrt(0.2) * rng.standard_normal(len(N)))
    return RunTable.of(n_params=N, n_tokens=D, loss=loss_of(Sweep().law, N, D) * np.exp(noise)), {}


def padded_tokens(rng: np.random.Generator) -> Given:
    """A fifth of the runs count padding: 5 to 30 % too many tokens."""
    runs = clean(rng)
    return replace(runs, n_tokens=runs.n_tokens * np.where(few(rng, runs, 0.2), rng.uniform(1.05, 1.3), 1.0)), {}


def wrapped_tokens(rng: np.random.Generator) -> Given:
    """A 32-bit counter, beside the compute as it was logged; no steps in the table."""
    runs = clean(rng)
    kept = {name: values for name, values in runs.extras.items() if name not in ("steps", "total_steps", "epochs")}
    wrapped = np.where(runs.n_tokens > 2**32, runs.n_tokens % 2**32, runs.n_tokens)
    conventions = replace(runs.conventions, flops="given")
    return replace(runs, n_tokens=wrapped, extras=kept, conventions=conventions), {}


def repeated_tokens(rng: np.random.Generator) -> Given:
    runs = clean(rng)
    return with_extra(runs, unique_tokens=np.minimum(runs.n_tokens, np.quantile(runs.n_tokens, 0.7))), {}


def reset_counter(rng: np.random.Generator) -> Given:
    runs, _ = checkpoints(rng)
    assert isinstance(runs, RunTable)
    tokens = np.array(runs.n_tokens)
    tokens[3::8] *= 0.3
    return replace(runs, n_tokens=tokens), {}


def bits(rng: np.random.Generator) -> Given:
    """10 to 30 % of the losses are in bits."""
    runs = clean(rng)
    there = few(rng, runs, rng.uniform(0.1, 0.3))
    return replace(runs, loss=np.where(there, runs.loss / np.log(2), runs.loss)), {}


def two_tokenizers(rng: np.random.Generator) -> Given:
    """A third of the runs have a tokenizer whose loss a token is 4 to 10 % higher."""
    runs = clean(rng)
    other = few(rng, runs, 1 / 3)
    loss = runs.loss * np.where(other, 1 + rng.uniform(0.04, 0.1), 1.0)
    return with_extra(replace(runs, loss=loss), tokenizer=np.where(other, "unigram", "bytes")), {}


def training_loss(rng: np.random.Generator) -> Given:
    runs = clean(rng)
    return with_extra(runs, val_loss=runs.loss * 1.01), {}


def small_models(rng: np.random.Generator) -> Given:
    return clean(rng, designs=("random", "grid"), sizes=(1e4, 1e7)), {}


def no_floor(rng: np.random.Generator) -> Given:
    """A truth without irreducible loss, as of a deterministic task; small exponents, so that losses stay in range."""
    return clean(rng, law=(0.0, 30.0, 0.2, 60.0, 0.2)), {}


def two_sizes(rng: np.random.Generator) -> Given:
    runs = clean(rng, designs=("random",))
    two = np.where(rng.random(len(runs)) < 0.5, 1e8, 1e9)
    return RunTable.of(n_params=two, n_tokens=runs.n_tokens, loss=loss_of(Sweep().law, two, runs.n_tokens)), {}


def bent(rng: np.random.Generator) -> Given:
    """Beyond the middle of the compute the loss falls by C^0.03 less than the law says: a break."""
    runs = clean(rng)
    beyond = np.maximum(np.log(runs.flops / np.quantile(runs.flops, 0.6)), 0.0)
    return replace(runs, loss=runs.loss * np.exp(0.03 * beyond)), {}


def error_rate(rng: np.random.Generator) -> Given:
    runs = clean(rng)
    return replace(runs, loss=(runs.loss - 1.5) / 8), {}


def accuracy(rng: np.random.Generator) -> Given:
    runs = clean(rng)
    return replace(runs, loss=1 - (runs.loss - 1.5) / 8), {}


def dropped_by_loss(rng: np.random.Generator) -> Given:
    runs = clean(rng)
    return runs.where(runs.loss < np.quantile(runs.loss, 0.9), "loss >= 3.2"), {}


def unfinished(rng: np.random.Generator) -> Given:
    runs = clean(rng)
    return with_extra(runs, status=np.where(few(rng, runs, 0.1), "diverged", "finished")), {}


def bare(rng: np.random.Generator) -> Given:
    return replace(clean(rng), extras={}), {}


PLANTS = (
    Plant(1, "optimum", "mean of Huber losses, L-BFGS-B defaults", early(mean=True)),
    Plant(2, "optimum", "sum of Huber losses, L-BFGS-B defaults", early(mean=False)),
    Plant(3, "precision", "replicates that hardly move", still_replicates),
    Plant(4, "rounding", "two significant digits", rounded),
    Plant(5, "precision", "standard error 6 to 28 times too small", too_precise),
    Plant(6, "influence", "least squares, one loss 25 % too high", influential),
    Plant(7, "local_minima", "second-best optimum of ten runs", local_minimum),
    Plant(8, "fixed_ratio", "D = 20 N", exact_ratio),
    Plant(8, "fixed_ratio", "D = 20 N +- 5 %", near_ratio),
    Plant(9, "params_definition", "1M to 300M parameters, vocabulary 50,000", embeddings),
    Plant(10, "warmup", "the same number of steps for all", fixed_warmup),
    Plant(11, "learning_rate", "best of three rates at their edge", rates_at_edge),
    Plant(11, "learning_rate", "one rate for all sizes", one_rate),
    Plant(12, "schedule", "no decay", no_decay),
    Plant(12, "schedule", "checkpoints as final runs", checkpoints),
    Plant(13, "architecture", "a fifth of N 5 to 15 % off", miscounted_params),
    Plant(14, "isoflop_bias", "exponents 0.465 and 0.155, +-16x", biased_parabolas),
    Plant(15, "isoflop_edge", "sizes that suit the smallest budget only", at_edge),
    Plant(16, "independence", "seeds in groups of their own", seeds_apart),
    Plant(16, "independence", "checkpoints under names of their own, correlation 0.8", runs_alike),
    Plant(17, "token_counts", "padding counted in a fifth", padded_tokens),
    Plant(17, "token_counts", "32-bit counter", wrapped_tokens),
    Plant(17, "token_counts", "tokens repeated", repeated_tokens),
    Plant(17, "token_counts", "counter reset within runs", reset_counter),
    Plant(18, "units", "10 to 30 % in bits", bits),
    Plant(18, "units", "a tokenizer with 4 to 10 % more loss", two_tokenizers),
    Plant(18, "units", "training loss beside a held-out one", training_loss),
    Plant(19, "flops_count", "10k to 10M parameters", small_models),
    Plant(20, "identified", "E = 0", no_floor),
    Plant(20, "identified", "two sizes", two_sizes),
    Plant(21, "extrapolation", "a break of 0.03 in the exponent of C", bent),
    Plant(22, "metric", "error rate", error_rate),
    Plant(22, "metric", "accuracy", accuracy),
    Plant(23, "selection", "highest losses left out", dropped_by_loss),
    Plant(23, "selection", "diverged runs kept", unfinished),
    Plant(24, "reporting", "N, D and loss only", bare),
)
