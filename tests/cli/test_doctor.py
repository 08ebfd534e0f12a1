"""`scalelaw doctor` says what is there, what is not, and fails where something is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scalelaw import doctor
from scalelaw.cli.main import app


def _answer() -> tuple[int, dict[str, dict[str, str]]]:
    done = CliRunner().invoke(app, ["doctor", "--format", "json"])
    return done.exit_code, {symptom["name"]: symptom for symptom in json.loads(done.stdout)["symptoms"]}


def test_a_sound_installation_is_healthy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALELAW_CACHE", str(tmp_path))
    code, found = _answer()
    assert code == 0
    assert found["a known fit"]["verdict"] == "ok"
    assert found["numpy"]["verdict"] == "ok"
    assert str(tmp_path) in found["cache"]["found"]


def test_a_cache_that_cannot_be_written_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SCALELAW_CACHE", str(tmp_path / "file" / "cache"))
    code, found = _answer()
    assert code == 1
    assert found["cache"]["verdict"] == "wrong"
    assert "SCALELAW_CACHE" in found["cache"]["remedy"]


def test_a_missing_extra_is_no_fault_and_names_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    there = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda package: None if package == "pyarrow" else there(package))
    found = next(symptom for symptom in doctor.examine() if symptom.name.startswith("parquet"))
    assert (found.verdict, found.found) == ("absent", "without pyarrow")
    assert found.remedy == "pip install 'scalelaw[parquet]'"


def test_every_extra_has_a_purpose() -> None:
    from importlib.metadata import metadata

    extras = set(metadata("scalelaw").get_all("Provides-Extra") or ())
    assert extras - {"all", "dev"} == set(doctor.PURPOSES)
