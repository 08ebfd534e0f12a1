"""Speed of training, as ratios within one run on one CPU thread, and on a CUDA device where there is one.

    make bench-train                    prints the table, writes tests/benchmarks/train.csv

* `loop`: tokens a second of the loop of `runners.training` beside `minimal`, the same model in plain torch; the share
  of the peak is of what a large matrix product reaches in the same turns and precision.
* `stack`: a sweep of K learning rates as one stack beside K separate runs, by tokens in a member's step.
* `compile`: `torch.compile` beside the loop without, and how long the first step took.

The ways take turns, a few steps each, so that a disturbance hits all of them. `ratio` is the median over the turns of
the other way's time over its own (above 1: it is faster), `ratio_best` that of each way's best turn. On a CPU time is
the process's CPU time; on a CUDA device it is wall time after synchronising.
"""

from __future__ import annotations

import csv
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from runners.corpora import CORPORA
from runners.models import FAMILIES
from runners.optimizers import build_optimizer, set_rate
from runners.schedules import lr_share
from runners.spec import TrainSpec
from runners.stacking import Stack
from runners.together import gradients as stacked_gradients
from runners.training import gradients, training_examples
from tests.benchmarks.minimal_gpt import GPT, LOG_EVERY, steps

TABLE = Path(__file__).with_name("train.csv")
NAMES = (
    "what", "device", "precision", "width", "tokens_per_step", "k", "ratio", "ratio_best", "tokens_per_s",
    "wall_tokens_per_s", "gflops", "share_of_peak", "first_step_s",
)  # fmt: skip
TURNS, TURN_S, WARM_UP = 7, 0.3, 3
"""Turns of each way, about so many seconds each, after so many steps that are not timed."""
STEPS = 400
WIDTHS, COMPILED_WIDTHS = (64, 128, 256), (64, 256)
STACKS = [
    *itertools.product((4, 8), (16, 24, 32, 48, 64), (8, 16)),
    *itertools.product((4, 32), (128,), (8,)),
    *itertools.product((32,), (16, 32, 64), (8,)),
]
"""Sequences of 64 tokens in a member's step, width, members."""
PEAK_SIDE = {"cpu": 1024, "cuda": 8192}
Row = dict[str, object]


def spec_of(width: int, precision: str = "fp32", depth: int = 4, batch: int = 16, context: int = 128) -> TrainSpec:
    """nanoGPT's shape, with data for more steps than are timed."""
    return TrainSpec(
        "markov",
        width=width,
        depth=depth,
        n_tokens=STEPS * batch * context,
        context=context,
        batch_size=batch,
        head_dim=16 if width % 16 == 0 else 8,
        parametrization="standard",
        precision=precision,
        lr=1e-3,
    )


def our_steps(spec: TrainSpec, device: str, compiled: bool = False) -> Iterator[float]:
    """The steps of `runners.training.train`; the loss of each."""
    source = CORPORA[spec.corpus]
    examples = training_examples(spec, source)
    model = FAMILIES[spec.model].build(spec, source).to(device)
    optimizer = build_optimizer(model, spec)
    forward = torch.compile(model) if compiled else model
    for step in range(spec.steps):
        set_rate(optimizer, spec.lr * lr_share(spec, step))
        loss, _ = gradients(spec, source, model, forward, examples, step, device)
        optimizer.step()
        yield loss


