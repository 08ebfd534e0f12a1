"""Cool-down branches: one constant-rate trunk serves every run that leaves it, so a ladder costs little more.

A spec with the schedule `wsd` and `trunk_tokens` takes, until its rate begins to fall, the very steps of its trunk: the
same initialisation, data, rates and random numbers. It therefore goes on from the trunk's checkpoint at that step, and
what comes out is what it would be if it were trained alone (Hägele et al. 2024, arXiv 2405.18392).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from runners.schedules import cooldown_steps, warmup_steps
from runners.spec import TrainSpec
from scalelaw.errors import UsageError


def trunk_of(spec: TrainSpec) -> TrainSpec | None:
    """The constant-rate run that a branch leaves, or None for a run that is no branch.

    Raises:
        UsageError: where the warm-up depends on the run's length, so that branches would not share it.
    """
    if not spec.trunk_tokens:
        return None
    if spec.warmup_share and not spec.warmup_tokens:
        raise UsageError(
            "A branch shares its trunk's warm-up, which a share of the run's own steps is not. "
            "Next: give warmup_tokens, or warmup_share = 0."
        )
    return replace(spec, n_tokens=spec.trunk_tokens, schedule="constant", trunk_tokens=0)


def branch_step(spec: TrainSpec) -> int:
    """Steps that a branch shares with its trunk: all before the rate begins to fall."""
    shared = max(spec.steps - cooldown_steps(spec), 0)
    return shared if warmup_steps(spec) <= shared else 0


@dataclass(frozen=True)
class Task:
    """A stretch of training: the steps after `first`, up to `last`, of one spec.

    `keep` are the steps whose checkpoints branches start from, where the spec is a trunk.
    """

    spec: TrainSpec
    first: int
    last: int
    keep: tuple[int, ...] = ()

    @property
    def specs(self) -> tuple[TrainSpec, ...]:
        """The one spec."""
        return (self.spec,)

    @property
    def name(self) -> str:
        """Its folder below the store."""
        return f"trunks/{self.spec.run_id}" if self.keep else self.spec.run_id

    @property
    def share(self) -> float:
        """The share of the spec's steps that it trains."""
        return (self.last - self.first) / self.spec.steps

    @property
    def waits_for(self) -> str | None:
        """The name of the trunk that it goes on from, or None."""
        trunk = trunk_of(self.spec) if self.first else None
        return f"trunks/{trunk.run_id}" if trunk else None


def tasks(specs: Iterable[TrainSpec]) -> list[Task]:
    """What must be trained for these runs: the trunks of those that are branches, each once, then the runs."""
    specs = list(specs)
    steps: dict[TrainSpec, set[int]] = {}
    for spec in specs:
        trunk = trunk_of(spec)
        if trunk and branch_step(spec):
            steps.setdefault(trunk, set()).add(branch_step(spec))
    trunks = [Task(trunk, 0, max(keep), tuple(sorted(keep))) for trunk, keep in steps.items()]
    runs = [Task(spec, branch_step(spec) if trunk_of(spec) else 0, spec.steps) for spec in specs]
    return trunks + runs
