"""A report on disk: one HTML page, its numbers as JSON beside it, its figures as SVG and PNG in a folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from reports.base import Report
from reports.data import to_json
from reports.html import to_html
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
        raise UsageError(
            f"A report is an .html file; found {str(path)!r}. Next: name it {page.with_suffix('.html').name}."
        )
    contents = {page: to_html(report).encode(), page.with_suffix(".json"): to_json(report).encode()}
    contents |= _drawings(report, page.with_name(f"{page.stem}_figures"))
    for file, content in contents.items():
        _write(file, content)
    return list(contents)


def _drawings(report: Report, folder: Path) -> dict[Path, bytes]:
    try:
        from reports.figures import png, svg
    except ImportError:
        raise MissingExtraError("Drawing figures", "report") from None
    drawings: dict[Path, bytes] = {}
    for figure in report.figures:
        drawings |= {folder / f"{figure.name}.svg": svg(figure), folder / f"{figure.name}.png": png(figure)}
    return drawings


def _write(path: Path, content: bytes) -> None:
    """Through a file of an unguessable name in the same folder, opened exclusively, that then takes the path's place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with part.open("xb") as file:
            file.write(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
