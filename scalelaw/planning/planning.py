"""The verb: a fit and a goal make a `Plan`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from scalelaw.errors import DataError, UsageError
from scalelaw.extrapolating import discrepancy, extrapolation_interval
from scalelaw.fitting import Fit
from scalelaw.hardware import Cluster
from scalelaw.intervals import LEVEL, Uncertainty, uncertainty
from scalelaw.planning.base import Answer, Plan, Reach, Road
from scalelaw.planning.bills import bill, money_rate, variants
from scalelaw.planning.costs import EXCESSES, costs, near_optimal
from scalelaw.planning.goals import Budget, DataLimited, Goal, WallClock, goal_for
from scalelaw.planning.landscape import Landscape
from scalelaw.planning.roads import disagreements, side_by_side, third
from scalelaw.planning.step_times import StepTime
from scalelaw.planning.targets import Answers, AtGoal, Loss, Params, Ratio, Spent, Tokens, Training
from scalelaw.results import Finding, Interval, Unavailable

FAR = 2.0
"""Decades beyond the data past which a plan warns."""
FAR_STEPS = 10.0
"""How many times the largest timed model a planned one may be before a plan warns of its step time."""
GIVEN, AT_CAP = "given, not estimated", "at the cap, whatever the law within its interval"
TARGETS: Mapping[str, type[AtGoal]] = {
    "n_params": Params,
    "n_tokens": Tokens,
    "tokens_per_param": Ratio,
    "loss": Loss,
    "training": Training,
    "spent": Spent,
}


def plan(
    fit: Fit,
    flops: float | None = None,
    *,
    goal: Goal | None = None,
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
    approaches: Sequence[int] | None = None,
    draws: Uncertainty | None = None,
    level: float = LEVEL,
) -> Plan:
    """The N and D that answer a goal, each with its interval, and what it costs to be wrong.

    Args:
        flops: the budget C = 6 N D in FLOP, N as the runs count it; or instead `days` on a `cluster`, or a `loss` to
            reach with the least compute.
        n_params, n_tokens: where one is fixed, the other follows; together they are their own budget.
        served_tokens: to be served by the model, which then counts too: 6 N D + 2 w N S, w = `serving_weight`.
        unique_tokens, epochs: only so many distinct tokens, seen at most so often; by default once, or as a law of
            repeated data says.
        steps, efficiency: a model of step times, which turns `days` on the devices of `cluster` into tokens.
        held: other inputs of the law by name, such as `{"dataset": "c4"}`.
        goal: the question as a `Goal`, instead of all of these words.
        approaches: which of approaches 1, 2 and 3 to show beside one another for a budget; by default all three where
            all can be made from the runs.
        draws: what the intervals are made from: `Draws` of `bootstrap`, or any `Uncertainty`; by default
            `uncertainty(fit)`.

    Raises:
        DataError: for a budget or loss that is not a positive number; `E_UNREACHABLE` for a loss that no spending
            buys, and for a plan of less than one parameter or token.
        UsageError: for words that exclude each other, or a law without a trade-off between N and D.

    Source: Hoffmann et al. 2022, arXiv 2203.15556, approach 3; the sources of other goals are in `planning/goals`.
    """
    asked = goal or goal_for(
        fit.law,
        flops=flops,
        loss=loss,
        n_params=n_params,
        n_tokens=n_tokens,
        served_tokens=served_tokens,
        serving_weight=serving_weight,
        unique_tokens=unique_tokens,
        epochs=epochs,
        days=days,
        cluster=cluster,
        steps=steps,
        efficiency=efficiency,
        held=held,
    )
    asked.check(fit)
    known = uncertainty(fit) if draws is None else draws
    answers = Answers(asked)
    size, tokens = (float(value[0]) for value in answers(fit, fit.natural[None]))
    landscape = Landscape(fit.law, fit.natural, asked.held)
    if not (math.isfinite(size) and math.isfinite(tokens)):
        _refuse(asked, landscape, known, level)
    if min(size, tokens) < 1.0:
        _refuse_specks(asked, size, tokens)
    found = {name: _answer(known, answers, name, level) for name in TARGETS}
    spend = float(asked.cost(size, tokens)) if asked.spend is None else asked.spend
    compute = float(asked.given.get("training", 6.0 * size * tokens))
    reach = _reach(fit, compute, size, tokens)
    new_run, extrapolated = _of_a_new_run(known, asked, size, tokens, level)
    charge = bill(cluster, asked, found["training"], found["spent"]) if cluster else None
    roads = _roads(fit, asked, found, approaches, level)
    rate = math.nan if cluster is None else money_rate(cluster, asked)
    return Plan(
        fit=fit,
        flops=compute,
        n_params=found["n_params"],
        n_tokens=found["n_tokens"],
        tokens_per_param=found["tokens_per_param"],
        loss=found["loss"],
        new_run=new_run,
        extrapolated=extrapolated,
        bands=tuple(near_optimal(asked, landscape, spend, size, excess) for excess in EXCESSES)
        if asked.balances
        else (),
        reach=reach,
        findings=tuple(_findings(fit, asked, reach, found, size, tokens) + disagreements(roads)),
        goal=asked,
        training=found["training"],
        spent=found["spent"],
        costs=costs(known, answers, found["n_params"], spend, rate, level) if asked.balances else (),
        cluster=cluster,
        bill=charge,
        variants=variants(fit, asked, cluster, days, level),
        roads=roads,
    )


def _answer(known: Uncertainty, answers: Answers, name: str, level: float) -> Answer:
    """The interval of one quantity; of no width where the goal itself gives it."""
    target = TARGETS[name](answers)
    if name in answers.goal.given:
        value = answers.goal.given[name]
        return Interval(target.label, value, value, value, level, GIVEN, target.unit)
    if isinstance(answers.goal, DataLimited) and math.isfinite(answers.goal.most_tokens):
        return _capped(known, answers, answers.goal, name, level)
    return known.interval(target, level)


def _capped(known: Uncertainty, answers: Answers, goal: DataLimited, name: str, level: float) -> Answer:
    """An interval under a cap on D. At the cap N and D no longer move with the law, but they might lie below it: for a
    budget they are those without the cap, cut off; for a loss N and the rest follow from D = cap.
    """
    if goal.spend is not None and name in goal.limits():
        plain = known.interval(TARGETS[name](Answers(goal.uncapped)), level)
        low, high = goal.limits()[name]
        if isinstance(plain, Unavailable):
            return plain
        ends = {end: min(max(getattr(plain, end), low), high) for end in ("estimate", "low", "high")}
        return replace(plain, **ends, method=plain.method if ends["low"] < ends["high"] else AT_CAP)
    at_cap = float(answers(known.fit, known.fit.natural[None])[1][0]) == goal.most_tokens
    if goal.loss is not None and name == "n_tokens" and at_cap:
        cap = goal.most_tokens
        return Interval("D*", cap, cap, cap, level, AT_CAP, "tokens")
    return known.interval(TARGETS[name](answers), level)


def _of_a_new_run(
    known: Uncertainty, goal: Goal, n_params: float, n_tokens: float, level: float
) -> tuple[Answer, Answer]:
    """Where the loss of a run of the planned size will land, were the law true, and where if it drifts."""
    at: dict[str, float | str] = {"n_params": n_params, "n_tokens": n_tokens, **goal.held}
    new_run = known.prediction_interval(level=level, **at)
    drift = discrepancy(known.fit)
    return new_run, drift if isinstance(drift, Unavailable) else extrapolation_interval(known, drift, level, **at)


def _refuse(goal: Goal, landscape: Landscape, known: Uncertainty, level: float) -> None:
    """Raise `E_UNREACHABLE` for a loss that no spending buys, or spending under which no N and D balance."""
    if goal.loss is None:
        raise DataError(
            "E_UNREACHABLE",
            f"{goal.sentence}: under the fitted law no N and D balance, since it falls with one of them alone",
            column=goal.column,
            value=goal.spend,
            remedy="fix --n-params or --n-tokens, or fit a law that falls with both, such as chinchilla",
        )
    floor = goal.floor(landscape)
    if goal.loss > floor:
        raise DataError(
            "E_UNREACHABLE",
            f"{goal.sentence}: under the law no N and D balance at so high a loss",
            column="target_loss",
            value=goal.loss,
            remedy=f"ask for a loss nearer to its floor of {floor:.6g} nats/token",
        )
    limit = f"the law goes no lower than {floor:.6g} there" if math.isfinite(floor) else "the law has no limit there"
    if "E" in known.fit.law.names:
        shown = known.interval("E", level)
        limit = f"{limit}; its irreducible loss E is {shown}" if isinstance(shown, Interval) else limit
    raise DataError(
        "E_UNREACHABLE",
        f"there is no such plan as {goal.sentence}: {limit}",
        column="target_loss",
        value=goal.loss,
        remedy="ask for a loss above that floor",
    )


def _refuse_specks(goal: Goal, n_params: float, n_tokens: float) -> None:
    """Raise `E_UNREACHABLE` for less than one parameter or token."""
    raise DataError(
        "E_UNREACHABLE",
        f"{goal.sentence}: that comes to {n_params:.3g} parameters trained on {n_tokens:.3g} tokens, and there is no "
        "less than one of either",
        column="target_loss" if goal.spend is None else goal.column,
        value=goal.loss if goal.spend is None else goal.spend,
        remedy="give a larger budget, a smaller size or fewer tokens to serve"
        if goal.loss is None
        else "ask for a lower loss",
    )


def _reach(fit: Fit, flops: float, n_params: float, n_tokens: float) -> Reach:
    runs = fit.runs
    largest = (6.0 * runs.n_params * runs.n_tokens).max()
    pairs = ((flops, largest), (n_params, runs.n_params.max()), (n_tokens, runs.n_tokens.max()))
    return Reach(*(math.log10(wanted / have) if wanted > 0 else math.nan for wanted, have in pairs))


def _roads(
    fit: Fit, goal: Goal, found: Mapping[str, Answer], approaches: Sequence[int] | None, level: float
) -> tuple[Road, ...]:
    if not isinstance(goal, Budget) or goal.spend is None:
        if approaches and set(approaches) - {3}:
            raise UsageError("Approaches 1 and 2 say how to spend a training budget, and nothing else. Next: --flops.")
        return ()
    own = third(found["n_params"], found["n_tokens"], fit.law.label)
    return side_by_side(fit.runs, goal.spend, own, approaches, level)


def _findings(
    fit: Fit, goal: Goal, reach: Reach, found: Mapping[str, Answer], n_params: float, n_tokens: float
) -> list[Finding]:
    findings = list(fit.findings)
    if reach.farthest > FAR:
        findings.append(
            Finding(
                "W_EXTRAPOLATION",
                "warning",
                f"the plan reaches {reach.farthest:.1f} decades beyond the runs (C {reach.flops:+.1f}, "
                f"N {reach.n_params:+.1f}, D {reach.n_tokens:+.1f}: {10.0**reach.flops:.3g}x the largest compute); "
                "of a law that bends only there nobody knows",
                knob="train runs nearer to the budget",
            )
        )
    short = {"N": fit.runs.n_params.min() / n_params, "D": fit.runs.n_tokens.min() / n_tokens}
    if max(short.values()) > 10.0**FAR:
        below = ", ".join(f"{name} {math.log10(ratio):.1f}" for name, ratio in short.items() if ratio > 1)
        message = (
            f"the plan lies below the smallest runs, in decades: {below}; of a law that bends only there nobody knows"
        )
        findings.append(Finding("W_EXTRAPOLATION", "warning", message, knob="train smaller runs"))
    if isinstance(goal, DataLimited) and not goal.knows_repeats and n_tokens > goal.unique_tokens:
        message = (
            f"{n_tokens / goal.unique_tokens:.3g} epochs of the unique tokens, each taken for new: the law "
            f"{fit.law.label} knows nothing of repeats"
        )
        knob = "fit --law data_constrained to runs of several epochs"
        findings.append(Finding("W_REPEATS", "warning", message, knob=knob))
    if isinstance(goal, WallClock) and n_params > FAR_STEPS * (timed := float(goal.steps.log.n_params.max())):
        message = f"the step time is taken to {n_params / timed:.3g} times the largest model that was timed"
        findings.append(Finding("W_STEP_TIME", "warning", message, knob="time a few steps of a larger model"))
    missing = [interval for interval in found.values() if isinstance(interval, Unavailable)]
    for reason in dict.fromkeys(interval.reason for interval in missing):
        targets = ", ".join(interval.target for interval in missing if interval.reason == reason)
        findings.append(Finding("W_NO_INTERVAL", "warning", f"{targets}: {reason}"))
    return findings
