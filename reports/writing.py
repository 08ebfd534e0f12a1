"""A report on disk: one HTML page, its numbers as JSON beside it, its figures as SVG and PNG in a folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from reports.base import Report
from reports.data import to_json
from scalelaw.errors import MissingExtraError, UsageError


def write_report(report: Report, path: str | Path) -> list[Path]:
    """Write `NAME.html`, `NAME.json` and `NAME_figures/FIGURE.svg` and `.png`; the files written, page first.

    Everything is rendered before anything is written, and each file appears whole or not at all.

    Raises:
        UsageError: for a path that does not end in `.html`.
        MissingExtraError: where matplotlib or plotly is not installed.
    """
    page = Path(path)
    if page.suffix.lower() != ".html":
        better = page.with_suffix(".html").name
        raise UsageError(f"A report is an .html file; found {str(path)!r}. Next: name it {better}.")
    contents = _rendered(report, page)
    for file, content in contents.items():
        _write(file, content)
    return list(contents)


def _rendered(report: Report, page: Path) -> dict[Path, bytes]:
    # Imported here: the renderers need an optional part, and half a second.
    try:
        from reports.figures import png, svg
    except ImportError:
        raise MissingExtraError("A report", "report") from None
    from reports.html import to_html

    contents = {page: to_html(report).encode(), page.with_suffix(".json"): to_json(report).encode()}
    folder = page.with_name(f"{page.stem}_figures")
    for figure in report.figures:
        contents |= {folder / f"{figure.name}.svg": svg(figure), folder / f"{figure.name}.png": png(figure)}
    return contents


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
