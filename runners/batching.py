"""Runs of one shape that are trained together, as one stack of models, where that is faster.

Who goes together follows from the sweep alone, not from the workers or from what is left to train, and a member's
numbers do not depend on who else is in the stack. So the same sweep gives the same numbers with any number of workers
and after any interruption, and what is finished need not be trained again for the sake of the others. Only `--batch`
itself, on or off, changes numbers: in their last digits, which a run at an unstable rate magnifies as it does any other
disturbance.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from runners.spec import TrainSpec
from scalelaw.errors import UsageError

VARYING = frozenset(
    {
        "lr", "seed", "weight_decay", "independent_decay", "epsilon", "grad_clip", "schedule", "warmup_share",
        "warmup_tokens", "cooldown_share", "final_lr_share", "zero_readout", "zero_query",
    }
)  # fmt: skip
"""Fields in which members may differ: numbers of the optimizer, and where the weights and the data begin."""
FAMILIES = frozenset({"transformer", "mlp", "vit"})
"""Whose members round alike in any company. An LSTM's narrow products and a ResNet's grouped convolutions do not."""
LARGEST_STEP = 2**14
"""Tokens of a step x width up to which a stack is made automatically; see `worthwhile`."""
MEMBERS = 8
"""Members of a stack that is made automatically."""


@dataclass(frozen=True)
class StackTask:
    """Runs of one stack that are still to be trained."""

    specs: tuple[TrainSpec, ...]

    @property
    def name(self) -> str:
        """That of its first run."""
        return self.specs[0].run_id


def batches(specs: Iterable[TrainSpec], device: str, batch: str = "auto") -> list[tuple[TrainSpec, ...]]:
    """A sweep's specs, those that are to be trained together in one tuple and every other in one of its own.

    Args:
        device: `cpu` or `cuda`.
        batch: `auto` stacks up to `MEMBERS` runs where it is `worthwhile`; a number, that many wherever it is possible;
            `off`, none.

    Raises:
        UsageError: for another value of `batch`.
    """
    limit = _limit(batch)
    groups: dict[object, list[TrainSpec]] = {}
    for spec in specs:
        alone = limit == 1 or not batchable(spec) or (batch == "auto" and not worthwhile(spec, device))
        groups.setdefault(spec if alone else shape(spec), []).append(spec)
    return [part for group in groups.values() for part in _parts(group, limit)]


def batchable(spec: TrainSpec) -> bool:
    """Whether a run can go into a stack: one of `FAMILIES`, of which every pass takes a whole step's examples.

    Not with dropout, whose random numbers would differ, nor compiled, nor as a branch, which goes on from its trunk.
    """
    return spec.model in FAMILIES and not (spec.dropout or spec.compile or spec.micro_batch or spec.trunk_tokens)


def shape(spec: TrainSpec) -> tuple[object, ...]:
    """What the members of a stack have in common."""
    return tuple(getattr(spec, field.name) for field in fields(spec) if field.name not in VARYING)


def worthwhile(spec: TrainSpec, device: str) -> bool:
    """Whether a stack is faster than separate runs, by measurement (`make bench-train`).

    A stack saves what a step costs besides its arithmetic, about a millisecond of a CPU core, so it pays where steps
    are small. How many times as fast eight transformers of depth 2 are together (tests/benchmarks/train.csv):

    | tokens of a step | width 16 | 24  | 32  | 48  | 64  | 128 |
    |------------------|----------|-----|-----|-----|-----|-----|
    | 256              | 2.4      | 1.6 | 1.5 | 1.3 | 1.1 | 0.9 |
    | 512              | 1.6      | 1.2 | 1.2 | 1.1 | 1.0 |     |
    | 2,048            | 1.0      |     | 1.0 |     | 1.0 | 0.9 |

    On a CUDA device it has not been measured, so there a stack is made on request only.
    """
    return device == "cpu" and spec.tokens_per_step * spec.width <= LARGEST_STEP


def _limit(batch: str) -> int:
    """The most members of a stack."""
    known = {"auto": MEMBERS, "off": 1}
    if batch in known:
        return known[batch]
    if not batch.isdecimal() or int(batch) < 1:
        raise UsageError(f"Unknown batch {batch!r}. Known: auto, off, or a number of runs.")
    return int(batch)


def _parts(group: list[TrainSpec], limit: int) -> list[tuple[TrainSpec, ...]]:
    """The group in as few parts as possible, of nearly one size."""
    n, count = len(group), -(-len(group) // limit)
    return [tuple(group[i * n // count : (i + 1) * n // count]) for i in range(count)]
