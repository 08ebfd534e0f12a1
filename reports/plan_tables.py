"""What a plan says in tables: the answer, what another size costs, the bill, other assumptions, other approaches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from reports.base import Cell, Quantity, Range, Table
from reports.plan_sentences import typeset
from reports.wording import percent
from scalelaw.planning import Plan
from scalelaw.planning.base import Answer, Cost, Variant
from scalelaw.results import Interval, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runners.realising import Realised

FIXED = "fixed by what was asked"
AT_BEST = "the law at the estimate, for the same spending"


def plan_table(plan: Plan) -> Table:
    """Every number of a plan, with its unit, interval and method."""
    answers = (
        ("parameters N*", plan.n_params),
        ("tokens D*", plan.n_tokens),
        ("tokens per parameter D*/N*", plan.tokens_per_param),
        ("training compute 6ND", plan.training),
        *(() if _same(plan.spent, plan.training) else (("in all", plan.spent),)),
        ("loss of the law there", plan.loss),
        ("loss of a new run there", plan.new_run),
        ("the same, with model discrepancy", plan.extrapolated),
    )
    notes = {a.note for _, a in answers if isinstance(a, Interval) and a.low < a.high}
    common = notes.pop() if len(notes) == 1 else ""
    rows = [_answer_row(label, answer, common) for label, answer in answers]
    bands = [_band_row(100 * b.excess, b.n_params_low, b.n_params_high) for b in plan.bands]
    reach = plan.reach
    beyond = (("C", reach.flops), ("N", reach.n_params), ("D", reach.n_tokens))
    decades = [(f"{x} beyond the largest run", Quantity(v), None, "decades", "log10 of the ratio") for x, v in beyond]
    columns = ("quantity", "value", "interval", "unit", "how")
    methods = list(dict.fromkeys(a.method for _, a in answers if isinstance(a, Interval) and a.low < a.high))
    # The last one extends the first by the discrepancy; the shared beginning is said once.
    told = [method.removeprefix(f"{methods[0]}; ") if i else method for i, method in enumerate(methods)]
    caption = f"Intervals: {'; '.join(filter(None, (*told, common))) or 'none'}."
    return Table("plan", "Plan", columns, (*rows, *bands, *decades), caption)


def _same(a: Answer, b: Answer) -> bool:
    """Whether two answers are the same numbers."""
    if isinstance(a, Unavailable) or isinstance(b, Unavailable):
        return a == b
    return (a.estimate, a.low, a.high, a.unit) == (b.estimate, b.low, b.high, b.unit)


def _answer_row(label: str, answer: Answer, said: str) -> tuple[Cell, ...]:
    if isinstance(answer, Unavailable):
        return label, "not available", None, answer.unit, answer.reason
    if answer.low == answer.high:
        return label, Quantity(answer.estimate, answer.unit), None, answer.unit, FIXED
    how = f"{percent(answer.level)} {answer.kind} interval"
    notes = f"{how}; {answer.note}" if answer.note and answer.note != said else how
    return label, Quantity(answer.estimate, answer.unit), ends_cell(answer), answer.unit, notes


def ends_cell(answer: Answer) -> Cell:
    """An interval's two ends, or why there are none."""
    if isinstance(answer, Unavailable):
        return f"not available: {answer.reason}"
    return Range(answer.low, answer.high, answer.unit)


def _band_row(excess: float, low: float, high: float) -> tuple[Cell, ...]:
    return f"sizes within {excess:g}% of the best loss", None, Range(low, high, "parameters"), "parameters", AT_BEST


def cost_table(plan: Plan) -> Table | None:
    """What other sizes cost at the same spending; None where the size was given."""
    if not plan.costs:
        return None
    level = next((percent(cost.wasted.level) for cost in plan.costs if isinstance(cost.wasted, Interval)), "interval")
    paid = plan.bill is not None and any(cost.money is not None for cost in plan.costs)
    columns = (
        *("size", "N", "D", "loss", "loss lost", f"loss lost, {level}", "wasted, %", f"wasted, {level}"),
        *(f"extra {plan.spent.unit}", *((f"wasted, {plan.bill.currency}",) if paid and plan.bill else ())),
    )
    asked = plan.goal.spend is None
    caption = (
        f"Each size with the tokens {'that it needs for the loss asked' if asked else 'that the spending buys it'}; "
        "losses in nats/token. Loss lost is the loss less the least one for as much spending. Wasted is the share of "
        "what the size takes that was not needed: the best size reaches its loss for the rest. Extra is what the size "
        "needs more than the plan spends to reach the plan's loss."
    )
    rows = tuple(_cost_row(cost, paid, plan) for cost in plan.costs)
    return Table("costs", "What being wrong about the size costs", columns, rows, caption)


def _cost_row(cost: Cost, paid: bool, plan: Plan) -> tuple[Cell, ...]:
    if not math.isfinite(cost.n_tokens):
        none = (None,) * (6 + paid)
        return cost.what, Quantity(cost.n_params, "parameters"), "no number of tokens reaches the loss", *none
    extra: Cell = Quantity(cost.extra, plan.spent.unit) if math.isfinite(cost.extra) else "never reaches it"
    currency = plan.bill.currency if plan.bill else ""
    return (
        *(cost.what, Quantity(cost.n_params, "parameters"), Quantity(cost.n_tokens, "tokens"), Quantity(cost.loss)),
        *(_estimate(cost.loss_lost), ends_cell(cost.loss_lost)),
        *(_share(cost.wasted), _share_ends(cost.wasted), extra),
        *((None if cost.money is None else Quantity(cost.money, currency),) if paid else ()),
    )


