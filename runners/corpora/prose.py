"""Prose: a book, The Debian Administrator's Handbook, in plain text."""

from __future__ import annotations

from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path

from runners.corpora._bytes import ByteCorpus
from runners.corpora._debian import version_of
from scalelaw.errors import DataError

FOLDER = Path("/usr/share/doc/debian-handbook/html/en-US")


class Handbook(ByteCorpus):
    """The sections of the English book as Debian's package debian-handbook installs them, without their markup."""

    name = "prose"
    source = "The Debian Administrator's Handbook, R. Hertzog and R. Mas, English text"
    licence = "CC BY-SA 3.0 or GPL-2+"

    @property
    def version(self) -> str:
        """The package's."""
        return version_of("debian-handbook")

    def files(self) -> Iterable[Path]:
        """The book's pages; `DataError` says how to get them where there is none."""
        found = list(FOLDER.rglob("*.html"))
        if not found:
            raise DataError(
                "E_NO_CORPUS",
                "the corpus prose needs The Debian Administrator's Handbook",
                file=FOLDER,
                remedy="apt-get install debian-handbook, or use text of your own: files:PATH",
            )
        return found

    def contents(self) -> Iterable[bytes]:
        """The text of each page."""
        return (plain(path.read_text(encoding="utf-8")).encode() for path in self.files())


class _Plain(HTMLParser):
    """Collects text; a block's end ends a line. Lists of links that repeat on every page are left out."""

    BLOCKS = frozenset({"p", "div", "li", "pre", "h1", "h2", "h3", "h4", "h5", "tr", "dt", "dd", "title"})
    VOID = frozenset({"br", "img", "link", "meta", "hr", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._skipped: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.parts.append("\n")
        if tag not in self.VOID:
            names = dict(attrs)
            skipped = tag in ("head", "script", "style") or "docnav" in (names.get("class") or "")
            self._skipped.append(skipped or names.get("id") in ("banner", "title") or self._inside)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.BLOCKS:
            self.parts.append("\n")
        if tag not in self.VOID and self._skipped:
            self._skipped.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.parts.append(data)

    @property
    def _inside(self) -> bool:
        return bool(self._skipped) and self._skipped[-1]


def plain(page: str) -> str:
    """The text of an HTML page, blank lines once."""
    parser = _Plain()
    parser.feed(page)
    lines = [line.rstrip().lstrip("\t") for line in "".join(parser.parts).splitlines()]
    kept = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
    return "\n".join(kept) + "\n"


KIND = Handbook()
