"""Long work says on a terminal how far it is, and nowhere else."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scalelaw.cli import _output as output
from scalelaw.cli._progress import working

CODE = """
import sys
from scalelaw.cli._progress import working
with working(quiet="--quiet" in sys.argv) as say:
    say("looking")
    for done in (1, 2, 3):
        say("drawing [b]figures", done / 4)
print("data")
"""
COLOUR = re.compile(rb"\x1b\[[0-9;]*(3[0-7]|9[0-7])m")


def on_a_terminal(*arguments: str, **environment: str) -> tuple[bytes, bytes]:
    """What the code writes to stdout, a pipe, and to stderr, a terminal."""
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        env=kept | {"TERM": "xterm-256color", "COLUMNS": "80"} | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
    )
    os.close(theirs)
    said = b""
    while part := _read(ours):
        said += part
    os.close(ours)
    return done.stdout, said


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # Linux tells the end of a terminal so
        return b""


def test_a_terminal_is_told_what_is_done_and_how_long_is_left():
    data, said = on_a_terminal()
    assert data == b"data\n"
    assert b"drawing [b]figures" in said
    assert re.search(rb"about [\d.]+ (s|min) left", said)
    assert said.endswith(b"\x1b[2K")  # the line is wiped off
    assert COLOUR.search(said)


def test_no_color_is_honoured():
    assert not COLOUR.search(on_a_terminal(NO_COLOR="1")[1])


def test_quiet_is_silent_on_a_terminal_too():
    assert on_a_terminal("--quiet") == (b"data\n", b"")


@pytest.mark.parametrize("quiet", [False, True])
def test_a_pipe_is_told_nothing(quiet: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(output, "interactive", lambda: False)
    with working(quiet) as say:
        say("drawing", 0.5)
    assert capsys.readouterr() == ("", "")


def test_a_report_is_silent_in_a_pipe_and_names_its_files_on_stdout(tmp_path: Path):
    from tests.reports.examples import write_store

    words = ["report", str(write_store(tmp_path / "tune")), "-o", str(tmp_path / "page.json"), "--formats", "json"]
    done = subprocess.run([sys.executable, "-m", "scalelaw.cli", *words], capture_output=True, check=True)
    assert (done.stdout.decode(), done.stderr) == (f"{tmp_path / 'page.json'}\n", b"")
