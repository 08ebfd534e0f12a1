"""A report's tables of numbers as LaTeX, for the booktabs package.

Names in a run table may be hostile: every character that TeX would act on is escaped where text enters.
"""

from __future__ import annotations

import re

from reports.base import Cell, Quantity, Range, Report, Table
from reports.wording import quantity, show, tidy
from scalelaw import __version__

MAX_ROWS = 50
"""Rows of a table that a page of a paper could hold; the JSON beside it has them all."""
LONG = 30
"""Letters from which a column is set in lines of fixed width."""
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "-": "{-}",  # two or three in a row would become a dash
    "×": r"$\times$",
    "−": "$-$",
    "–": "--",
    "…": r"\dots{}",
    "∞": r"$\infty$",
    "→": r"$\to$",
}
_ESCAPES = str.maketrans(_SPECIAL)
_SUPERSCRIPTS = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"
_RAISED = re.compile(f"[{_SUPERSCRIPTS}]+")
_DIGITS = str.maketrans(_SUPERSCRIPTS, "-0123456789")


def to_latex(report: Report) -> str:
    """Every table of numbers of the report, each a float of its own with caption and label."""
    tables = [section for section in report.sections if isinstance(section, Table) and _numeric(section)]
    head = f"% {_comment(report.title)}\n% Made by scalelaw {__version__}. In the preamble: \\usepackage{{booktabs}}"
    return "\n\n".join([head, *map(latex_table, tables)]) + "\n"


def latex_table(table: Table) -> str:
    """One table; numbers in math mode, intervals as `[low, high]`, a column of units where the table has one."""
    rows = table.rows[:MAX_ROWS]
    hidden = len(table.rows) - len(rows)
    notes = [table.title, table.caption, f"{hidden:,} more rows are not shown" if hidden else ""]
    caption = " ".join(f"{text(note).removesuffix('.')}." for note in notes if note)
    lines = [" & ".join(map(_cell, row)) + r" \\" for row in rows]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering\small",
            rf"\caption{{{caption}}}",
            rf"\label{{tab:{table.name.replace('_', '-')}}}",
            rf"\begin{{tabular}}{{{''.join(_column(table, i) for i in range(len(table.columns)))}}}",
            r"\toprule",
            " & ".join(map(text, table.columns)) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


def text(value: str) -> str:
    r"""Text that TeX sets as it is.

    >>> print(text(r"\input{/etc/passwd}$x_1$"))
    \textbackslash{}input\{/etc/passwd\}\$x\_1\$
    """
    return _RAISED.sub(_raise, tidy(value).translate(_ESCAPES))


def _raise(match: re.Match[str]) -> str:
    return f"$^{{{match.group().translate(_DIGITS)}}}$"


def _comment(value: str) -> str:
    return tidy(value)


def _numeric(table: Table) -> bool:
    return any(isinstance(cell, Quantity | Range) for row in table.rows for cell in row)


def _column(table: Table, i: int) -> str:
    shown = [row[i] for row in table.rows[:MAX_ROWS]]
    if any(isinstance(cell, Quantity | Range | int) for cell in shown):
        return "r"
    return r"p{0.3\linewidth}" if any(len(show(cell)) > LONG for cell in shown) else "l"


def _cell(cell: Cell) -> str:
    match cell:
        case Range(low, high, unit):
            return f"$[{_number(low, unit)}, {_number(high, unit)}]$"
        case Quantity(value, unit, digits):
            return f"${_number(value, unit, digits)}$"
        case _:
            return text(show(cell))


def _number(value: float, unit: str, digits: int = 4) -> str:
    r"""A number in math mode: 5.76×10²³ is `5.76\times 10^{23}`, 70.4B is `70.4\mathrm{B}`."""
    shown = quantity(value, unit, digits)
    if shown == "–":
        return r"\mbox{--}"
    shown = _RAISED.sub(lambda match: f"^{{{match.group().translate(_DIGITS)}}}", shown)
    shown = shown.replace("×", r"\times ").replace("−", "-").replace("∞", r"\infty").replace("+", "")
    return re.sub(r"([A-Za-z])$", r"\\mathrm{\1}", shown) if re.search(r"\d[kMBT]$", shown) else shown
