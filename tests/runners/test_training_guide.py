"""The guide to training is true: its fields, its sweeps and its commands exist."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

pytest.importorskip("torch")

from typer.main import get_command

from runners.spec import TrainSpec
from runners.sweeps import Sweep
from scalelaw.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
GUIDE, README = (ROOT.joinpath(name).read_text(encoding="utf-8") for name in ("docs/training.md", "README.md"))
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", GUIDE, re.DOTALL)
SWEEPS = re.findall(r"```toml\n(.*?)```", GUIDE + README, re.DOTALL)


def test_every_field_of_a_spec_is_described() -> None:
    table = GUIDE.split("## Fields")[1].split("## One trunk")[0]
    described = {
        name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert described == {field.name for field in fields(TrainSpec)}


@pytest.mark.parametrize("toml", SWEEPS)
def test_every_sweep_loads_as_it_stands(toml: str, tmp_path: Path) -> None:
    (tmp_path / "sweep.toml").write_text(toml)
    assert len(Sweep.load(tmp_path / "sweep.toml").specs) > 1


@pytest.mark.parametrize(
    "line",
    [line for kind, text in BLOCKS if not kind for line in text.splitlines()],
    ids=lambda line: line[:60].strip(),
)
def test_every_command_and_option_exists(line: str) -> None:
    command, words = get_command(app), shlex.split(line, comments=True)[1:]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known
