"""A plan as a table for people and as plain data for machines."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any

import typer

from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from scalelaw.planning import Plan
    from scalelaw.results import Interval, Unavailable

    Answer = Interval | Unavailable

NAMES = {
    "n_params": "parameters N*",
    "n_tokens": "tokens D*",
    "tokens_per_param": "D*/N*",
    "training": "training, 6 N* D*",
    "spent": "spending",
    "loss": "loss of the law",
    "new_run": "loss of a new run",
    "extrapolated": "with model discrepancy",
}


SIZES = {"half the size": "N* / 2", "twice the size": "2 N*", "low end of N*": "N* low", "high end of N*": "N* high"}
"""What a table of 80 columns calls other sizes."""


def intervals(planned: Plan) -> dict[str, Answer]:
    """The answers of a plan by their attribute; the spending only where it is not the training compute."""
    from scalelaw.planning.goals import TrainingGoal

    names = [name for name in NAMES if name != "spent" or not isinstance(planned.goal, TrainingGoal)]
    return {name: getattr(planned, name) for name in names}


def csv_rows(planned: Plan) -> list[dict[str, Any]]:
    """A row for every answer, named as in JSON; one that is not available has its reason and no numbers."""
    rows = [{"quantity": name, **answer.as_dict()} for name, answer in intervals(planned).items()]
    columns = dict.fromkeys(column for row in rows for column in row)
    return [{column: row.get(column, "") for column in columns} for row in rows]


def as_json(planned: Plan) -> dict[str, Any]:
    """The plan as plain data; numbers carry their unit in their name or beside them, infinite ones are None."""
    goal = planned.goal
    return {
        "format": "scalelaw/plan/1",
        "question": goal.sentence,
        "law": planned.fit.law.label,
        "fingerprint": planned.fit.runs.fingerprint,
        "params_convention": planned.fit.runs.conventions.params,
        "flops": _finite(planned.flops),
        "flops_convention": "6ND",
        "inputs_held": dict(goal.held),
        **{name: getattr(planned, name).as_dict() for name in NAMES},
        "bands": [_plain(band) for band in planned.bands],
        "costs": [{**_plain(cost), "extra_unit": goal.unit, "money_unit": "USD"} for cost in planned.costs],
        "hardware": None if planned.cluster is None else _hardware(planned),
        "variants": [_plain(variant) for variant in planned.variants],
        "approaches": [_plain(road) for road in planned.roads],
        "step_time": _step_time(planned),
        "decades_beyond_the_runs": _plain(planned.reach),
        "findings": [_plain(finding) for finding in planned.findings],
    }


def _plain(noun: Any) -> Any:
    """A frozen noun as data, infinite and missing numbers as None."""
    from dataclasses import asdict

    return _finite(asdict(noun))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value


def _hardware(planned: Plan) -> dict[str, Any]:
    cluster = planned.cluster
    assert cluster is not None
    charge = None if planned.bill is None else _plain(planned.bill)
    return {
        "accelerator": cluster.accelerator.name,
        "count": cluster.count,
        "dtype": cluster.dtype,
        "peak_flops_per_device": cluster.device_flops,
        "mfu": cluster.mfu,
        "mfu_assumed": cluster.assumed,
        "price_usd_per_device_hour": _finite(cluster.price),
        "price_note": cluster.price_note,
        "peak_source": cluster.accelerator.source,
        "bill": charge,
    }


def _step_time(planned: Plan) -> dict[str, Any] | None:
    from scalelaw.planning import WallClock
    from scalelaw.results import Interval

    if not isinstance(planned.goal, WallClock):
        return None
    model = planned.goal.steps
    found: dict[str, Any] = {
        "sentence": model.sentence,
        "coefficients": dict(zip(("c0_s", "c1_s_per_element", "c2_s_per_flop"), map(float, model.c), strict=True)),
        "tokens_per_step_per_device": model.tokens,
        "runs": len(model.log),
    }
    if isinstance(planned.n_params, Interval):
        found["at_the_plan"] = model.interval(planned.n_params.estimate, planned.n_params.level).as_dict()
    return found


def write_table(planned: Plan, level: float) -> None:
    """The plan for people, in 80 columns where its numbers let it."""
    share = f"{100 * level:g} %"
    _write_question(planned)
    rows = [[NAMES[name], *_cells(answer, answer.unit), answer.unit] for name, answer in intervals(planned).items()]
    if planned.bill is not None:
        from scalelaw.planning import Serving

        charge, of = planned.bill, " of training" if isinstance(planned.goal, Serving) else ""
        for name, amount, unit in (
            ("device hours", charge.device_hours, "hours"),
            ("days", charge.days, "days"),
            ("money", charge.money, charge.currency),
        ):
            rows.append([name + of, *_cells(amount, unit, _follows_from(planned)), unit])
    typer.echo(output.aligned(rows, ["", "estimate", f"{share} interval", "unit"]))
    _write_costs(planned, share)
    _write_others(planned, share)
    _write_notes(planned)


def _follows_from(planned: Plan) -> str:
    """What the bill of a training of given compute follows from."""
    from scalelaw.planning import WallClock

    if planned.cluster is None or isinstance(planned.goal, WallClock):
        return "given"
    return f"at MFU {planned.cluster.mfu:g}" + ", assumed" * planned.cluster.assumed


def _cells(answer: Any, unit: str, source: str = "given") -> tuple[str, str]:
    """Estimate and interval; what was given, or follows from that alone, has its source instead."""
    if isinstance(answer, float):
        return (_shown(answer, unit), source) if answer == answer else ("-", "not known: give --price")
    if not answer.available:
        return "-", "not available"
    if answer.low == answer.high:
        return _shown(answer.estimate, unit), answer.method.partition(",")[0]
    return _shown(answer.estimate, unit), f"[{_shown(answer.low, unit)}, {_shown(answer.high, unit)}]"


def _or_none(answer: Answer) -> tuple[str, str]:
    return _cells(answer, "") if answer.available else ("-", "-")


def _shown(value: float, unit: str) -> str:
    """Four digits; FLOPs are never counted in thousands or millions."""
    return f"{value:.4g}" if unit == "FLOP" else output.shown(value)


def _write_question(planned: Plan) -> None:
    runs = planned.fit.runs
    head = [
        ("question", planned.goal.sentence),
        ("law", f"{planned.fit.law.label}; N counts {runs.conventions.params}"),
    ]
    if planned.cluster is not None:
        head.append(("hardware", _hardware_sentence(planned)))
        if planned.bill is not None and planned.cluster.price == planned.cluster.price:
            head.append(("price", f"{planned.cluster.price:g} USD a device hour: {planned.bill.price_note}"))
    if (timed := _step_time(planned)) is not None:
        head.append(("step time", timed["sentence"]))
        at = timed.get("at_the_plan", {})
        if "low" in at:
            found = f"{at['estimate']:.4g} s [{at['low']:.4g}, {at['high']:.4g}], {at['method']}"
            head.append(("at N*", f"{found}; {output.shown(timed['tokens_per_step_per_device'])} tokens a step"))
    width = max(len(label) for label, _ in head) + 2
    for label, text in head:
        typer.echo(fill(text, 80, initial_indent=label.ljust(width), subsequent_indent=" " * width))
    typer.echo("")


def _hardware_sentence(planned: Plan) -> str:
    """The devices and their MFU: assumed or given, or with timed steps what the plan comes to."""
    from scalelaw.hardware import DAY

    cluster, timed = planned.cluster, _step_time(planned)
    assert cluster is not None
    if timed is None:
        return cluster.sentence
    mfu = planned.flops / (_spent(planned) * DAY * cluster.count * cluster.device_flops)
    return f"{cluster.count} x {cluster.accelerator.name}; 6 N* D* in that time is an MFU of {mfu:.2g}"


def _write_costs(planned: Plan, share: str) -> None:
    if planned.costs:
        header = ["size", "N", "D", f"nats lost, {share}", f"wasted, {share}", "extra"]
        rows = [
            [
                SIZES.get(cost.what, cost.what),
                _count(cost.n_params),
                _count(cost.n_tokens),
                _lost(cost.loss_lost),
                _percent(cost.wasted),
                _more(cost.extra / _spent(planned)),
                *([_money(cost.money)] if planned.bill else []),
            ]
            for cost in planned.costs
        ]
        typer.echo("\n" + output.aligned(rows, header + (["USD"] if planned.bill else [])))
        wasted = "wasted and USD" if planned.bill else "wasted"
        typer.echo(f"{wasted}: the part of its spending a better size would not need")
        typer.echo("extra: by how much more than the plan's spending it reaches the plan's loss")
    for band in planned.bands:
        low, high = output.shown(band.n_params_low, 3), output.shown(band.n_params_high, 3)
        ends = f"from {low} to {high} ({band.factor:.2g}x)" if band.factor < float("inf") else "without an end"
        typer.echo(f"within {100 * band.excess:g} % of the best loss: N {ends}")


def _spent(planned: Plan) -> float:
    return float(getattr(planned.spent, "estimate", float("nan")))


def _lost(answer: Answer) -> str:
    estimate, interval = output.shown_interval(answer, 2)
    return f"{estimate} {interval}" if answer.available else "-"


def _percent(answer: Any) -> str:
    if not answer.available:
        return "-"
    estimate, low, high = (
        f"{100 * share:.0f}" if share > 0.1 else f"{100 * share:.2g}"
        for share in (answer.estimate, answer.low, answer.high)
    )
    return f"{estimate} % [{low}, {high}]"


def _count(value: float) -> str:
    return output.shown(value, 3) if value == value else "-"


def _more(share: float) -> str:
    """How much more spending reaches the plan's loss at another size."""
    if not share < float("inf"):
        return "never"
    return f"+{100 * share:.0f} %" if share < 100 else f"+{100 * share:.2g} %"


