"""YAML of settings: plain data, and nothing that two readers of YAML read differently."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalelaw.errors import DataError
from scalelaw.yaml_file import read_yaml

FILE = Path("settings.yaml")


def test_plain_data_are_read_as_yaml_1_2_does() -> None:
    text = "budget: 1e21\nlr: 3e-4\nn: -7\nname: chinchilla\nquoted: '012'\nnothing: ~\n"
    text += "flags: [true, false]\nin: {a: .5}\n"
    assert read_yaml(FILE, text) == {
        **{"budget": 1e21, "lr": 3e-4, "n": -7, "name": "chinchilla", "quoted": "012", "nothing": None},
        **{"flags": [True, False], "in": {"a": 0.5}},
    }


def test_an_empty_file_holds_no_settings() -> None:
    assert read_yaml(FILE, "# nothing\n") == {}


@pytest.mark.parametrize("text", ["no", "Off", "YES", "on", "n", "0123", "12:30:00", "1_000"])
def test_a_scalar_that_yaml_1_1_and_1_2_read_differently_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(DataError, match="line 2") as caught:
        read_yaml(FILE, f"a: 1\nb: {text}\n")
    assert caught.value.code == "E_CONFIG"
    assert read_yaml(FILE, f"a: 1\nb: '{text}'\n")["b"] == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: !!python/object/apply:os.mkdir [x]", "E_YAML"),
        ("a: &x [1]\nb: *x", "E_YAML"),
        ("a: !!str 1", "E_YAML"),
        ("a: [1", "E_YAML"),
        ("a: " + "[" * 40 + "]" * 40, "E_YAML"),
        ("? [a, b]\n: 1", "E_YAML"),
        ("a: 1\na: 2", "E_CONFIG"),
        ("- 1\n- 2", "E_CONFIG"),
        ("a: 1\n---\na: 2", "E_CONFIG"),
        ("a: " + "x" * 1_000_001, "E_YAML"),
    ],
)
def test_anything_but_plain_settings_is_refused(text: str, code: str) -> None:
    with pytest.raises(DataError) as caught:
        read_yaml(FILE, text)
    assert caught.value.code == code
