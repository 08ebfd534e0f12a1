"""A sweep: a TOML file becomes specs, specs become runs, and what is finished stays finished.

Such a file reads

    name = "markov"
    [base]                      # fields every run shares
    corpus = "markov"
    depth = 2
    [grid]                      # every combination
    width = [16, 32, 64]
    n_tokens = ["1M", "2M"]
    [[cells]]                   # further runs, each over the base; lists multiply here too
    width = 32
    n_tokens = "2M"
    seed = [1, 2]

Rules can stand where lists do: `width = { from = 32, to = 512, ratio = 2 }`; see `runners.ladders`.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from runners.branches import Task, trunk_of
from runners.corpora import CORPORA
from runners.ladders import depth_of, listed, tokens_of
from runners.leases import is_held
from runners.models import FAMILIES
from runners.spec import TrainSpec
from runners.store import RunStore
from runners.validation import check_sources
from scalelaw.errors import DataError, UsageError
from scalelaw.numbers import parse_number

NUMBERS = {field.name for field in fields(TrainSpec) if field.type in ("int", "float")}

CPU_FLOPS_PER_SECOND = 3.0e10
"""What one core of an ordinary server sustains in fp32 on models of width 32 to 128; narrower ones reach less."""
CPU_SECONDS_PER_STEP = 4.0e-3
"""What a step costs one core besides its arithmetic: some hundred small operations."""


@dataclass(frozen=True)
class Sweep:
    """A named list of distinct specs."""

    name: str
    specs: tuple[TrainSpec, ...]

    @classmethod
    def load(cls, path: str | Path) -> Sweep:
        """A sweep from its TOML file; `DataError` names the file and what is wrong."""
        try:
            content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise DataError("E_NOT_FOUND", f"the sweep cannot be read ({error.strerror})", file=path) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DataError("E_NOT_TOML", f"not a TOML file ({error})", file=path) from None
        unknown = set(content) - {"name", "base", "grid", "cells"}
        if unknown:
            raise DataError(
                "E_UNKNOWN_KEY",
                "a sweep has name, [base], [grid] and [[cells]]",
                file=path,
                value=", ".join(sorted(unknown)),
                remedy="put the fields of its runs below one of these",
            )
        base, cells = content.get("base", {}), content.get("cells", [])
        grid = {"[grid]": content["grid"]} if "grid" in content else {}
        known = isinstance(cells, list) and all(isinstance(table, dict) for table in [base, *grid.values(), *cells])
        if not known:
            raise DataError("E_BAD_TABLE", "a sweep is made of [base], [grid] and [[cells]]", file=path)
        tables = grid | {f"[[cells]] number {number}": cell for number, cell in enumerate(cells, 1)}
        specs: list[TrainSpec] = []
        for place, table in tables.items():
            try:
                specs += _product(base | table)
            except UsageError as error:
                where = f"in the runs of {place}: " if len(tables) > 1 else ""
                raise DataError("E_BAD_SPEC", where + str(error).rstrip("."), file=path) from None
        if not specs:
            remedy = "give it a [grid], an empty one for the one run of [base], or [[cells]]"
            raise DataError("E_NO_RUNS", "the sweep names no run", file=path, remedy=remedy)
        return cls(sweep_name(content.get("name", Path(path).stem), path), tuple({s.run_id: s for s in specs}.values()))

    def largest_first(self) -> list[TrainSpec]:
        """The specs by falling cost, so that workers end together."""
        return sorted(self.specs, key=lambda spec: -estimate(spec).seconds)


def sweep_name(name: Any, path: str | Path) -> str:
    """A sweep's name, which is that of a folder in the store; `DataError` where it cannot be one."""
    if not isinstance(name, str) or name in ("", ".", "..") or name != Path(name).name:
        raise DataError("E_BAD_NAME", "a sweep's name is a text without slashes, a folder's", file=path, value=name)
    return name


def _product(table: Mapping[str, Any]) -> list[TrainSpec]:
    """Every combination of the table's lists."""
    lists = {name: listed(name, value) for name, value in table.items()}
    empty = [name for name, values in lists.items() if not values]
    if empty:
        raise UsageError(f"{empty[0]} lists no value.")
    return [_spec(dict(zip(lists, values, strict=True))) for values in itertools.product(*lists.values())]


