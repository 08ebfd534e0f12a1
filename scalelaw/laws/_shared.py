"""Laws that share parameters over groups of runs: one irreducible loss for each data set, one exponent for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalelaw.errors import DataError, UsageError
from scalelaw.laws._labels import Suffix, quote, split, suffixed, unquote
from scalelaw.laws._reparametrised import Reparametrised, example, off_centre, settle
from scalelaw.laws.base import Floats, Law
from scalelaw.runs import RunTable


def share(law: Law, runs: RunTable | None = None, *, by: str, own: Sequence[str], values: Sequence[str] = ()) -> Shared:
    """A law whose parameters are common to all runs, save the `own` ones, of which each value of a column has its own.

    Args:
        runs: where the values of the column are taken from, unless `values` names them.
        by: a column of texts: `group`, `run_id` or any extra one such as `dataset`.
        own: natural parameters that differ, `("E",)`; they are called `E[c4]`, `E[pile]`, ...

    Parameters are shared as natural ones: with own exponents, it is A that is common, not the size of its term at the
    centre of the data. `UsageError` names an unknown parameter, or a column with a single value.

    >>> from scalelaw.laws.chinchilla import KIND
    >>> law = share(KIND, by="dataset", own=("E",), values=("c4", "pile"))
    >>> law.label, law.names
    ('chinchilla{E by dataset: c4, pile}', ('E[c4]', 'E[pile]', 'A', 'alpha', 'B', 'beta'))
    """
    found = values or (() if runs is None else tuple(_texts(runs, by)))
    return Shared(law, by, tuple(own), tuple(sorted(set(map(str, found)))))


def read_share(law: Law, suffix: Suffix) -> Shared:
    """The shared law from the suffix of its label, `E, A by dataset: c4, pile`."""
    head, *rest = split(suffix.content, ":")
    words = split(" ".join(head.split()), " ")
    if len(rest) != 1 or "by" not in words[1:-1] or words[-2] != "by":
        raise UsageError(f"{{{suffix.content}}} shares nothing. Next: write it like {{E by dataset: c4, pile}}.")
    own = tuple(unquote(name) for name in split(" ".join(words[:-2]), ","))
    return Shared(law, unquote(words[-1]), own, tuple(unquote(value) for value in split(rest[0], ",")))


def _texts(runs: RunTable, by: str) -> list[str]:
    return [str(value) for value in runs.column(by)]


class Shared(Reparametrised):
    """A law under parameters of which some are own to each value of a column; see `share`.

    psi holds each base parameter in the base's order, an own one once for each value. The first value's working
    parameters are theta_1 = (shared slots, its own slots); in the others the shared natural parameters are those of
    the first, and the own slots are free. The column reaches the law as the number of its value, counted from 1.
    """

    def __init__(self, base: Law, by: str, own: tuple[str, ...], values: tuple[str, ...]) -> None:
        super().__init__(base)
        unknown = [name for name in own if name not in base.names]
        if unknown or not own:
            what = f"Unknown parameter {unknown[0]!r} of" if unknown else "No parameter is own in"
            raise UsageError(f"{what} {base.label}. Known: {', '.join(base.names)}.")
        if by in base.inputs:
            raise UsageError(f"{by} is an input of {base.label} already. Next: share by a column of names.")
        if len(values) < 2 or len(set(values)) < len(values):
            raise UsageError(
                f"Sharing by {by} needs two values or more, all different; found {', '.join(values) or 'none'}. "
                "Next: give runs, or values=."
            )
        self.by, self.own, self.values = by, own, values
        self.inputs = (*base.inputs, by)
        self.formula = f"{base.formula}, {' and '.join(own)} by {by}"
        self.params = tuple(
            param if name is None else replace(param, name=f"{param.name}[{quote(name)}]")
            for param in base.params
            for name in (values if param.name in own else (None,))
        )
        widths = [len(values) if name in own else 1 for name in base.names]
        first = np.cumsum([0, *widths[:-1]])
        self._own = np.array([name in own for name in base.names])
        self._columns = first + self._own * np.arange(len(values))[:, None]
        """Where the parameters of each value stand among all, `[g, p]`."""
        probe = example(self, 1.15)
        centre = off_centre(self)
        if not np.allclose(self.natural(self.working(probe, centre), centre), probe, rtol=1e-9):
            raise UsageError(
                f"{', '.join(own)} of {base.label} cannot be own: the law fits it together with a shared parameter. "
                "Next: make the parameters it depends on own as well."
            )

    @property
    def label(self) -> str:
        """The base's label with what is own, by which column and values: `chinchilla{E by dataset: c4, pile}`."""
        own, values = ", ".join(map(quote, self.own)), ", ".join(map(quote, self.values))
        return suffixed(self.base.label, f"{{{own} by {quote(self.by)}: {values}}}")

    def encode(self, name: str, value: ArrayLike) -> Floats:
        """Values of the column as their numbers, from 1; `UsageError` lists those there are."""
        if name != self.by:
            return super().encode(name, value)
        texts = np.asarray(value)
        unknown = [str(text) for text in texts.ravel() if str(text) not in self.values]
        if unknown:
            raise UsageError(f"Unknown {self.by} {unknown[0]!r} of {self.label}. Known: {', '.join(self.values)}.")
        return np.array([self.values.index(str(text)) + 1.0 for text in texts.ravel()]).reshape(texts.shape)

    def read(self, runs: RunTable) -> Floats:
        """The base's inputs and the number of the value, `[n, k + 1]`; `DataError` names an unknown value."""
        texts = _texts(runs, self.by)
        for i, text in enumerate(texts):
            if text not in self.values:
                raise DataError(
                    "E_UNKNOWN_VALUE",
                    f"{self.label} knows {', '.join(self.values)}",
                    file=runs.file[i] or None,
                    line=int(runs.line[i]) or None,
                    column=self.by,
                    value=text,
                    remedy="share the law over the values of this table, or exclude the row",
                )
        return np.hstack([self.base.read(runs), self.encode(self.by, texts)[:, None]])

    def centre(self, inputs: Floats) -> Floats:
        """The base's centre, and 0 for the column of names."""
        return np.append(self.base.centre(inputs[:, :-1]), 0.0)

    def coordinates(self, inputs: Floats, centre: Floats) -> Floats:
        """The base's coordinates, its centre, and the number of the value."""
        base = self.base.coordinates(inputs[:, :-1], centre[:-1])
        return np.hstack([base, np.tile(centre[:-1], (len(inputs), 1)), inputs[:, -1:]])

    def _centre(self, z: Floats) -> Floats:
        return z[0, -len(self.inputs) : -1]

    def _groups(self, z: Floats) -> Iterator[tuple[int, NDArray[np.bool_] | slice, Floats]]:
        for g in range(len(self.values)):
            rows = z[:, -1] == g + 1
            if rows.any():
                yield g, rows, z[rows, : -len(self.inputs)]

    def _settled(self, psi: Any, centre: Floats) -> tuple[list[Any], list[Any]]:
        """The base's working and natural parameters of each value, `[b, p]` each."""
        theta = psi[:, self._columns[0]]
        shared = np.flatnonzero(~self._own)
        first = self.base.natural(theta, centre)

        def impose(natural: Any) -> Any:
            natural = natural.copy()
            natural[:, shared] = first[:, shared]
            return natural

        pairs = [(theta, first)]
        pairs += [settle(self.base, psi[:, columns], centre, shared, impose) for columns in self._columns[1:]]
        members, naturals = zip(*pairs, strict=True)
        return list(members), list(naturals)

    def _members(self, psi: Any, centre: Floats) -> Any:
        return np.stack(self._settled(psi, centre)[0], axis=1)

    def natural(self, theta: Floats, centre: Floats) -> Floats:
        """Shared natural parameters once, own ones once for each value, `[b, m]`."""
        natural = np.empty_like(theta)
        naturals = self._settled(theta, centre[: len(self.base.inputs)])[1]
        for columns, values in zip(self._columns, naturals, strict=True):
            natural[:, columns] = values
        return natural

    def working(self, natural: Floats, centre: Floats) -> Floats:
        """The inverse of `natural`."""
        theta = np.empty_like(natural)
        for columns in self._columns[::-1]:
            theta[:, columns] = self.base.working(natural[:, columns], centre[: len(self.base.inputs)])
        return theta

    def of(self, value: str, natural: Floats) -> Floats:
        """Natural parameters of the base, `[b, p]`, at one value of the column."""
        return natural[:, self._columns[int(self.encode(self.by, value)) - 1]]

    def held(self, natural: Floats) -> Mapping[str, tuple[float, str]]:
        """What the base holds, once where it is common and by value where it is not."""
        found = {value: self.base.held(self.of(value, natural[None])[0]) for value in self.values}
        first = found[self.values[0]]
        if all(others == first for others in found.values()):
            return first
        return {f"{name}[{quote(v)}]": why for v, others in found.items() for name, why in others.items()}

    def bounds(self, z: Floats) -> tuple[Floats, Floats]:
        """The base's bounds: over all runs for shared parameters, over its own runs for an own one."""
        low, high = np.full(len(self.params), -np.inf), np.full(len(self.params), np.inf)
        for g, _, z_g in self._groups(z):
            least, most = self.base.bounds(z_g)
            low[self._columns[g]] = np.where(self._own, least, np.maximum(least, low[self._columns[g]]))
            high[self._columns[g]] = np.where(self._own, most, np.minimum(most, high[self._columns[g]]))
        return low, high

    def starts(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """The base's starts: for shared parameters on all runs, for own ones on the runs of their value."""
        z_base = z[:, : -len(self.inputs)]
        common = self.base.starts(z_base, loss, count, rng)
        psi = np.empty((count, len(self.params)))
        for columns in self._columns:
            psi[:, columns] = common
        for g, rows, z_g in self._groups(z):
            own = self.base.starts(z_g, loss[rows], count, rng)
            psi[:, self._columns[g][self._own]] = own[:, self._own]
        return psi

    def log_steps(self, theta: Floats) -> Floats:
        """The base's, value by value."""
        steps = np.empty_like(theta)
        for columns in self._columns:
            steps[columns] = self.base.log_steps(theta[columns])
        return steps

    def predict(self, natural: Floats, inputs: Floats) -> Floats:
        """The base's prediction with the parameters of each row's value."""
        numbers = np.arange(1.0, 1.0 + len(self.values))
        if inputs.shape[1] != len(self.inputs) or not np.isin(inputs[:, -1], numbers).all():
            raise UsageError(
                f"The law {self.label} predicts from {', '.join(self.inputs)}, where {self.by} is one of "
                f"{', '.join(self.values)}; it has no curve common to all of them."
            )
        loss = np.empty((len(natural), len(inputs)))
        for number, columns in zip(numbers, self._columns, strict=True):
            rows = inputs[:, -1] == number
            if rows.any():
                loss[:, rows] = self.base.predict(natural[:, columns], inputs[rows, :-1])
        return loss

    def optimum(self, natural: Floats, flops: float) -> tuple[Floats, Floats]:
        """The base's optimum where it is the same for every value, as with an own E; otherwise `UsageError`."""
        sizes = [self.base.optimum(natural[:, columns], flops) for columns in self._columns]
        if not all(np.allclose(size, sizes[0], rtol=1e-12, equal_nan=True) for size in sizes[1:]):
            raise UsageError(
                f"The compute-optimal allocation of {self.label} differs between the values of {self.by}. "
                f"Next: ask the law of one value, law.base.optimum(law.of({self.values[0]!r}, natural), flops)."
            )
        return sizes[0]
