"""What an error proposes can be given to the command that printed it, and tables keep to 80 columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from scalelaw.cli.main import app
from scalelaw.errors import DataError


def scalelaw(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [*map(str, words)], env={"COLUMNS": "80"})


@pytest.fixture(scope="module")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 runs with long names and two losses, of a Chinchilla law."""
    path = tmp_path_factory.mktemp("ladder") / "ladder.csv"
    noise = np.exp(0.01 * np.random.default_rng(0).normal(size=24))
    sizes = [(n, d) for n in np.geomspace(1e6, 1e8, 6) for d in np.geomspace(1e8, 1e10, 4)]
    losses = [(1.7 + 300 * n**-0.34 + 400 * d**-0.28) * e for (n, d), e in zip(sizes, noise, strict=True)]
    rows = [
        f"a-very-long-name-of-a-run-{i:02d},{n},{d},{loss},{loss + 0.1}"
        for i, ((n, d), loss) in enumerate(zip(sizes, losses, strict=True))
    ]
    path.write_text("\n".join(["run,N,D,train_loss,val_loss", *rows, ""]))
    return path


@pytest.mark.parametrize("words", [["fit"], ["compare"], ["backtest"], ["check", "runs"]])
def test_every_command_that_refuses_an_ambiguous_loss_takes_the_option_it_proposes(
    ladder: Path, words: list[str]
) -> None:
    refused = scalelaw(*words, ladder)
    assert isinstance(refused.exception, DataError)
    assert "--loss 'val_loss'" in str(refused.exception)
    done = scalelaw(*words, ladder, "--loss", "val_loss")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("words", [["check", "runs"], ["backtest"]])
def test_tables_with_names_of_runs_keep_to_80_columns(ladder: Path, words: list[str]) -> None:
    lines = scalelaw(*words, ladder, "--loss", "val_loss").stdout.split("\nchinchilla fitted")[0].splitlines()
    assert len(lines) > 8
    assert max(map(len, lines)) <= 80


def test_an_interval_that_cannot_be_had_leaves_the_estimate_and_a_narrow_table(ladder: Path, tmp_path: Path) -> None:
    """All runs in one group: nothing tells how groups differ."""
    path = tmp_path / "grouped.csv"
    header, *rows = ladder.read_text().splitlines()
    path.write_text("\n".join([f"{header},group", *(f"{row},one" for row in rows), ""]))
    shown = scalelaw("fit", path, "--loss", "val_loss", "--quiet").stdout
    alpha = next(line for line in shown.splitlines() if line.startswith("alpha"))
    assert alpha.split()[2:] == ["not", "available"]
    assert float(alpha.split()[1]) > 0
    assert "           not available: some part of the law rests on one group" in shown