def _estimate(answer: Answer) -> Cell:
    return None if isinstance(answer, Unavailable) else Quantity(answer.estimate)


def _share(answer: Answer) -> Cell:
    return None if isinstance(answer, Unavailable) else Quantity(100.0 * answer.estimate)


def _share_ends(answer: Answer) -> Cell:
    return ends_cell(answer) if isinstance(answer, Unavailable) else Range(100.0 * answer.low, 100.0 * answer.high)


def bill_table(plan: Plan) -> Table | None:
    """Device-hours, days and money; None where the hardware is not known."""
    if plan.bill is None:
        return None
    rows = (
        _bill_row("hours of one device", plan.bill.device_hours, "device-hours", ""),
        _bill_row("days of the whole cluster", plan.bill.days, "days", ""),
        _bill_row("money", plan.bill.money, plan.bill.currency, plan.bill.price_note),
    )
    on = typeset(plan.cluster.sentence) if plan.cluster else ""
    return Table("bill", "Time and money", ("what", "value", "interval", "unit", "note"), rows, on)


def _bill_row(what: str, value: Answer | float, unit: str, note: str) -> tuple[Cell, ...]:
    if isinstance(value, Unavailable):
        return what, "not available", None, unit, value.reason
    if isinstance(value, Interval):
        ends = None if value.low == value.high else Range(value.low, value.high, unit)
        return what, Quantity(value.estimate, unit), ends, unit, note
    return what, Quantity(float(value), unit), None, unit, note


def variant_table(plan: Plan) -> Table | None:
    """The answer under other assumptions, under the fitted law; None where nothing was assumed."""
    if not plan.variants:
        return None
    priced = any(variant.days is not None for variant in plan.variants)
    columns = ("if", "parameters N*", "tokens D*", "loss, nats/token", "FLOP", *(("days", "USD") if priced else ()))
    rows = tuple(_variant_row(variant, priced) for variant in plan.variants)
    return Table("variants", "If an assumption is another", columns, rows, "Estimates of the fitted law.")


def _variant_row(variant: Variant, priced: bool) -> tuple[Cell, ...]:
    sizes = Quantity(variant.n_params, "parameters"), Quantity(variant.n_tokens, "tokens")
    costs = ((variant.days, "days"), (variant.money, "USD"))
    bill = tuple(None if value is None else Quantity(value, unit) for value, unit in costs) if priced else ()
    return variant.assumed, *sizes, Quantity(variant.loss), Quantity(variant.flops, "FLOP"), *bill


def road_table(plan: Plan) -> Table | None:
    """Approaches 1, 2 and 3 side by side; None where they were not made."""
    if not plan.roads:
        return None
    columns = ("approach", "how", "parameters N*", "interval", "tokens D*", "interval of D*")
    rows = []
    for road in plan.roads:
        cells = [part for answer in (road.n_params, road.n_tokens) for part in (_sized(answer), ends_cell(answer))]
        rows.append((road.number, road.approach, *cells))
    caption = (
        "The approaches of Hoffmann et al. 2022, arXiv 2203.15556: 1 the envelope of training curves, 2 the minima of "
        "IsoFLOP curves, 3 the fitted surface."
    )
    return Table("approaches", "By other approaches", columns, tuple(rows), caption)


def _sized(answer: Answer) -> Cell:
    return None if isinstance(answer, Unavailable) else Quantity(answer.estimate, answer.unit)


def realised_table(realised: Sequence[Realised]) -> Table | None:
    """The nearest architectures that can be trained, a column each, with exact counts; None where there are none."""
    if not realised:
        return None
    runs = [_realised(one) for one in realised]
    columns = ("what", *(("run",) if len(runs) == 1 else (f"run {i}" for i in range(1, len(runs) + 1))))
    rows = tuple((what, *(run[what] for run in runs)) for what in runs[0])
    return Table("realised", "What can be trained", columns, rows, "Counts are exact; memory is an estimate.")


def _realised(one: Realised) -> dict[str, Cell]:
    spec, n_params, n_tokens = one.spec, float(one.n_params), float(one.n_tokens)
    return {
        "model": spec.model,
        "width": spec.width,
        "depth": spec.depth,
        "parameters wanted": Quantity(one.n_params_wanted, "parameters"),
        f"parameters ({one.convention})": Quantity(n_params, "parameters"),
        "off by, %": Quantity(100.0 * (n_params / one.n_params_wanted - 1.0)),
        "tokens wanted": Quantity(one.n_tokens_wanted, "tokens"),
        "tokens": Quantity(n_tokens, "tokens"),
        "batch, sequences": spec.batch_size,
        "context, tokens": spec.context,
        "learning rate": Quantity(spec.lr),
        "FLOP, every matrix product": Quantity(one.counts.flops_per_token * n_tokens, "FLOP"),
        "memory, GB": None if one.memory is None else Quantity(one.memory.total / 1e9),
        "notes": "; ".join(one.notes) or None,
    }