def minimal(spec: TrainSpec, device: str, log_every: int = LOG_EVERY) -> Iterator[float | None]:
    """The yardstick, from the same weights, on the same data in the same order."""
    source = CORPORA[spec.corpus]
    inputs, targets = training_examples(spec, source).take(np.arange(spec.steps * spec.batch_size))
    windows = torch.from_numpy(np.concatenate((inputs, targets[:, -1:]), axis=1)).to(device)
    model = GPT(spec.width, spec.depth, spec.width // spec.head_dim, source.outputs, spec.context).to(device)
    with torch.no_grad():
        theirs = FAMILIES[spec.model].build(spec, source).parameters()
        for here, there in zip(model.parameters(), theirs, strict=True):
            here.copy_(there)
    warmup = round(spec.warmup_share * spec.steps)
    return steps(model, windows, spec.batch_size, spec.lr, warmup, spec.precision == "bf16", log_every)


def stacked(specs: Sequence[TrainSpec], device: str) -> Iterator[None]:
    """The steps of `runners.together.train_together`."""
    source = CORPORA[specs[0].corpus]
    models = [FAMILIES[spec.model].build(spec, source).to(device) for spec in specs]
    optimizers = [build_optimizer(model, spec) for model, spec in zip(models, specs, strict=True)]
    examples = [training_examples(spec, source) for spec in specs]
    stack = Stack(models, optimizers)
    for step in range(specs[0].steps):
        stacked_gradients(stack, specs, examples, source, step, device)
        for spec, optimizer in zip(specs, optimizers, strict=True):
            set_rate(optimizer, spec.lr * lr_share(spec, step))
        stack.step()
        yield


@dataclass
class Times:
    """Seconds of one step in each turn, by the clock that counts, and on the wall."""

    counted: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


def take_turns(ways: dict[str, Callable[[], object]], device: str) -> dict[str, Times]:
    """Time each way in every turn, one after the other."""
    times = {name: Times() for name in ways}
    for way in ways.values():
        timed(way, WARM_UP, device)
    most = (STEPS - WARM_UP - 2) // TURNS  # that there are data for
    counts = {name: min(max(2, round(TURN_S / timed(way, 2, device)[1])), most) for name, way in ways.items()}
    for _ in range(TURNS):
        for name, way in ways.items():
            counted, wall = timed(way, counts[name], device)
            times[name].counted.append(counted)
            times[name].wall.append(wall)
    return times


def timed(way: Callable[[], object], count: int, device: str) -> tuple[float, float]:
    """Seconds of one of `count` calls: processor time on a CPU, else wall time; and wall time."""
    synchronise(device)
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(count):
        way()
    synchronise(device)
    wall_s = (time.perf_counter() - wall) / count
    return (time.process_time() - cpu) / count if device == "cpu" else wall_s, wall_s


def synchronise(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def compared(ours: Times, theirs: Times, times: float = 1.0) -> Row:
    """How many times as long theirs takes, for `times` of it: median over the turns, and best against best."""
    each = [times * b / a for a, b in zip(ours.counted, theirs.counted, strict=True)]
    return {"ratio": statistics.median(each), "ratio_best": times * min(theirs.counted) / min(ours.counted)}


def matrix_product(precision: str, device: str) -> Callable[[], object]:
    """What shows the machine's peak, and its FLOPs."""
    side = PEAK_SIDE[device]
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    return lambda: a @ b


def loop_rows(device: str) -> Iterator[Row]:
    """The loop beside the yardstick and beside a matrix product."""
    for precision in ("fp32", "bf16"):
        for width in WIDTHS:
            spec = spec_of(width, precision)
            ways = {
                "loop": partial(next, our_steps(spec, device)),
                "minimal": partial(next, minimal(spec, device)),
                "peak": matrix_product(precision, device),
            }
            times = take_turns(ways, device)
            flops = FAMILIES[spec.model].counts(spec, CORPORA[spec.corpus]).flops_per_token * spec.tokens_per_step
            peak = 2 * PEAK_SIDE[device] ** 3 / min(times["peak"].counted)
            for name, theirs in (("loop", "minimal"), ("minimal", "loop")):
                best = min(times[name].counted)
                speed = {
                    "tokens_per_s": spec.tokens_per_step / best,
                    "wall_tokens_per_s": spec.tokens_per_step / min(times[name].wall),
                    "gflops": flops / best / 1e9,
                    "share_of_peak": flops / best / peak,
                }
                yield row(name, device, spec) | compared(times[name], times[theirs]) | speed


def stack_rows(device: str) -> Iterator[Row]:
    """Sweeps of learning rates as one stack beside separate runs."""
    for batch, width, K in STACKS:
        spec = spec_of(width, depth=2, batch=batch, context=64)
        specs = [replace(spec, lr=2.0 ** -(5 + k / 4)) for k in range(K)]
        ways = {"stack": partial(next, stacked(specs, device)), "alone": partial(next, our_steps(spec, device))}
        times = take_turns(ways, device)
        tokens = K * spec.tokens_per_step
        speed = {
            "tokens_per_s": tokens / min(times["stack"].counted),
            "wall_tokens_per_s": tokens / min(times["stack"].wall),
        }
        yield row("stack", device, spec) | {"k": K} | compared(times["stack"], times["alone"], K) | speed


def compile_rows(device: str) -> Iterator[Row]:
    """torch.compile beside the loop without."""
    for width in COMPILED_WIDTHS:
        spec = spec_of(width)
        compiled = our_steps(spec, device, compiled=True)
        began = time.perf_counter()
        next(compiled)
        first = {"first_step_s": time.perf_counter() - began}
        times = take_turns(
            {"compiled": partial(next, compiled), "loop": partial(next, our_steps(spec, device))}, device
        )
        speed = {"tokens_per_s": spec.tokens_per_step / min(times["compiled"].counted)}
        yield row("compile", device, spec) | compared(times["compiled"], times["loop"]) | speed | first


def row(what: str, device: str, spec: TrainSpec) -> Row:
    """What a row is about."""
    return {
        "what": what,
        "device": device,
        "precision": spec.precision,
        "width": spec.width,
        "tokens_per_step": spec.tokens_per_step,
    }


def main() -> None:
    """Print the table and write it."""
    torch.set_num_threads(1)
    os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"  # the first step compiles, whatever was compiled before
    rows: list[Row] = []
    parts = {"loop": loop_rows, "stack": stack_rows, "compile": compile_rows}
    for part in sys.argv[1:] or parts:
        for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
            for found in parts[part](device):
                rows.append(found)
                cells = (
                    f"{name} {value:.4g}" if isinstance(value, float) else str(value) for name, value in found.items()
                )
                print("  ".join(cells), flush=True)
    if not sys.argv[1:]:
        with open(TABLE, "w", newline="") as file:
            file.write("# make bench-train: torch " + torch.__version__ + ", one CPU thread\n")
            writer = csv.DictWriter(file, NAMES, lineterminator="\n")
            writer.writeheader()
            for found in rows:
                writer.writerow({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in found.items()})


if __name__ == "__main__":
    main()
