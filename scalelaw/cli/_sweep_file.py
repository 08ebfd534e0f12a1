"""Answers as something trainable: points (N, D) to a sweep's TOML file, through the nearest realisable runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from runners.realising import Given, Realised
    from runners.spec import TrainSpec
    from runners.sweeps import Sweep
    from runners.templates import Template
    from scalelaw.fitting import Fit
    from scalelaw.planning import Plan

SAID = ("corpus", "model", "parametrization", "base_width", "base_depth", "head_dim", "context", "batch_size", "lr",
        "schedule", "weight_decay")  # fmt: skip
"""Fields that a file names also where they are at their defaults."""
OWN = ("width", "depth", "n_tokens", "seed")
"""Fields that every cell names."""

Point = tuple[float, float]


def write_sweep_file(
    points: Sequence[Point],
    template: Path | None,
    out: Path,
    *,
    name: str,
    convention: str = "all",
    force: bool = False,
    corpus: str | None = None,
    lr_law: Path | None = None,
    batch_law: Path | None = None,
    about: Sequence[str] = (),
) -> tuple[Realised, ...]:
    """Write the runs nearest to these points as a file that `scalelaw sweep run` accepts; returns them in order.

    `Sweep.load(out)` gives their specs. A point that stands there again becomes another seed.

    Args:
        points: N and D of each run, N counted by the convention.
        template: a sweep's file whose [base] they share; None for the default family of their size.
        name: the sweep's, which is a folder's in the store.
        convention: how N is counted: `fit.runs.conventions.params`.
        force: write over a file that is something else.
        corpus: what to train on, in the template's place.
        lr_law, batch_law: saved fits that say the learning rate, and the tokens in a step.
        about: lines for the head of the file, such as the law and its fingerprint.

    Raises:
        MissingExtraError: without torch.
        UsageError: for a name, a convention or sizes that cannot be, and where `out` is another file and not forced.
        DataError: where the template or a law cannot be used.
    """
    found = realise_points(points, template, convention=convention, corpus=corpus, lr_law=lr_law, batch_law=batch_law)
    from runners.sweeps import sweep_name

    text = sweep_text(found, sweep_name(name, out), about)
    _write(out, text, force)
    return found


def write_plan(planned: Plan, template: Path | None, out: Path, force: bool = False) -> tuple[Realised, ...]:
    """A plan's N* and D* as a sweep file of one run; raises as `write_sweep_file`."""
    from scalelaw.errors import UsageError
    from scalelaw.results import Unavailable

    size, tokens = planned.n_params, planned.n_tokens
    if isinstance(size, Unavailable) or isinstance(tokens, Unavailable):
        reason = next(answer.reason for answer in (size, tokens) if isinstance(answer, Unavailable))
        raise UsageError(f"There is no N* and D* to write as a sweep: {reason}. Next: ask for less, or add runs.")
    runs = planned.fit.runs
    about = (f"Plan: {planned.goal.sentence}", f"Law {planned.fit.law.label} of runs {runs.fingerprint}.")
    points = [(size.estimate, tokens.estimate)]
    convention = runs.conventions.params
    return write_sweep_file(points, template, out, name=out.stem, convention=convention, force=force, about=about)


def load_sweep(path: Path) -> Sweep:
    """The sweep of a file; `MissingExtraError` without torch."""
    from scalelaw.errors import MissingExtraError

    try:
        import runners.training  # noqa: F401
    except ImportError:
        raise MissingExtraError("A sweep", "train") from None
    from runners.sweeps import Sweep

    return Sweep.load(path)