def known_fields(table: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a run as a file holds them, with numbers that are written as texts read.

    Raises:
        UsageError: for a field that no run has, or a text that is no number.
    """
    known = {field.name for field in fields(TrainSpec)}
    unknown = set(table) - known
    if unknown:
        near = {name: get_close_matches(name, sorted(known), 1) for name in sorted(unknown)}
        meant = [f"{name} (did you mean {found[0]}?)" if found else name for name, found in near.items()]
        listing = "" if all(near.values()) else f" Known: {', '.join(sorted(known))}."
        raise UsageError(f"Unknown field {', '.join(meant)}.{listing}")
    return {name: _number(name, value) if name in NUMBERS else value for name, value in table.items()}


def _spec(table: dict[str, Any]) -> TrainSpec:
    given = known_fields(table)
    missing = {"corpus", "width", "depth", "n_tokens"} - set(given)
    if missing:
        raise UsageError(f"A run needs {', '.join(sorted(missing))}.")
    spec = _derived(given)
    check_spec(spec)
    return spec


def check_spec(spec: TrainSpec) -> None:
    """Refuse, before anything is trained, a spec whose fields contradict one another; `UsageError` says which."""
    FAMILIES[spec.model].check(spec, CORPORA[spec.corpus])
    check_sources(spec, [CORPORA[name] for name in spec.validation_sources])
    trunk_of(spec)


def _derived(table: dict[str, Any]) -> TrainSpec:
    """The spec, with a depth by aspect and tokens by parameter worked out from the rest."""
    depth, n_tokens = table["depth"], table["n_tokens"]
    if isinstance(depth, Mapping):
        table = table | {"depth": depth_of(depth, table["width"])}
    if not isinstance(n_tokens, Mapping):
        return TrainSpec(**table)
    draft = TrainSpec(**table | {"n_tokens": 2**62, "trunk_tokens": 0})
    counts = FAMILIES[draft.model].counts(draft, CORPORA[draft.corpus])
    return TrainSpec(**table | {"n_tokens": tokens_of(n_tokens, counts.n_params)})


def _number(name: str, value: Any) -> Any:
    """A number from the ways people write it, `"2M"` and `2e6`; anything else is left to `TrainSpec`."""
    try:
        number = parse_number(value) if isinstance(value, str) else value
    except (ValueError, OverflowError) as error:
        raise UsageError(f'{name} = {value!r}: {error}. Numbers are written 2000000, 2e6 or "2M".') from None
    return int(number) if isinstance(number, float) and number.is_integer() else number


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will cost: counts are exact, seconds a rough figure for one CPU core."""

    n_params: int
    n_params_non_embedding: int
    n_tokens: int
    flops: float
    seconds: float


def estimate(spec: TrainSpec) -> Estimate:
    """The dry run of one spec."""
    counts = FAMILIES[spec.model].counts(spec, CORPORA[spec.corpus])
    flops = counts.flops_per_token * spec.tokens_trained
    seconds = flops / CPU_FLOPS_PER_SECOND + spec.steps * CPU_SECONDS_PER_STEP
    return Estimate(counts.n_params, counts.n_params_non_embedding, spec.tokens_trained, flops, seconds)


def cost(task: Task) -> Estimate:
    """The dry run of what is left of a run where its trunk is given, or of a trunk as far as it is needed."""
    whole = estimate(task.spec)
    n_tokens = (task.last - task.first) * task.spec.tokens_per_step
    return replace(whole, n_tokens=n_tokens, flops=whole.flops * task.share, seconds=whole.seconds * task.share)


def status(sweep: Sweep, store: RunStore) -> dict[str, str]:
    """For each run id: `finished`, `diverged`, `out_of_memory`, `running`, `interrupted` or `waiting`."""
    return {spec.run_id: _status(spec.run_id, store) for spec in sweep.specs}


def _status(run_id: str, store: RunStore) -> str:
    if is_held(store.lease(run_id)):
        return "running"
    done = store.done(run_id)
    if done:
        return str(done["status"])
    return "interrupted" if store.begun(run_id) else "waiting"
