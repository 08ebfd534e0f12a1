"""What a check is: a trap's number and name, and a function that looks for the trap in runs and in their fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalelaw.errors import DataError, UsageError
from scalelaw.fitting import Fit
from scalelaw.intervals import Draws
from scalelaw.laws import Law
from scalelaw.laws.base import Floats
from scalelaw.results import Finding, Unavailable
from scalelaw.runs import RunTable

Findings = tuple[Finding, ...]
_ERROR_SUFFIX = "_se"


class CannotLook(Exception):  # noqa: N818 - an outcome that carries a reason, caught by `Check.look`
    """Raised inside a detector that lacks what it needs; its text is the reason."""


@dataclass(frozen=True)
class Claim:
    """Constants as someone printed them, with half a unit of each one's last digit, and their standard errors."""

    values: Mapping[str, float] = field(default_factory=dict)
    half_units: Mapping[str, float] = field(default_factory=dict)
    standard_errors: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, claimed: Mapping[str, float | str], law: Law) -> Claim:
        """From `{"alpha": "0.340", "alpha_se": 5e-4}`; a text keeps the trailing zeros that a number loses.

        Raises `UsageError` for a name that is no parameter of the law and for what is no number.
        """
        known = {*law.names, *(name + _ERROR_SUFFIX for name in law.names)}
        unknown = [name for name in claimed if name not in known]
        if unknown:
            names = f"{', '.join(law.names)}, each also with {_ERROR_SUFFIX}"
            raise UsageError(f"Unknown parameter {unknown[0]!r} of {law.label}. Known: {names}.")
        decimals = {name: _decimal(name, value) for name, value in claimed.items()}
        constants = {name: value for name, value in decimals.items() if name in law.names}
        return cls(
            values={name: float(value) for name, value in constants.items()},
            half_units={name: 0.5 * 10.0 ** int(value.as_tuple().exponent) for name, value in constants.items()},
            standard_errors={
                name: float(decimals[name + _ERROR_SUFFIX]) for name in law.names if name + _ERROR_SUFFIX in decimals
            },
        )

    def natural(self, law: Law) -> tuple[Floats, Floats] | None:
        """The constants and their half units in the law's order, `[p]` each; None unless every one was claimed."""
        if set(self.values) != set(law.names):
            return None
        values, half_units = (np.array([of[name] for name in law.names]) for of in (self.values, self.half_units))
        return values, half_units


def _decimal(name: str, value: float | str) -> Decimal:
    try:
        number = Decimal(value.strip() if isinstance(value, str) else repr(float(value)))
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or (name.endswith(_ERROR_SUFFIX) and number <= 0):
        kind = "positive" if name.endswith(_ERROR_SUFFIX) else "finite"
        raise UsageError(f"A claimed {name} must be a {kind} number; found {value!r}.")
    return number


@dataclass(frozen=True)
class Subject:
    """What is checked: runs, the law in question and its fit, and what others claimed of it.

    `attempt` makes the fit, when the first detector asks for it.
    """

    runs: RunTable
    law: Law
    attempt: Callable[[], Fit]
    claim: Claim = Claim()
    draws: Draws | None = None

    @cached_property
    def outcome(self) -> Fit | DataError:
        """The fit, or its refusal."""
        try:
            return self.attempt()
        except DataError as refusal:
            return refusal

    @property
    def fitted(self) -> Fit:
        """The fit; a detector that needs one cannot look where it was refused."""
        if isinstance(self.outcome, DataError):
            raise CannotLook(f"there is no fit: {self.outcome.problem}")
        return self.outcome


@dataclass(frozen=True)
class Check:
    """A trap and its detector.

    Attributes:
        name: how it is asked for.
        numbers: the traps it covers, numbered as in the catalogue of `scalelaw.checks`.
        what: the trap, in one sentence.
        needs: what the detector must be given to look.
        detect: finds the trap, or raises `CannotLook`.
    """

    name: str
    numbers: tuple[int, ...]
    what: str
    needs: str
    detect: Callable[[Subject], Iterable[Finding]]

    def look(self, subject: Subject) -> Checked:
        """The detector's findings, or why it could not look."""
        try:
            return Checked(self, tuple(self.detect(subject)))
        except CannotLook as reason:
            return Checked(self, (), Unavailable(self.name, str(reason)))
        except DataError as refusal:
            return Checked(self, (), Unavailable(self.name, f"a further fit is refused: {refusal.problem}"))


@dataclass(frozen=True)
class Checked:
    """What became of a check: findings, none where the trap is not there, or the reason it could not look."""

    check: Check
    findings: Findings
    unavailable: Unavailable | None = None

    @property
    def verdict(self) -> str:
        """`found`, `clear` or `not looked`."""
        if self.unavailable is not None:
            return "not looked"
        return "found" if self.findings else "clear"

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "name": self.check.name,
            "traps": self.check.numbers,
            "what": self.check.what,
            "needs": self.check.needs,
            "verdict": self.verdict,
            "reason": None if self.unavailable is None else self.unavailable.reason,
            "findings": [asdict(finding) for finding in self.findings],
        }

    def __str__(self) -> str:
        lines = [f"{self.check.name}: {self.verdict}"]
        if self.unavailable is not None:
            lines[0] += f", {self.unavailable.reason}"
        return "\n".join([*lines, *(f"  {finding}" for finding in self.findings)])


def run_ids(runs: RunTable, rows: NDArray[np.bool_]) -> tuple[str, ...]:
    """The names of the rows that are marked, each once."""
    return tuple(dict.fromkeys(runs.run_id[i] for i in np.flatnonzero(rows)))


def percent(share: float) -> str:
    """A share in per cent with two digits.

    >>> percent(0.0534), percent(3.05)
    ('5.3 %', '305 %')
    """
    return f"{100 * share:.2g} %" if abs(share) < 0.0995 else f"{100 * share:.0f} %"