def realise_points(
    points: Sequence[Point],
    template: Path | None = None,
    *,
    convention: str = "all",
    corpus: str | None = None,
    lr_law: Path | None = None,
    batch_law: Path | None = None,
) -> tuple[Realised, ...]:
    """The nearest runs, as `write_sweep_file` writes them, and nothing written."""
    from dataclasses import replace

    from scalelaw.errors import MissingExtraError, UsageError

    try:
        from runners.realising import realise
    except ImportError:
        raise MissingExtraError("Realising a model", "train") from None

    if not points:
        raise UsageError("There is no point (N, D) to realise.")
    family = _family(points, template, corpus)
    rates, batches = _law(lr_law, "learning_rate"), _law(batch_law, "batch_tokens")
    found: list[Realised] = []
    met: dict[TrainSpec, int] = {}
    for n_params, n_tokens in points:
        realised = realise(
            n_params,
            n_tokens,
            family.spec,
            aspect=family.aspect,
            convention=convention,
            learning_rate=_said(rates, lr_law, n_params, n_tokens, convention),
            batch_tokens=_said(batches, batch_law, n_params, n_tokens, convention) or family.batch(n_tokens),
        )
        again = met[realised.spec] = met.get(realised.spec, -1) + 1
        seeded = replace(realised.spec, seed=realised.spec.seed + again)
        found.append(replace(realised, spec=seeded, notes=(*family.notes, *realised.notes)))
    return tuple(found)


def _family(points: Sequence[Point], template: Path | None, corpus: str | None) -> Template:
    from runners.templates import default_template, load_template

    if template is not None:
        return load_template(template, corpus)
    return default_template(min(n_params for n_params, _ in points), corpus)


def sweep_text(found: Sequence[Realised], name: str, about: Sequence[str] = ()) -> str:
    """The file: notes on what made it as comments, [base] with what the runs share, and a cell for each."""
    from dataclasses import fields

    from runners.spec import TrainSpec

    tables = [realised.spec.as_dict() for realised in found]
    first = tables[0]
    shared = [key for key in first if key not in OWN and all(table[key] == first[key] for table in tables)]
    defaults = {field.name: field.default for field in fields(TrainSpec)}
    base = [key for key in (*SAID, *first) if key in shared]
    base = [key for key in dict.fromkeys(base) if key in SAID or first[key] != defaults[key]]
    own = [*OWN, *(key for key in first if key not in OWN and key not in shared)]
    blocks = ["\n".join(f"# {output.clean(line)}" for line in [*about, *_head(found)])]
    blocks[0] += f"\nname = {_toml(name)}"
    blocks.append("\n".join(["[base]", *(f"{key} = {_toml(first[key])}" for key in base)]))
    for realised, table in zip(found, tables, strict=True):
        wanted = f"# wanted N {realised.n_params_wanted:.6g}, D {realised.n_tokens_wanted:.6g}; "
        made = f"N {realised.n_params:,} ({100 * realised.error:+.2f} %), D {realised.n_tokens:,}"
        blocks.append("\n".join(["[[cells]]", wanted + made, *(f"{key} = {_toml(table[key])}" for key in own)]))
    return "\n\n".join(blocks) + "\n"


def _head(found: Sequence[Realised]) -> list[str]:
    """What every file says of itself."""
    from scalelaw import __version__
    from scalelaw.counting import PARAMS_CONVENTIONS

    convention = found[0].convention
    notes = dict.fromkeys(note for realised in found for note in realised.notes)
    return [
        f"Made by scalelaw {__version__}: the runs nearest to {len(found)} wanted size{'s' * (len(found) > 1)}.",
        f"N counts {convention}: {PARAMS_CONVENTIONS[convention]}.",
        *(f"* {note}" for note in notes),
    ]


