"""What a report is: sections as data. Every renderer (HTML, SVG and PNG, JSON) reads the same values.

Colours are names of `reports.palette`, so that a figure can be drawn on light and on dark paper.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scalelaw.results import Finding

Floats = tuple[float, ...]
TickStyle = Literal["number", "count", "power"]
CROWD = 1000
"""Points of a figure from which each is drawn smaller and paler."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a table; the unit decides how it is written (`70.4B` parameters), with so many digits."""

    value: float
    unit: str = ""
    digits: int = 4


@dataclass(frozen=True, slots=True)
class Range:
    """Two ends of an interval in a table."""

    low: float
    high: float
    unit: str = ""


Cell = str | int | Quantity | Range | None
"""What a table holds; None is a value that does not exist."""


@dataclass(frozen=True, slots=True)
class Text:
    """Paragraphs."""

    name: str
    title: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under column names; `caption` says what the reader cannot see from them."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a careful reader should know, with its severity."""

    name: str
    title: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis with its limits.

    `ticks` says how numbers are written: plain, `10B`, or powers of ten; `at` says where, if not by the limits.
    """

    label: str
    low: float
    high: float
    unit: str = ""
    log: bool = False
    ticks: TickStyle = "number"
    at: Floats = ()

    @property
    def title(self) -> str:
        """The label with its unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


@dataclass(frozen=True, slots=True)
class Points:
    """Markers. `hover` holds one text a point, lines separated by a line break.

    A circle is drawn as its colour's own marker (see `reports.palette`); a diamond is large, for the few that matter.
    """

    x: Floats
    y: Floats
    label: str
    colour: str
    hover: tuple[str, ...] = ()
    symbol: Literal["circle", "diamond"] = "circle"


@dataclass(frozen=True, slots=True)
class Line:
    """A curve; without a label it stays out of the legend."""

    x: Floats
    y: Floats
    label: str
    colour: str
    hover: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Band:
    """The area between two curves over the same x."""

    x: Floats
    low: Floats
    high: Floats
    label: str
    colour: str


@dataclass(frozen=True, slots=True)
class Region:
    """A range of x, shaded over the whole height."""

    low: float
    high: float
    label: str
    colour: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A dashed line across the figure at one value of an axis."""

    at: float
    label: str
    colour: str
    axis: Literal["x", "y"] = "x"


Layer = Points | Line | Band | Region | Mark


@dataclass(frozen=True, slots=True)
class Figure:
    """Layers over two axes, drawn in order; `legend` is the legend's title."""

    name: str
    title: str
    caption: str
    x: Axis
    y: Axis
    layers: tuple[Layer, ...]
    legend: str = ""

    @property
    def crowded(self) -> bool:
        """Whether it holds so many points that they are drawn smaller and paler."""
        return sum(len(layer.x) for layer in self.layers if isinstance(layer, Points)) > CROWD


Section = Text | Table | Findings | Figure


@dataclass(frozen=True, slots=True)
class Rows:
    """A table too long for a page: columns of one length, written as `NAME.csv` beside the report."""

    name: str
    columns: Mapping[str, Sequence[object]]


@dataclass(frozen=True, slots=True)
class Report:
    """A title, sections in reading order, and what made them: data, law, objective, seeds, versions.

    Names of sections and rows become files and anchors: they are lower-case words joined by underscores, each used
    once. `rows` holds every run where figures draw only some. A page of something that is still going on loads itself
    again every `refresh_s` seconds; 0 is never.
    """

    title: str
    sections: tuple[Section, ...]
    provenance: Mapping[str, Cell]
    rows: tuple[Rows, ...] = ()
    refresh_s: int = 0

    def __post_init__(self) -> None:
        names = [part.name for part in (*self.sections, *self.rows)]
        odd = [name for name in names if not re.fullmatch("[a-z0-9_]+", name)]
        twice = [name for name in names if names.count(name) > 1]
        if odd or twice:
            raise ValueError(f"A report's sections need distinct names of a-z, 0-9 and _; found {(odd or twice)[0]!r}.")

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The sections that are figures."""
        return tuple(section for section in self.sections if isinstance(section, Figure))


@dataclass(frozen=True, slots=True)
class ReportKind:
    """A kind of report: its name, what it tells in one line, and the function that makes it."""

    name: str
    what: str
    make: Callable[..., Report]
