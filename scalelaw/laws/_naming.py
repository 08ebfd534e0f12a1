"""Laws by name: the registered kinds, the user's own formulas and declarations, and what is made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from scalelaw.errors import UsageError
from scalelaw.laws import _constrained, _shared
from scalelaw.laws._declared import load_law, read_declaration
from scalelaw.laws._formula import FormulaLaw
from scalelaw.laws._labels import read_constraints, suffix
from scalelaw.laws._sum import read_sum
from scalelaw.laws.base import Law
from scalelaw.registry import Registry
from scalelaw.runs import RunTable

LAWS: Registry[Law] = Registry("scalelaw.laws", "law")


def get_law(name: str | Law) -> Law:
    """A law by name, by formula, or from a file; a law that is one already comes back as it is.

    `name(x)` chooses the variable of a law that has one. Suffixes say what is held, `[E=1.69, beta=alpha]`, what has a
    range, `[0.1<alpha<1]`, and what differs between groups of runs, `{E by dataset: c4, pile}`. A name that ends in
    `.toml` is a file that declares a law (see `_declared`). Every label is such a name, save that of a user's own code.

    >>> get_law("power_constant(n_tokens)").inputs
    ('n_tokens',)
    >>> get_law("E + A / N^alpha").names
    ('E', 'A', 'alpha')
    >>> get_law("chinchilla[E=1.69, beta=alpha]").names
    ('A', 'alpha', 'B')
    """
    if isinstance(name, Law):
        return name
    name = name.strip()
    found = suffix(name)
    if found is not None and not found.before:
        return read_declaration(name)
    if found is not None:
        law = get_law(found.before)
        if found.bracket == "{":
            return _shared.read_share(law, found)
        held = read_constraints(found.content)
        return _constrained.constrain(law, held.fix, held.bounds, held.tie)
    if name.endswith(".toml"):
        return load_law(name)
    if name.startswith("sum(") and name.endswith(")"):
        return read_sum(name[4:-1])
    if name.startswith("lmfit("):
        raise UsageError(
            f"{name} is a Python function, which no file can hold. Next: make the law again with from_lmfit and fit "
            "it, or write it as a formula."
        )
    return _simple(name)


def _simple(name: str) -> Law:
    match = re.fullmatch(r"(\w+)(?:\((.+)\))?", name)
    if match is None or (match.group(2) is not None and match.group(1) not in LAWS):
        return FormulaLaw(name)
    law, variable = LAWS[match.group(1)], match.group(2)
    if variable is None:
        return law
    over = getattr(law, "over", None)
    if over is None:
        raise UsageError(f"The law {law.name} has fixed variables, {', '.join(law.inputs)}; found {name!r}.")
    chosen: Law = over(variable)
    return chosen


def constrain(
    law: str | Law,
    fix: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    tie: Mapping[str, str] | None = None,
) -> Law:
    """A law, or the name of one, with parameters fixed, tied or bounded; see `_constrained.constrain`."""
    return _constrained.constrain(get_law(law), fix, bounds, tie)


def share(
    law: str | Law, runs: RunTable | None = None, *, by: str, own: Sequence[str], values: Sequence[str] = ()
) -> _shared.Shared:
    """A law, or the name of one, with parameters own to each value of a column; see `_shared.share`."""
    return _shared.share(get_law(law), runs, by=by, own=own, values=values)
