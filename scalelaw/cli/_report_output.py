"""Where a report goes: what is written, told before anything is computed, and the page opened in the browser."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from scalelaw.cli import _output as output
from scalelaw.cli._progress import working
from scalelaw.cli._report_kinds import kind_of

if TYPE_CHECKING:
    from reports.base import Report


def formats_of(formats: str | None, open_: bool, out: Path, *sources: Path) -> tuple[str, ...]:
    """What to write, told before anything is computed.

    Raises:
        UsageError: for an unknown format, for `--open` without a page, and where a source would be overwritten.
        MissingExtraError: where what draws and writes reports is not installed.
    """
    from importlib.util import find_spec

    from reports.writing import DEFAULT, FIGURES, chosen, files_of
    from scalelaw.errors import MissingExtraError, UsageError

    wanted = chosen(formats) if formats else DEFAULT
    if {*FIGURES, "md"} & set(wanted) and find_spec("matplotlib") is None:
        raise MissingExtraError("A report", "report")
    if open_ and "html" not in wanted:
        raise UsageError("--open opens the page, which is not among the --formats. Next: add html.")
    written = {path.resolve(): path for path in files_of(out, wanted)}
    for source in sources:
        if source.resolve() in written:
            noun = "the fit" if kind_of(source) == "fit" else "the file"
            raise UsageError(
                f"{written[source.resolve()]}, which stands beside the page, would overwrite {noun} {source}. "
                "Next: give --out another name."
            )
    return wanted


def publish(
    report: Report, out: Path, formats: Iterable[str], open_: bool, quiet: bool = False, named: bool = True
) -> None:
    """Write the report, name its files on stdout, and open it where asked to."""
    from reports import write_report

    with working(quiet) as say:
        written = write_report(report, out, formats, lambda done, total: say("drawing figures", done / total))
    if named:
        for path in written:
            typer.echo(str(path))
    if open_:
        import webbrowser

        page = next(path for path in written if path.suffix == ".html").resolve()
        if not webbrowser.open(page.as_uri()):
            output.note(f"No browser could be opened; the page is {page}")
