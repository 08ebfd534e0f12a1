"""Help tells every command's whole sentence, and tables write numbers without powers of ten."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from scalelaw.cli.main import app


def groups() -> Iterator[tuple[str, ...]]:
    """The words of every group of commands."""
    yield ()
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            yield (name,)


@pytest.mark.parametrize("words", list(groups()), ids=lambda words: " ".join(words) or "scalelaw")
def test_no_description_of_a_command_is_cut_off(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "80"})
    assert done.exit_code == 0
    assert "Commands:" in done.stdout
    assert "..." not in done.stdout.split("Commands:")[1]
    assert max(map(len, done.stdout.splitlines())) <= 80


def commands() -> Iterator[tuple[str, ...]]:
    """The words of every command."""
    for words in groups():
        group = get_command(app)
        for word in words:
            group = group.commands[word]  # type: ignore[attr-defined]
        for name, command in group.commands.items():  # type: ignore[attr-defined]
            if not hasattr(command, "commands"):
                yield (*words, name)


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_explains_its_options_and_gives_an_example(words: tuple[str, ...]) -> None:
    command = get_command(app)
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    assert [parameter.name for parameter in command.params if not parameter.help] == []  # type: ignore[attr-defined]
    examples = [line for line in (command.help or "").splitlines() if line.startswith("scalelaw ")]
    assert examples
    done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "80"})
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_number_with_more_digits_than_are_shown_gets_a_suffix() -> None:
    from scalelaw.cli._output import shown

    assert [shown(value, 3) for value in (999.4, 999.6, 6224, -55_540)] == ["999", "1k", "6.22k", "-55.5k"]
    assert [shown(value) for value in (0.01562, 9999, 9999.7)] == ["0.01562", "9999", "10k"]
