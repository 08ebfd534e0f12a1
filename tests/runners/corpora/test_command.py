"""`scalelaw corpora` lists, describes and packs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from runners.corpora import CORPORA
from scalelaw.cli.main import app


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["corpora", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_kind_is_listed() -> None:
    listed = json.loads(run("list", "--format", "json"))["corpora"]
    assert len(listed) == len(CORPORA.names())
    assert all(row["corpus"].startswith(name) for row, name in zip(listed, CORPORA.names(), strict=True))
    assert all(row["what"] for row in listed)


def test_a_source_of_known_entropy_shows_it() -> None:
    facts = json.loads(run("show", "chain:order=1|vocab=4", "--context", "16", "--format", "json"))
    assert facts["least_loss_at_context_16"] == CORPORA["chain:order=1|vocab=4"].entropy(16)
    assert facts["outputs"] == 4


def test_the_least_loss_of_what_has_no_context_names_none() -> None:
    facts = json.loads(run("show", "random_features", "--format", "json"))
    assert facts["least_loss"] == CORPORA["random_features"].entropy(1)


def test_text_is_packed_shown_and_its_overlap_measured(tmp_path: Path) -> None:
    folder = tmp_path / "text"
    folder.mkdir()
    shared = "this sentence of more than sixty-four letters is the same in every document of the folder. "
    for number in range(100):
        (folder / f"{number}.txt").write_text(f"{number} {shared} " + chr(97 + number % 26) * number)
    name = run("pack", str(folder), "--out", str(tmp_path / "out"), "--licence", "MIT", "--quiet").strip()
    assert name == f"shards:{tmp_path / 'out'}"
    facts = json.loads(run("show", name, "--format", "json"))
    assert (facts["outputs"], facts["licence"]) == (256, "MIT")
    assert 0.1 < facts["overlap"] < 0.9
    assert "overlap" in run("show", name)


def test_packing_twice_into_one_folder_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("some text")
    arguments = ["corpora", "pack", str(tmp_path / "a.txt"), "--out", str(tmp_path / "out"), "--quiet"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert "holds a corpus already" in str(CliRunner().invoke(app, arguments).exception)


def test_packing_with_a_bpe_keeps_its_tokenizer(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    folder = tmp_path / "text"
    folder.mkdir()
    for number in range(100):
        (folder / f"{number}.txt").write_text(f"document {number} of the folder of documents, " * 5)
    name = run("pack", str(folder), "--out", str(tmp_path / "out"), "--bpe", "280", "--quiet").strip()
    facts = json.loads(run("show", name, "--format", "json"))
    assert facts["outputs"] == 280
    assert facts["bytes_per_token"] > 1.2
    again = run("pack", str(folder), "--out", str(tmp_path / "again"), "--quiet", "--tokenizer",
                str(tmp_path / "out" / "tokenizer.json")).strip()  # fmt: skip
    assert json.loads(run("show", again, "--format", "json"))["sha256"] == facts["sha256"]
