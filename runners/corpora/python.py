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
    source = f"standard library of {platform.python_implementation()} {platform.python_version()}"
    licence = "PSF-2.0"

    def files(self) -> Iterable[Path]:
        """Every .py file below the standard library, without what is installed into it."""
        root = Path(sysconfig.get_path("stdlib"))
        return (path for path in root.rglob("*.py") if "site-packages" not in path.parts)


KIND = PythonSources()
