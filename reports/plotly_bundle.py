"""The JavaScript that known a report's figures, to be inlined; a report never needs a network.

`python -m reports.plotly_bundle` puts plotly's cartesian bundle, a third of the full one, into the cache. Without it
the full bundle that the plotly package ships is used.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from scalelaw.errors import MissingExtraError

PACKAGE, VERSION = "plotly.js-cartesian-dist-min", "4.1.1"
FILE = "plotly-cartesian.min.js"
URL = f"https://cdn.jsdelivr.net/npm/{PACKAGE}@{VERSION}/{FILE}"
SHA256 = "79542150855a52c567260e3137095dbe2b744e6d702a5cabe67da246942fba7a"
TIMEOUT_S = 60


def source() -> str:
    """plotly.js: the cartesian bundle if the cache has it intact, else the plotly package's own."""
    content = _intact(_cached())
    if content is not None:
        return content.decode("utf-8")
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise MissingExtraError("The HTML report", "report") from None
    return str(get_plotlyjs())


def _folder() -> Path:
    chosen = os.environ.get("SCALELAW_CACHE")
    if chosen:
        return Path(chosen)
    try:
        import pooch
    except ImportError:
        raise MissingExtraError("The HTML report", "report") from None
    return Path(pooch.os_cache("scalelaw"))


def _cached() -> Path:
    return _folder() / f"{VERSION}-{FILE}"


def _intact(path: Path) -> bytes | None:
    """The file's bytes where it exists and its sha256 is the known one."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    return content if hashlib.sha256(content).hexdigest() == SHA256 else None


def fetch() -> str:
    """Put the cartesian bundle into the cache; what happened, as a sentence."""
    path = _cached()
    if _intact(path) is not None:
        return f"{path} is there already."
    for how, way in (("downloaded", _by_pooch), ("unpacked from npm", _by_npm)):
        if way(path):
            return f"{path} was {how} and its sha256 verified."
    return "Neither the download nor npm worked; reports will use the full bundle of the plotly package."


def _by_pooch(path: Path) -> bool:
    import pooch

    pooch.get_logger().setLevel("ERROR")
    downloader = pooch.HTTPDownloader(timeout=TIMEOUT_S)
    try:
        pooch.retrieve(URL, f"sha256:{SHA256}", path.name, path.parent, downloader=downloader)
    # A closed network raises requests' errors, which derive from OSError; a wrong checksum raises ValueError.
    except (OSError, ValueError):
        return False
    return True


def _by_npm(path: Path) -> bool:
    """Have npm fetch its own package and read the one member; nothing is extracted or run."""
    npm = shutil.which("npm")
    if npm is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", "--ignore-scripts", f"{PACKAGE}@{VERSION}"]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=TIMEOUT_S)
        except (OSError, subprocess.SubprocessError):
            return False
        content = _member(next(Path(folder).glob("*.tgz")))
    if content is None or hashlib.sha256(content).hexdigest() != SHA256:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return True


def _member(archive: Path) -> bytes | None:
    with tarfile.open(archive) as tar:
        member = tar.extractfile(f"package/{FILE}")
        return member.read() if member else None


if __name__ == "__main__":
    sys.stdout.write(fetch() + "\n")
