"""What a plan takes on its hardware, and how it changes with what was assumed."""

from __future__ import annotations

import math
from dataclasses import replace

from scalelaw.fitting import Fit
from scalelaw.hardware import DAY, HOUR, MFU_RANGE, Cluster
from scalelaw.planning.base import Answer, Bill, Variant
from scalelaw.planning.goals import Goal, WallClock
from scalelaw.planning.landscape import Landscape
from scalelaw.results import Interval


def bill(cluster: Cluster, goal: Goal, training: Answer, spent: Answer) -> Bill:
    """Device hours, days and money of the training, with the interval of its compute (or, timed, of its days)."""
    hours = cluster.device_hours(1.0)
    source = training
    if isinstance(goal, WallClock):
        hours, source = goal.devices * DAY / HOUR, spent
    device_hours = _scaled(source, hours, "device hours", "h")
    price = "price unknown: give --price" if math.isnan(cluster.price) else cluster.price_note
    return Bill(
        device_hours=device_hours,
        days=_scaled(device_hours, HOUR / DAY / cluster.count, "days", "days"),
        money=_scaled(device_hours, cluster.price, "money", "USD"),
        currency="USD",
        price_note=price,
    )


def money_rate(cluster: Cluster, goal: Goal) -> float:
    """USD a unit of the goal's spending: a FLOP of training, or a day of all devices."""
    hours = goal.devices * DAY / HOUR if isinstance(goal, WallClock) else cluster.device_hours(1.0)
    return cluster.money(hours)


def _scaled(answer: Answer | float, factor: float, target: str, unit: str) -> Answer | float:
    """An answer times a number that is taken as exact; NaN where that number is not known."""
    if isinstance(answer, float) or math.isnan(factor):
        return factor * (answer if isinstance(answer, float) else 1.0)
    if not isinstance(answer, Interval):
        return replace(answer, target=target, unit=unit)
    if answer.low == answer.high:
        return answer.estimate * factor
    scaled = {name: getattr(answer, name) * factor for name in ("estimate", "low", "high")}
    return replace(answer, target=target, unit=unit, **scaled)


def variants(fit: Fit, goal: Goal, cluster: Cluster | None, days: float | None, level: float) -> tuple[Variant, ...]:
    """The plan at other utilisations, or at the ends of the interval of its step time."""
    if isinstance(goal, WallClock):
        return _other_step_times(fit, goal, cluster, level)
    if cluster is None:
        return ()
    found = []
    for mfu in MFU_RANGE:
        other = replace(cluster, mfu=mfu)
        asked = goal if days is None else replace(goal, spend=other.flops(days))
        n_params, n_tokens, loss = _solved(fit, asked)
        flops = 6.0 * n_params * n_tokens
        money = other.money(other.device_hours(flops))
        found.append(Variant(f"MFU {mfu:g}", n_params, n_tokens, loss, flops, other.days(flops), _known(money)))
    return tuple(found)


def _other_step_times(fit: Fit, goal: WallClock, cluster: Cluster | None, level: float) -> tuple[Variant, ...]:
    n_params, _, _ = _solved(fit, goal)
    if math.isnan(n_params):
        return ()
    measured = goal.steps.interval(n_params, level)
    if not isinstance(measured, Interval):
        return ()
    found = []
    for end, seconds in (("fast", measured.low), ("slow", measured.high)):
        other = replace(goal, efficiency=goal.efficiency * measured.estimate / seconds)
        size, tokens, loss = _solved(fit, other)
        days = float(other.cost(size, tokens))
        money = None if cluster is None else _known(cluster.money(days * DAY / HOUR * goal.devices))
        assumed = f"{end} end of the step time, {seconds:.3g} s"
        found.append(Variant(assumed, size, tokens, loss, 6.0 * size * tokens, days, money))
    return tuple(found)


def _solved(fit: Fit, goal: Goal) -> tuple[float, float, float]:
    landscape = Landscape(fit.law, fit.natural, goal.held)
    n_params, n_tokens = goal.answer(landscape)
    return n_params, n_tokens, math.exp(landscape.at(n_params, n_tokens))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
