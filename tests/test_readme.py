"""Every example of the README runs and prints what the README says, and its picture is the one the report draws."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def console_examples() -> list[tuple[str, str]]:
    """Commands after a `$` in console blocks, each with the stdout shown below it."""
    blocks = re.findall(r"```console\n(.*?)```", TEXT, flags=re.DOTALL)
    pairs = [piece for block in blocks for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(head, body) for head, _, body in (piece.partition("\n") for piece in pairs)]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like a fresh checkout, in which examples may write."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "data", folder / "data")
    return folder


def test_console_examples_print_what_the_readme_shows(workplace: Path) -> None:
    """In order, since later examples use files that earlier ones save. `...` stands for lines left out."""
    examples = console_examples()
    assert examples
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command, expected in examples:
        done = subprocess.run(
            command, shell=True, capture_output=True, text=True, cwd=workplace, env={**os.environ, "PATH": path}
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        pattern = re.escape(expected.strip()).replace(re.escape("..."), ".*")
        assert re.fullmatch(pattern, done.stdout.strip(), flags=re.DOTALL), f"$ {command}\n{done.stdout}"


def test_python_examples_print_what_the_readme_shows(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)
    blocks = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    example = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "README.md", "README.md", 0)
    assert example.examples
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(example)
    assert runner.failures == 0


def test_links_to_files_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", TEXT) + re.findall(r'src="(?!https?:)([^"]+)"', TEXT):
        assert (ROOT / target).exists(), target