def _toml(value: Any) -> str:
    """A value as TOML writes it: a basic string escapes what JSON's does, and DEL."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _write(out: Path, text: str, force: bool) -> None:
    from scalelaw.errors import UsageError

    if out.exists() and not force and out.read_text(encoding="utf-8", errors="replace") != text:
        raise UsageError(f"{out} is there already and holds something else. Next: another name, or --force.")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")


def _law(path: Path | None, response: str) -> Fit | None:
    """A saved fit that predicts this; `UsageError` where it predicts something else."""
    from scalelaw.errors import UsageError
    from scalelaw.fit_file import load_fit

    if path is None:
        return None
    fit = load_fit(path)
    if fit.law.response != response:
        raise UsageError(
            f"{path} holds the law {fit.law.label}, which predicts {fit.law.response}; one of {response} was expected."
        )
    return fit


def _said(fit: Fit | None, path: Path | None, n_params: float, n_tokens: float, convention: str) -> Given | None:
    """What the law says for a run, with its interval."""
    from runners.realising import Given
    from scalelaw.errors import UsageError
    from scalelaw.intervals import LossAt, uncertainty
    from scalelaw.results import Unavailable

    if fit is None:
        return None
    known = {"n_params": n_params, "n_tokens": n_tokens, "flops": 6.0 * n_params * n_tokens}
    if set(fit.law.inputs) - set(known):
        raise UsageError(f"{path} asks for {', '.join(fit.law.inputs)}; a plan knows {', '.join(known)}.")
    counted = fit.runs.conventions.params
    if counted != convention and set(fit.law.inputs) & {"n_params", "flops"}:
        raise UsageError(f"{path} counts N as {counted}, and the sizes wanted are counted as {convention}.")
    inputs = {name: known[name] for name in fit.law.inputs}
    value = float(fit.predict(**inputs)[0])
    if fit.law.response not in fit.runs.extras:
        return Given(value, f"{fit.law.label} of {path}, without an interval: the file lacks {fit.law.response}")
    interval = uncertainty(fit).interval(LossAt(**inputs))
    if isinstance(interval, Unavailable):
        return Given(value, f"{fit.law.label} of {path}, without an interval: {interval.reason}")
    ends = f"[{output.shown(interval.low)}, {output.shown(interval.high)}]"
    return Given(value, f"{fit.law.label} of {path}, {output.shown(value)} {ends} ({100 * interval.level:g} %)")


def realised_rows(found: Sequence[Realised]) -> list[dict[str, Any]]:
    """The runs as plain data, a row each, for JSON and CSV; bytes are an estimate, counts are exact."""
    return [
        {
            "run_id": realised.spec.run_id,
            "model": realised.spec.model,
            "width": realised.spec.width,
            "depth": realised.spec.depth,
            "heads": realised.heads,
            "n_params": realised.n_params,
            "params_convention": realised.convention,
            "n_params_wanted": realised.n_params_wanted,
            "n_params_all": realised.counts.n_params,
            "n_params_non_embedding": realised.counts.n_params_non_embedding,
            "n_tokens": realised.n_tokens,
            "n_tokens_wanted": realised.n_tokens_wanted,
            "batch_sequences": realised.spec.batch_size,
            "batch_tokens": realised.spec.tokens_per_step,
            "steps": realised.spec.steps,
            "learning_rate": realised.spec.lr,
            "flops_exact": realised.flops,
            "flops_6nd": realised.flops_6nd,
            "memory_bytes": realised.memory.total if realised.memory else None,
            "seed": realised.spec.seed,
        }
        for realised in found
    ]


def realised_table(found: Sequence[Realised]) -> str:
    """The runs as a table, each once however many seeds it has, and what there is to know of them below."""
    seeds: dict[tuple[int, ...], list[Realised]] = {}
    for realised in found:
        spec = realised.spec
        seeds.setdefault((spec.width, spec.depth, spec.n_tokens, spec.batch_size), []).append(realised)
    rows = []
    for same in seeds.values():
        one, spec = same[0], same[0].spec
        rows.append(
            [
                *(str(spec.width), str(spec.depth), str(one.heads or "-")),
                *(output.shown(one.n_params, 3), f"{100 * one.error:+.1f}", output.shown(one.n_tokens, 3)),
                *(output.shown(spec.tokens_per_step, 3), output.shown(spec.steps, 3), f"{one.flops:.3g}"),
                *(memory_shown(one.memory.total if one.memory else None), str(len(same))),
            ]
        )
    header = ["width", "depth", "heads", "N", "off, %", "D", "batch", "steps", "FLOP", "memory", "runs"]
    notes = dict.fromkeys(note for realised in found for note in realised.notes)
    counted = f"N counts {found[0].convention}; batch in tokens; FLOP exact; memory ± 25 %, one device"
    return "\n".join([output.aligned(rows, header), counted, *(f"note: {note}" for note in notes)])


def memory_shown(size: float | None) -> str:
    """Bytes in the unit one would say them in, powers of ten.

    >>> memory_shown(28.26e9), memory_shown(512), memory_shown(None)
    ('28.3 GB', '512 B', '-')
    """
    from scalelaw.numbers import format_quantity

    if size is None:
        return "-"
    text = format_quantity(size).replace("B", "G")
    return f"{text[:-1]} {text[-1]}B" if text[-1].isalpha() else f"{text} B"
