"""Prose: the sources of the Python documentation, reStructuredText."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from runners.corpora._bytes import ByteCorpus
from runners.corpora._debian import version_of
from scalelaw.errors import DataError


class PythonDocs(ByteCorpus):
    """The bytes of the documentation's `_sources`, as Debian's package python3-doc installs them.

    `SCALELAW_DOCS` names another folder of .txt, .rst or .md files.
    """

    name = "docs"
    source = "the Python documentation's reStructuredText sources"
    licence = "PSF-2.0, examples 0BSD"

    @property
    def version(self) -> str:
        """The package's."""
        return version_of("python3-doc")

    def files(self) -> Iterable[Path]:
        """Text files of the folder; `DataError` says how to get them where there is none."""
        named = os.environ.get("SCALELAW_DOCS")
        folders = [Path(named)] if named else sorted(Path("/usr/share/doc").glob("python3*/html/_sources"))
        found = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".txt", ".rst", ".md")]
        if not found:
            raise DataError(
                "E_NO_CORPUS",
                "the corpus docs needs the sources of the Python documentation",
                file=named or "/usr/share/doc/python3*/html/_sources",
                remedy="apt-get install python3-doc, or set SCALELAW_DOCS to a folder of text files",
            )
        return found

    def facts(self) -> Mapping[str, object]:
        """Another folder's text is not said to be the documentation."""
        named = os.environ.get("SCALELAW_DOCS")
        elsewhere = {"source": f"text files of {named}", "licence": "not stated", "version": "as found"}
        return {**super().facts(), **(elsewhere if named else {})}


KIND = PythonDocs()
