"""Every broken file of the corpus is answered with its code, and the message says what it must."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scalelaw.errors import DataError
from scalelaw.readers import read_runs

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "bad_inputs"
CATEGORIES = ("clean", "file", "value", "unit")
ALSO = ("d_duplicate_rows.csv", "d_duplicate_conflict.csv", "d_seeds.csv", "s_gzip_bomb.csv.gz")
BIG = "big_1e6_rows.csv"

NOT_YET = {
    "f_one_row.csv": "E_TOO_FEW",  # a question to a law
    "f_10000_columns.csv": "E_TOO_FEW",  # a question to a law
    "v_constant_loss.csv": "E_NO_VARIATION",  # a question to a fit
    "u_loss_mixed_bits_nats.csv": "W_MIXED_UNITS",  # seen in the residuals of a fit
    "u_two_tokenizers.csv": "W_GROUPS",  # a check of a table
}
"""Entries that reading alone does not meet, with the code that is still owed."""


def _index() -> list[dict[str, str]]:
    if not CORPUS.is_dir():
        return []
    with (CORPUS / "index.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    return [row for row in rows if row["file"] != BIG and (row["category"] in CATEGORIES or row["file"] in ALSO)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The broken files, made afresh."""
    folder = tmp_path_factory.mktemp("bad_inputs")
    subprocess.run([sys.executable, CORPUS / "make_bad_inputs.py", folder], check=True, capture_output=True)
    return folder


def _answer(path: Path) -> tuple[str, str]:
    """The first code and all that was said, reading the file for a law of N and D."""
    try:
        table = read_runs(path)
        table.require("n_params")
        table.require("n_tokens")
    except DataError as error:
        return error.code, str(error)
    return (table.notes[0].code if table.notes else "-"), " ".join(note.message for note in table.notes)


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no folder {CORPUS}: the corpus is not at hand")
@pytest.mark.parametrize("entry", _index(), ids=lambda entry: entry["file"])
def test_a_broken_file_is_answered_with_its_code(entry: dict[str, str], corpus: Path) -> None:
    code, said = _answer(corpus / entry["file"])
    if entry["file"] in NOT_YET:
        assert entry["code"] == NOT_YET[entry["file"]]
        assert code != entry["code"], "met now: take it out of NOT_YET"
        return
    assert code == entry["code"], said
    if code != "-":
        missing = [phrase for phrase in _phrases(entry) if phrase not in said]
        assert not missing, said


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no folder {CORPUS}: the corpus is not at hand")
@pytest.mark.parametrize("entry", [row for row in _index() if row["expect"] == "ok"], ids=lambda entry: entry["file"])
def test_an_oddly_written_file_holds_the_same_runs(entry: dict[str, str], corpus: Path) -> None:
    clean = read_runs(corpus / ("clean.jsonl" if entry["file"].endswith(".jsonl") else "clean.csv"))
    table = read_runs(corpus / entry["file"])
    for name in ("n_params", "n_tokens", "flops"):
        np.testing.assert_allclose(getattr(table, name), getattr(clean, name), rtol=1e-9)
    rounding = 1e-6 if entry["code"] == "I_BITS" else 1e-9  # the file in bits was rounded to six decimals
    np.testing.assert_allclose(table.loss, clean.loss, rtol=rounding)


def _phrases(entry: dict[str, str]) -> list[str]:
    """What the message must say; how much memory may be used is no part of it."""
    phrases = [phrase.strip() for phrase in entry["must_mention"].split(";")]
    return [phrase.replace("file name", entry["file"]) for phrase in phrases if phrase and not phrase.startswith("RSS")]
