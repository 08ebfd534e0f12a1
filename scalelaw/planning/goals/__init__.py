"""What a plan can be asked, one kind of question to a file, and the words that pick one."""

from __future__ import annotations

from collections.abc import Mapping

from scalelaw.errors import UsageError
from scalelaw.hardware import Cluster
from scalelaw.laws import Law
from scalelaw.planning.goals.base import Goal, TrainingGoal, require_positive
from scalelaw.planning.goals.budget import Budget
from scalelaw.planning.goals.data_limited import DataLimited, data_limited
from scalelaw.planning.goals.fixed import FixedParams, FixedTokens
from scalelaw.planning.goals.serving import Serving
from scalelaw.planning.goals.wall_clock import WallClock
from scalelaw.planning.step_times import StepTime


def goal_for(
    law: Law,
    *,
    flops: float | None = None,
    loss: float | None = None,
    n_params: float | None = None,
    n_tokens: float | None = None,
    served_tokens: float | None = None,
    serving_weight: float = 1.0,
    unique_tokens: float | None = None,
    epochs: float | None = None,
    days: float | None = None,
    cluster: Cluster | None = None,
    steps: StepTime | None = None,
    efficiency: float = 1.0,
    held: Mapping[str, float | str] | None = None,
) -> Goal:
    """The goal that these words ask for.

    What may be spent is `flops`, or `days` on a `cluster`; or a `loss` is to be reached. On top of that at most one of:
    a fixed `n_params` or `n_tokens` (both together are their own budget), `served_tokens`, `unique_tokens`, or
    `steps`, a model of step times that turns days into tokens.

    Raises:
        UsageError: for words that say nothing, too much, or exclude each other.
    """
    kinds = {
        "a fixed size or number of tokens": n_params is not None or n_tokens is not None,
        "served tokens": served_tokens is not None,
        "unique tokens": unique_tokens is not None,
        "step times": steps is not None,
    }
    asked = [what for what, is_asked in kinds.items() if is_asked]
    if len(asked) > 1:
        raise UsageError(f"A plan answers one of these at a time; found {' and '.join(asked)}. Next: leave one out.")
    if epochs is not None and unique_tokens is None:
        raise UsageError(f"{epochs:g} epochs of how many tokens? Next: --unique-tokens U.")
    if efficiency != 1.0 and steps is None:
        raise UsageError(
            f"An efficiency of {efficiency:g} is about step times, and none are given. Next: --step-times."
        )
    if days is not None:
        require_positive(days, "days", "days must be a positive number", "30")
    if n_params is not None and n_tokens is not None:
        if flops is not None or days is not None or loss is not None:
            raise UsageError("N and D together are the whole plan; leave out the budget, the days or the loss.")
        flops = 6.0 * n_params * n_tokens
    given = [name for name, value in (("flops", flops), ("days", days), ("loss", loss)) if value is not None]
    if len(given) != 1:
        found = f"found {' and '.join(given)}" if given else "found none"
        raise UsageError(
            "A plan needs one of a budget in FLOP (--flops, --times), days on devices (--gpus with --days) or a loss "
            f"to reach (--target-loss); {found}."
        )
    if (days is not None or steps is not None) and cluster is None:
        raise UsageError("Days need devices to spend them on. Next: --gpus 512xH100.")
    common = {"held": held or {}, "loss": loss}
    if steps is not None:
        if flops is not None:
            raise UsageError("Step times turn days into tokens; give --days or --target-loss instead of a FLOP budget.")
        count = cluster.count if cluster else 1
        return WallClock(steps=steps, devices=count, efficiency=efficiency, spend=days, **common)  # type: ignore[arg-type]
    spend = cluster.flops(days) if cluster is not None and days is not None else flops
    if unique_tokens is not None:
        return data_limited(law, unique_tokens, epochs, spend=spend, **common)  # type: ignore[arg-type]
    if served_tokens is not None:
        return Serving(served_tokens=served_tokens, weight=serving_weight, spend=spend, **common)  # type: ignore[arg-type]
    if n_params is not None:
        return FixedParams(n_params=n_params, spend=spend, **common)  # type: ignore[arg-type]
    if n_tokens is not None:
        return FixedTokens(n_tokens=n_tokens, spend=spend, **common)  # type: ignore[arg-type]
    return Budget(spend=spend, **common)  # type: ignore[arg-type]


__all__ = [
    "Budget",
    "DataLimited",
    "FixedParams",
    "FixedTokens",
    "Goal",
    "Serving",
    "TrainingGoal",
    "WallClock",
    "data_limited",
    "goal_for",
]
