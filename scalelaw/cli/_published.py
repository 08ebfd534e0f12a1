"""Predictions and plans of published laws: estimates without runs, so without intervals, and what to beware of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from scalelaw.published import Against, PublishedLaw
    from scalelaw.results import Finding


COLUMNS = ("flops", "observed", "predicted", "log_residual")
SHOWN = 5
"""Runs that are shown, those farthest off."""


def asked(saved: Path | None, law: str | None) -> str | None:
    """The published law that is asked for; `UsageError` where a saved fit is named as well."""
    from scalelaw.errors import UsageError

    if saved is not None and law is not None:
        raise UsageError(f"A saved fit, {saved}, and a published law, {law}, are two laws; give one of them.")
    return law


def required(saved: Path | None) -> Path:
    """The saved fit; `UsageError` where neither it nor a published law is named."""
    from scalelaw.errors import UsageError

    if saved is None:
        raise UsageError("Which law? Next: name a fit saved by `scalelaw fit RUNS --save law.json`, or --law NAME.")
    return saved


def write_prediction(name: str, inputs: Mapping[str, float | str], format: options.Format) -> None:
    """What a published law predicts at one place."""
    from scalelaw.published import NO_INTERVAL, get_published

    law = get_published(name)
    value = float(law.predict(**inputs)[0])
    findings = (*law.cautions(), *_reach(law, inputs))
    answer = {"law": law.name, "source": law.citation, "estimate": value, "unit": law.unit, "interval": None}
    if format is options.Format.json:
        output.write_json({"inputs": inputs, **answer, "why_no_interval": NO_INTERVAL, **_plain(findings)})
    elif format is options.Format.csv:
        output.write_csv([{**inputs, **answer, "interval": ""}])
    else:
        where = ", ".join(f"{k} {v if isinstance(v, str) else output.shown(v)}" for k, v in inputs.items())
        header = [where, law.law.response, "interval", "unit"]
        typer.echo(output.aligned([[law.name, output.shown(value, 5), "none", law.unit or "not on record"]], header))
        _write_source(law, findings)


def write_plan(name: str, words: Mapping[str, Any], format: options.Format) -> None:
    """N, D and loss that answer a question under a published law."""
    from scalelaw.errors import DataError
    from scalelaw.planning import goal_for
    from scalelaw.planning.landscape import Landscape
    from scalelaw.published import NO_INTERVAL, get_published

    law = get_published(name)
    if not {"n_params", "n_tokens"} <= set(law.law.inputs):
        law.law.optimum(law.natural[None], 1e18)
    goal = goal_for(law.law, **words)
    _refuse_inputs(law, goal.held)
    landscape = Landscape(law.law, law.natural, goal.held)
    n_params, n_tokens = goal.answer(landscape)
    if not (math.isfinite(n_params) and math.isfinite(n_tokens) and min(n_params, n_tokens) >= 1):
        floor = f"; no spending goes below {goal.floor(landscape):.5g} {law.unit}" if goal.loss is not None else ""
        raise DataError("E_UNREACHABLE", f"under {law.name} nothing answers: {goal.sentence}{floor}")
    flops = 6.0 * n_params * n_tokens
    rows = [
        {"quantity": "n_params", "estimate": n_params, "unit": "parameters"},
        {"quantity": "n_tokens", "estimate": n_tokens, "unit": "tokens"},
        {"quantity": "tokens_per_param", "estimate": n_tokens / n_params, "unit": "tokens/parameter"},
        {"quantity": "loss", "estimate": math.exp(landscape.at(n_params, n_tokens)), "unit": law.unit},
        {"quantity": "training", "estimate": flops, "unit": "FLOP"},
    ]
    findings = (*law.cautions(), *law.beyond(flops))
    if format is options.Format.json:
        told = {"law": law.name, "source": law.citation, "question": goal.sentence, "n_counts": law.n_counts}
        output.write_json({**told, "answer": rows, "why_no_interval": NO_INTERVAL, **_plain(findings)})
    elif format is options.Format.csv:
        output.write_csv([{"law": law.name, **row} for row in rows])
    else:
        typer.echo(f"{goal.sentence}, under {law.name}\n")
        cells = [[str(row["quantity"]), output.shown(float(str(row["estimate"]))), str(row["unit"])] for row in rows]
        typer.echo(output.aligned(cells, ["quantity", "estimate", "unit"]))
        _write_source(law, findings)


def write_published(law: PublishedLaw, format: options.Format) -> None:
    """A published law in full."""
    from scalelaw.published import VERIFIED

    rows = [{"coefficient": k, "value": v, "interval": law.intervals.get(k)} for k, v in law.coefficients.items()]
    low, high = law.flops
    told = {
        "source": law.citation,
        "reads": ", ".join(law.law.inputs) if law.formula else "nothing: it cannot be evaluated from these numbers",
        "predicts": f"{law.law.response} {law.unit}" if law.formula else law.unit,
        "N counts": law.n_counts,
        "data": law.data,
        "tokens of": law.tokenizer,
        "compute": f"{low:.3g} to {high:.3g} FLOP" if high == high else "",
        "range": law.range if high != high else "",
        "method": law.method,
        "intervals": law.intervals_are,
        "verified": f"{law.verified}: {VERIFIED[law.verified]}",
        "read in": law.source,
        "note": law.notes,
    }
    if format is options.Format.json:
        output.write_json(
            {"name": law.name, "form": law.form, "law": law.formula or None, **told, "coefficients": rows}
        )
    elif format is options.Format.csv:
        ends = [law.intervals.get(str(row["coefficient"]), ("", "")) for row in rows]
        output.write_csv([{**r, "interval": "", "low": e[0], "high": e[1]} for r, e in zip(rows, ends, strict=True)])
    else:
        output.wrapped(f"{law.name}: {law.form}")
        for key, text in told.items():
            if text:
                output.wrapped(f"{key:11s}{text}", " " * 11)
        cells = [[k, f"{v:.8g}", _ends(law, k)] for k, v in law.coefficients.items()]
        typer.echo("\n" + output.aligned(cells, ["coefficient", "value", "interval"]))


def write_all_published(format: options.Format) -> None:
    """Every published law, a line each."""
    from scalelaw.published import published_laws

    rows = [
        {
            "name": law.name,
            "year": law.year,
            "predicts": law.law.response if law.formula else "",
            "verified": law.verified,
            "form": law.form,
        }
        for law in published_laws().values()
    ]
    if format is options.Format.json:
        output.write_json({"published": rows})
    elif format is options.Format.csv:
        output.write_csv(rows)
    else:
        shown = ["name", "predicts", "verified", "form"]
        typer.echo(output.aligned([[row[key] for key in shown] for row in rows], shown))
        typer.echo("\nverified   yes: read in the authors' code or numbers; secondary: in a note; no: from memory")
        typer.echo("predicts   nothing where only exponents are known")


def write_against(found: Against, level: float, format: options.Format) -> None:
    """A published law beside runs: what differs as a whole, what scatters, and the runs that are farthest off."""
    from dataclasses import replace

    import numpy as np

    from scalelaw.results import Interval

    law, runs = found.published, found.runs
    observed = law.law.observed(runs)
    rows = [
        {"run_id": name, "flops": _finite(c), "observed": y, "predicted": p, "log_residual": r}
        for name, c, y, p, r in zip(
            runs.run_id, *(x.tolist() for x in (runs.flops, observed, found.predicted, found.residuals)), strict=True
        )
    ]
    summary = {"runs": len(runs), "offset": found.offset.as_dict(), "scatter": _finite(found.scatter)}
    if format is options.Format.json:
        told = {"law": law.name, "source": law.citation, **summary, "rank_correlation": _finite(found.order)}
        output.write_json({**told, **_plain(found.findings), "residuals": rows})
    elif format is options.Format.csv:
        output.write_csv(rows)
    else:
        typer.echo(f"{law.name} beside {len(runs)} runs it was not fitted to: ln(observed / predicted)\n")
        cells = [["offset", *output.shown_interval(found.offset), "log"]]
        if isinstance(found.offset, Interval):
            mean, low, high = (math.exp(x) for x in (found.offset.estimate, found.offset.low, found.offset.high))
            factor = replace(found.offset, estimate=mean, low=low, high=high)
            cells += [["observed / predicted", *output.shown_interval(factor), ""]]
        cells += [["scatter", output.shown(found.scatter), "one standard deviation", "log"]]
        cells += [["rank correlation", output.shown(found.order), "observed with predicted", ""]]
        typer.echo(output.aligned(cells, ["quantity", "estimate", f"{100 * level:g} %", "unit"]))
        worst = np.argsort(-np.abs(found.residuals), kind="stable")[:SHOWN]
        table = [[output.named(runs.run_id[i]), *(_cell(rows[i][k]) for k in COLUMNS)] for i in worst]
        header = ["run", "FLOP", f"observed, {law.unit}", "predicted", "log residual"]
        typer.echo(f"\nfarthest off\n{output.aligned(table, header)}\n")
        output.wrapped(f"source     {law.citation}", " " * 11)
        method = getattr(found.offset, "method", "none")
        output.wrapped(f"interval   {method}: runs of a group are one; it knows of no other dependence", " " * 11)
        for finding in found.findings:
            output.wrapped(str(finding))


def _ends(law: PublishedLaw, name: str) -> str:
    found = law.intervals.get(name)
    return f"[{found[0]:.6g}, {found[1]:.6g}]" if found else "not given"


def _cell(value: Any) -> str:
    return "-" if value is None else output.shown(value)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _refuse_inputs(law: PublishedLaw, held: Mapping[str, object]) -> None:
    from scalelaw.errors import UsageError

    missing = [name for name in law.law.inputs if name not in ("n_params", "n_tokens", *held)]
    unknown = [name for name in held if name not in law.law.inputs]
    if missing or unknown:
        what = f"needs {', '.join(missing)} as well" if missing else f"has no input {unknown[0]!r}"
        raise UsageError(f"{law.name} {what}. Next: --at NAME=VALUE names its inputs beside N and D.")


def _reach(law: PublishedLaw, inputs: Mapping[str, float | str]) -> tuple[Finding, ...]:
    sizes = [inputs.get("n_params"), inputs.get("n_tokens")]
    flops = inputs.get("flops")
    if flops is None and all(isinstance(size, float) for size in sizes):
        flops = 6.0 * math.prod(size for size in sizes if isinstance(size, float))
    return law.beyond(flops) if isinstance(flops, float) else ()


def _plain(findings: Sequence[Finding]) -> dict[str, Any]:
    from dataclasses import asdict

    return {"findings": [asdict(finding) for finding in findings]}


def _write_source(law: PublishedLaw, findings: Sequence[Finding]) -> None:
    from scalelaw.published import NO_INTERVAL

    typer.echo()
    output.wrapped(f"source     {law.citation}", " " * 11)
    output.wrapped(f"interval   none: {NO_INTERVAL}", " " * 11)
    if law.n_counts and "n_params" in (*law.law.inputs, law.law.response):
        output.wrapped(f"N counts   {law.n_counts}", " " * 11)
    for finding in findings:
        output.wrapped(str(finding))
