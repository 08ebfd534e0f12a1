"""Fits as JSON files: everything needed to predict, resample and plan later, with no other file at hand."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from scalelaw.errors import DataError
from scalelaw.fitting import Fit
from scalelaw.laws import get_law
from scalelaw.objectives import get_objective
from scalelaw.results import Certificate
from scalelaw.runs import QUANTITIES, Conventions, Exclusion, Note, RunTable, Source

FORMAT = "scalelaw/fit/1"
SAME = 1e-6
"""Relative difference that another processor's logarithms explain."""


def save_fit(fit: Fit, path: str | Path) -> None:
    """Write the fit with its runs; folders on the way are made."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(to_json(fit), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def to_json(fit: Fit) -> dict[str, Any]:
    """The fit as plain data; what is missing or infinite is None."""
    from scalelaw import __version__

    runs = fit.runs
    columns = {name: _plain(getattr(runs, name)) for name in QUANTITIES}
    given = {name: _plain(runs.column(name)) for name in (*fit.law.inputs, fit.law.response) if name in runs.extras}
    certificate = asdict(fit.certificate)
    certificate["log_errors"] = _plain(certificate["log_errors"])
    return {
        "format": FORMAT,
        "scalelaw": __version__,
        "law": fit.law.label,
        "formula": fit.law.formula,
        "estimate": dict(fit.estimate),
        "units": {param.name: param.unit for param in fit.law.params},
        "objective": {"name": fit.objective.name, **asdict(fit.objective)},
        "theta": fit.theta.tolist(),
        "centre": fit.centre.tolist(),
        "certificate": certificate,
        "findings": [asdict(finding) for finding in fit.findings],
        "seed": fit.seed,
        "fingerprint": runs.fingerprint,
        "runs": {
            "run_id": runs.run_id,
            "group": runs.group,
            "file": runs.file,
            "line": runs.line.tolist(),
            **columns,
            "extras": given,
        },
        "conventions": asdict(runs.conventions),
        "sources": [asdict(source) for source in runs.sources],
        "excluded": [asdict(exclusion) for exclusion in runs.excluded],
        "notes": [asdict(note) for note in runs.notes],
    }


def _plain(values: Any) -> list[float | str | None]:
    return [str(v) if isinstance(v, str) else float(v) if math.isfinite(v) else None for v in values]


def _numbers(values: list[float | None], missing: float) -> list[float]:
    return [missing if v is None else v for v in values]


def load_fit(path: str | Path) -> Fit:
    """A fit from the file `Fit.save` wrote; `DataError` where it is not one, or is no longer what was written."""
    try:
        saved = json.loads(Path(path).read_text(encoding="utf-8"))
        fit = _from_json(saved)
        _verify(fit, saved)
        return fit
    except OSError as error:
        raise DataError("E_NOT_FOUND", f"the file cannot be read ({error.strerror})", file=path) from None
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise DataError(
            "E_NOT_A_FIT",
            f"not a fit that scalelaw saved ({error!r})",
            file=path,
            remedy="make one: scalelaw fit RUNS --save law.json",
        ) from None


def _verify(fit: Fit, saved: dict[str, Any]) -> None:
    """`ValueError` where runs, parameters and objective no longer belong together: a digit was changed."""
    if fit.runs.fingerprint != saved["fingerprint"]:
        raise ValueError(f"its runs have fingerprint {fit.runs.fingerprint}, not {saved['fingerprint']}")
    certificate = fit.certificate
    measured = (certificate.condition, certificate.lambda_min, certificate.share_agreeing, *certificate.log_errors)
    if len(certificate.log_errors) != len(fit.law.names) or not all(isinstance(x, int | float) for x in measured):
        raise ValueError("its certificate is not that of this law")
    with np.errstate(all="ignore"):
        natural, stated = fit.natural, [saved["estimate"][name] for name in fit.law.names]
        objective = float(fit.problem.objective(fit.theta[None], fit.runs.weight[None])[0])
    if not np.allclose(natural, np.array(stated, dtype=float), rtol=SAME, atol=0.0):
        raise ValueError("its estimate is not that of its working parameters")
    if not math.isclose(objective, fit.certificate.objective, rel_tol=SAME, abs_tol=1e-20):
        raise ValueError(f"the objective is {objective:.9g} at its parameters, not {fit.certificate.objective:.9g}")


def _from_json(saved: dict[str, Any]) -> Fit:
    if saved["format"] != FORMAT:
        raise ValueError(f"format {saved['format']!r}, {FORMAT!r} expected")
    columns = dict(saved["runs"])
    for name in QUANTITIES:
        columns[name] = _numbers(columns[name], math.nan)
    with np.errstate(all="ignore"):  # `_verify` finds out what was changed
        runs = RunTable.of(
            **columns,
            conventions=Conventions(**saved["conventions"]),
            sources=tuple(Source(**source) for source in saved["sources"]),
            excluded=tuple(Exclusion(**exclusion) for exclusion in saved["excluded"]),
        )
    notes = tuple(Note(note["code"], note["message"], tuple(note["lines"])) for note in saved["notes"])
    certificate = dict(saved["certificate"])
    certificate["active_bounds"] = tuple(certificate["active_bounds"])
    certificate["log_errors"] = tuple(_numbers(certificate["log_errors"], math.inf))
    settings = dict(saved["objective"])
    objective = type(get_objective(settings.pop("name")))(**settings)
    return Fit(
        law=get_law(saved["law"]),
        runs=replace(runs, notes=notes),
        objective=objective,
        theta=np.array(saved["theta"], dtype=float),
        centre=np.array(saved["centre"], dtype=float),
        certificate=Certificate(**certificate),
        seed=saved["seed"],
    )
