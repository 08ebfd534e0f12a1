"""Every command of docs/walkthrough.md prints what the walk-through shows, from a folder of W&B files to a report."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from scalelaw.readers import read_runs
from tests.console import ROOT, as_shown, console_examples, dead_links, fresh_checkout, run_example, unknown_options

pytest.importorskip("torch", reason="the walk-through writes sweep files, which needs torch")

TEXT = (ROOT / "docs" / "walkthrough.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh checkout with `export.csv`, the table of its runs in the form in which W&B's page exports it."""
    folder = fresh_checkout(tmp_path_factory.mktemp("walkthrough"))
    runs = read_runs(folder / "data/walkthrough/wandb", loss="val_loss", n_tokens="tokens")
    columns = {
        "Name": runs.run_id,
        "State": runs.extras["state"],
        "n_params": runs.n_params.tolist(),
        "n_tokens": runs.extras["n_tokens (as logged)"],
        "tokens": runs.n_tokens.tolist(),
        "train_loss": runs.extras["train_loss"],
        "val_loss": runs.loss.tolist(),
    }
    with (folder / "export.csv").open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, quoting=csv.QUOTE_ALL)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return folder


def test_every_command_prints_what_the_walkthrough_shows(workplace: Path) -> None:
    """In order, with what goes to stderr; a command fails where, and only where, the text shows its error."""
    examples = console_examples(TEXT)
    assert examples
    for command, shown in examples:
        code, printed = run_example(command, workplace, notes=True)
        refused = any(line.startswith("scalelaw: ") for line in shown.splitlines())
        assert (code != 0) == refused, f"$ {command}\nexit code {code}\n{printed}"
        assert as_shown(printed, shown), f"$ {command}\n{printed}"


def test_commands_that_are_only_named_have_the_options_they_are_given() -> None:
    assert unknown_options(TEXT) == []
    assert unknown_options("`scalelaw fit runs.csv --lawn k_power`") == ["scalelaw fit runs.csv --lawn k_power: --lawn"]


def test_links_to_files_lead_somewhere() -> None:
    assert dead_links(TEXT, ROOT / "docs") == []