def _money(value: float | None) -> str:
    return "-" if value is None else output.shown(value, 3)


def _write_others(planned: Plan, share: str) -> None:
    if planned.roads:
        rows = [[str(road.number), *_or_none(road.n_params), *_or_none(road.n_tokens)] for road in planned.roads]
        typer.echo("\n" + output.aligned(rows, ["approach", "N*", share, "D*", share]))
        for road in planned.roads:
            missing = [answer for answer in (road.n_params, road.n_tokens) if not answer.available]
            reason = f", not available: {missing[0].reason}" if missing else ""  # type: ignore[union-attr]
            typer.echo(f"{road.number}: {road.approach}{reason}")
    if planned.variants:
        rows = [
            [
                variant.assumed,
                *(output.shown(value) for value in (variant.n_params, variant.n_tokens, variant.loss)),
                f"{variant.flops:.4g}",
                "-" if variant.days is None else output.shown(variant.days, 3),
                _money(variant.money),
            ]
            for variant in planned.variants
        ]
        typer.echo("\n" + output.aligned(rows, ["at", "N*", "D*", "loss", "FLOP", "days", "USD"]))


def _write_notes(planned: Plan) -> None:
    reach = planned.reach
    typer.echo(f"beyond the runs, in decades: C {reach.flops:+.2f}, N {reach.n_params:+.2f}, D {reach.n_tokens:+.2f}")
    estimated = [answer for answer in intervals(planned).values() if answer.available and answer.low < answer.high]  # type: ignore[union-attr]
    typer.echo(f"intervals  {getattr(estimated[0], 'method', '-') if estimated else '-'}")
    if estimated and (note := getattr(estimated[0], "note", "")):
        typer.echo(f"measured   {note}")
    for name in ("new_run", "extrapolated"):
        if not (answer := getattr(planned, name)).available:
            typer.echo(f"no {NAMES[name]}: {answer.reason}")
    output.write_findings(planned.findings)
