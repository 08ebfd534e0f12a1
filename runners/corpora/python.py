"""Code: the sources of the interpreter's own standard library, tests included."""

from __future__ import annotations

import platform
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from runners.corpora._bytes import ByteCorpus


class PythonSources(ByteCorpus):
    """The bytes of every .py file of the standard library; its content follows the interpreter's version."""

    name = "python"
    source = "the interpreter's standard library, its tests included"
    licence = "PSF-2.0"

    @property
    def version(self) -> str:
        """The interpreter's."""
        return f"{platform.python_implementation()} {platform.python_version()}"

    def files(self) -> Iterable[Path]:
        """Every .py file below the standard library, without what is installed into it."""
        root = Path(sysconfig.get_path("stdlib"))
        return (path for path in root.rglob("*.py") if "site-packages" not in path.parts)


KIND = PythonSources()
