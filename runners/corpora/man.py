"""Technical prose: the manual pages of the Linux man-pages project, as they were written."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path

from runners.corpora._bytes import ByteCorpus
from runners.corpora._debian import files_of, version_of
from scalelaw.errors import DataError

PACKAGES = ("manpages", "manpages-dev")


class ManPages(ByteCorpus):
    """The roff sources of Debian's packages manpages and manpages-dev; pages that only name another are left out."""

    name = "man"
    source = "the Linux man-pages project, Debian packages manpages and manpages-dev"
    licence = "GPL-2+, some pages BSD, MIT or Linux man-pages copyleft (/usr/share/doc/manpages/copyright)"

    @property
    def version(self) -> str:
        """The packages'."""
        return ", ".join(map(version_of, PACKAGES))

    def files(self) -> Iterable[Path]:
        """Their compressed pages; `DataError` where the packages, or their pages, are not installed."""
        listed = (path for package in PACKAGES for path in files_of(package))
        found = [path for path in listed if "/man/man" in str(path) and path.suffix == ".gz" and path.is_file()]
        if not found:
            raise DataError(
                "E_NO_CORPUS",
                "the corpus man needs the manual pages of Linux",
                file="/usr/share/man",
                remedy="apt-get install manpages manpages-dev (slim images leave manual pages out: see "
                "/etc/dpkg/dpkg.cfg.d)",
            )
        return found

    def contents(self) -> Iterable[bytes]:
        """Each page's source."""
        pages = (gzip.decompress(path.read_bytes()) for path in self.files())
        return (page for page in pages if not page.startswith(b".so "))


KIND = ManPages()
