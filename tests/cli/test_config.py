"""Defaults of options from a file: what they hold for, what goes before them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scalelaw.catalogue import shipped
from scalelaw.cli.main import app
from scalelaw.errors import DataError, UsageError


def _fit(*words: str, env: dict[str, str] | None = None) -> dict[str, object]:
    command = [*words, "fit", str(shipped("markov")), "--format", "json", "--quiet"]
    done = CliRunner().invoke(app, command, env=env, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def _write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.toml", '[fit]\nlaw = "k_power"\n'),
        ("c.yaml", "fit:\n  law: k_power\n"),
        ("c.json", '{"fit": {"law": "k_power"}}'),
        ("top.toml", 'law = "k_power"\n'),
    ],
)
def test_a_default_of_a_file_is_used_in_any_of_its_formats(name: str, text: str, tmp_path: Path) -> None:
    assert _fit("--config", _write(tmp_path / name, text))["law"] == "k_power"


def test_the_environment_names_a_file_and_the_command_line_goes_before_it(tmp_path: Path) -> None:
    env = {"SCALELAW_CONFIG": _write(tmp_path / "c.toml", 'law = "k_power"\n')}
    assert _fit(env=env)["law"] == "k_power"
    command = ["fit", str(shipped("markov")), "--law", "chinchilla", "--format", "json", "--quiet"]
    assert json.loads(CliRunner().invoke(app, command, env=env).stdout)["law"] == "chinchilla"


def test_an_option_that_may_be_repeated_takes_a_list(tmp_path: Path) -> None:
    text = 'hold = ["E=2.4", "beta=alpha"]\n'
    assert "E=2.4" in str(_fit("--config", _write(tmp_path / "c.toml", text))["law"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("boostrap_seed = 3\n", "did you mean bootstrap_seed"),
        ("[fti]\nlaw = 'k_power'\n", "did you mean fit"),
        ("[fit]\nhorizon = 3\n", "is no option of `scalelaw fit`"),
        ("bootstraps = -5\n", "bootstraps"),
        ("confidence = 95\n", "0 < c < 1"),
        ("workers = 'many'\n", "workers"),
        ("version = true\n", "version is no option"),
    ],
)
def test_a_setting_that_no_option_takes_is_refused_by_name(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        _fit("--config", _write(tmp_path / "c.toml", text))
    assert caught.value.code == "E_CONFIG"
    assert said in str(caught.value)
    assert "c.toml" in str(caught.value)


def test_a_file_that_is_not_there_is_a_question_of_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file of settings"):
        _fit("--config", str(tmp_path / "none.toml"))
