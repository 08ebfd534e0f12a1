"""A real browser with no network draws every figure, without an error and without a sideways scroll on a phone."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from reports import Report, write_report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
FLAGS += ["--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--virtual-time-budget=8000"]
FLAGS += ["--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--dump-dom"]
PHONE = 390

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH: pages are not drawn")


def rendered(page: Path, profile: Path) -> tuple[str, str]:
    """The document after its scripts ran, and the console's messages; name look-up is blocked."""
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout, "\n".join(re.findall(r".*CONSOLE.*", done.stderr))


@pytest.mark.parametrize("which", ["report", "hostile_report"])
def test_every_figure_is_drawn_without_a_message(which: str, request: pytest.FixtureRequest, tmp_path: Path):
    report: Report = request.getfixturevalue(which)
    page = write_report(report, tmp_path / "page.html")[0]
    dom, console = rendered(page, tmp_path / "profile")
    body = re.sub(r"<script.*?</script>", "", dom, flags=re.DOTALL)
    plots = re.split(r'id="plot-', body)[1:]
    assert len(plots) == len(report.figures)
    assert all('class="main-svg"' in plot for plot in plots)
    assert console == ""
    assert "<img" not in body


def test_the_page_does_not_scroll_sideways_on_a_phone(written: list[Path], tmp_path: Path):
    """The page stands in a frame of a phone's width and tells its own width; its policy is lifted for the probe."""
    probe = "<script>setTimeout(() => parent.postMessage(document.documentElement.scrollWidth, '*'), 1000)</script>"
    content = re.sub(r"<meta http-equiv=.*?>", "", written[0].read_text(encoding="utf-8"))
    (tmp_path / "page.html").write_text(content.replace("</body>", f"{probe}</body>"), encoding="utf-8")
    frame = tmp_path / "frame.html"
    listen = "<script>addEventListener('message', (e) => { document.title = 'width ' + e.data; })</script>"
    frame.write_text(f"{listen}<iframe src=page.html width={PHONE} height=800 frameborder=0></iframe>")
    dom, _ = rendered(frame, tmp_path / "profile")
    assert f"<title>width {PHONE}</title>" in dom
