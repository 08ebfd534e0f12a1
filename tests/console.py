"""Console examples of a document: commands after a `$`, each with what it prints, run one after the other."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def fresh_checkout(folder: Path) -> Path:
    """The folder, with the data that ships: a place in which examples may write."""
    shutil.copytree(ROOT / "data", folder / "data")
    return folder


def console_examples(text: str) -> list[tuple[str, str]]:
    """Commands after a `$` in console blocks, each with what is shown below it."""
    blocks = re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL)
    pairs = [piece for block in blocks for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(head, body) for head, _, body in (piece.partition("\n") for piece in pairs)]


def run_example(command: str, folder: Path, *, notes: bool = False) -> tuple[int, str]:
    """Exit code and what the command prints in the folder; with `notes`, stderr among it. It has 80 columns."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        shell=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if notes else subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, "PATH": path, "COLUMNS": "80"},
    )
    return done.returncode, done.stdout


def as_shown(printed: str, shown: str) -> bool:
    """Whether a document shows what was printed; `...` stands for anything left out."""
    pattern = re.escape(shown.strip()).replace(re.escape("..."), ".*")
    return re.fullmatch(pattern, printed.strip(), flags=re.DOTALL) is not None


def dead_links(text: str, folder: Path) -> list[str]:
    """Links and pictures of a document in this folder that lead to no file."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text) + re.findall(r'src="(?!https?:)([^"]+)"', text)
    return [target for target in targets if not (folder / target).exists()]


def unknown_options(text: str) -> list[str]:
    """Options that a document gives to a command of `scalelaw` that has none of that name, run or not."""
    blocks = re.findall(r"```(?:console)?\n(.*?)```", text, flags=re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    written = [line for line in lines if line.startswith("scalelaw ")]
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    written += [" ".join(code.split()) for code in re.findall(r"`(scalelaw [^`]+)`", prose)]
    return [f"{line}: {option}" for line in written for option in _unknown(shlex.split(line, comments=True)[1:])]


def _unknown(words: list[str]) -> list[str]:
    from typer.main import get_command

    from scalelaw.cli.main import app

    command: Any = get_command(app)
    for word in words:
        if word not in getattr(command, "commands", {}):
            break
        command = command.commands[word]
    # a group that is given no command finds out which one is meant
    meant = [command, *getattr(command, "commands", {}).values()]
    known = {name for one in meant for option in one.params for name in option.opts} | {"--help"}
    return [word for word in words if word.startswith("-") and word not in known]
