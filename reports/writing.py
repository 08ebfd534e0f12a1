"""A report on disk: a page, its numbers beside it, its figures in a folder; each file whole or not there at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

from reports.base import Report
from reports.data import to_json
from reports.delimited import to_csv
from scalelaw.errors import MissingExtraError, UsageError

PAGES = ("html", "md", "json", "tex")
FIGURES = ("svg", "png", "pdf")
FORMATS = (*PAGES, "csv", *FIGURES)
"""html, md: the page. json: every number. tex: tables of numbers. csv: every run. svg, png, pdf: the figures."""
DEFAULT = ("html", "json", "csv", "svg", "png")
ROWS = ("runs", "curves")
"""What a report may hold as rows beside the page."""
Drawn = Callable[[int, int], object] | None


def chosen(text: str) -> tuple[str, ...]:
    """Formats from a text such as `html,md` or `all`.

    Raises:
        UsageError: for an unknown format, or for none.
    """
    names = tuple(dict.fromkeys(name.strip().lower().removeprefix(".") for name in text.split(",") if name.strip()))
    if names == ("all",):
        return FORMATS
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        found = f"format {unknown[0]!r}" if unknown else "no format"
        raise UsageError(f"Reports are written as {', '.join(FORMATS)} or all; found {found}.")
    return names


def write_report(report: Report, path: str | Path, formats: Iterable[str] = DEFAULT, drawn: Drawn = None) -> list[Path]:
    """Write `NAME.html` and what stands beside it; the files written, in the order of `FORMATS`.

    Beside the page stand `NAME.md`, `NAME.json`, `NAME.tex`, `NAME_ROWS.csv` and the figures as
    `NAME_figures/FIGURE.svg`, `.png` and `.pdf`. A Markdown page brings the SVGs that it shows. Everything is rendered
    before anything is written.

    Args:
        report: what is written.
        path: the page, `NAME.html`; without one, `NAME` may also end in the first of the formats asked for.
        formats: some of `FORMATS`.
        drawn: called with how many figures are drawn, of how many.

    Raises:
        UsageError: for another ending, or an unknown format.
        MissingExtraError: where matplotlib or plotly is not installed.
    """
    formats = chosen(",".join(formats))
    page = Path(path)
    first = next((form for form in PAGES if form in formats), formats[0])
    if page.suffix.lower() not in (".html", f".{first}"):
        better = page.with_suffix(f".{first}").name
        raise UsageError(f"A report is an .{first} file; found {str(path)!r}. Next: name it {better}.")
    contents = _rendered(report, page, formats, drawn)
    for file, content in contents.items():
        _write(file, content)
    return list(contents)


def files_of(page: Path, formats: Iterable[str]) -> list[Path]:
    """The files that stand beside a page, itself among them; the figures are in a folder of their own."""
    pages = [page.with_suffix(f".{form}") for form in PAGES if form in formats]
    return pages + [page.with_name(f"{page.stem}_{name}.csv") for name in ROWS if "csv" in formats]


def _rendered(report: Report, page: Path, formats: tuple[str, ...], drawn: Drawn) -> dict[Path, bytes]:
    folder = page.with_name(f"{page.stem}_figures")
    forms = [form for form in FIGURES if form in formats or (form == "svg" and "md" in formats)]
    figures = _drawn(report, folder, forms, drawn)
    rows = {page.with_name(f"{page.stem}_{rows.name}.csv"): to_csv(rows) for rows in report.rows if "csv" in formats}
    names = {form: page.with_suffix(f".{form}") for form in PAGES if form in formats}
    beside = [path.name for path in (*names.values(), *rows) if path.suffix != ".html"]
    pages = {
        names[form]: _page(form, report, folder.name, [*beside, f"{folder.name}/"] if figures else beside)
        for form in names
    }
    return {path: text.encode() for path, text in (pages | rows).items()} | figures


def _page(form: str, report: Report, figures: str, beside: list[str]) -> str:
    """The report as text in one of `PAGES`; each imports what it needs."""
    match form:
        case "html":
            from reports.html import to_html

            return to_html(report, beside)
        case "md":
            from reports.markdown import to_markdown

            return to_markdown(report, figures)
        case "tex":
            from reports.latex import to_latex

            return to_latex(report)
        case _:
            return to_json(report)


def _drawn(report: Report, folder: Path, forms: list[str], told: Drawn) -> dict[Path, bytes]:
    if not forms:
        return {}
    # Imported here: matplotlib is an optional part, and half a second.
    try:
        from reports import figures as drawing
    except ImportError:
        raise MissingExtraError("A figure", "report") from None
    files: dict[Path, bytes] = {}
    for i, figure in enumerate(report.figures, 1):
        contents = drawing.drawn(figure, forms)
        files |= {folder / f"{figure.name}.{form}": content for form, content in contents.items()}
        if told:
            told(i, len(report.figures))
    return files


def _write(path: Path, content: bytes) -> None:
    """Through a new file of an unguessable name in the same folder, which then takes the path's place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with part.open("xb") as file:
            file.write(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
