"""Secrets that were logged beside a run are in nothing that is made of it."""

from __future__ import annotations

import pytest

from scalelaw.readers.redacting import REDACTED, is_secret, redacted, redacted_column, redacted_text

SECRETS = (
    "WANDB_API_KEY",
    "config/hf_token",
    "password",
    "aws_secret_access_key",
    "client-secret",
    "authToken",
    "apiKey",
)
HARMLESS = (
    "tokens",
    "n_tokens",
    "batch_tokens",
    "tokenizer",
    "token_embedding",
    "key_dim",
    "n_kv_heads",
    "passes",
    "pass",
)


@pytest.mark.parametrize("name", SECRETS)
def test_what_a_secrets_name_holds_is_taken_out(name: str) -> None:
    assert is_secret(name)
    assert redacted({name: "hunter2"}) == {name: REDACTED}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_resembles_a_secret_stays(name: str) -> None:
    assert redacted({name: "32768"}) == {name: "32768"}


def test_a_password_in_an_address_and_a_key_of_known_form_are_taken_out_wherever_they_stand() -> None:
    assert redacted({"a": ["postgres://user:hunter2@host/db"]}) == {"a": [f"postgres://{REDACTED}@host/db"]}
    assert "hf_" not in redacted_text("uses hf_" + "a" * 30)
    assert redacted_text("https://host:8080/a@b") == "https://host:8080/a@b"


def test_a_broken_line_of_json_shows_no_secret() -> None:
    line = '{"step": 3, "config": {"WANDB_API_KEY": "0123456789abcdef", "lr": 0.1'
    assert redacted_text(line) == '{"step": 3, "config": {"WANDB_API_KEY": [redacted], "lr": 0.1'


def test_a_column_of_numbers_or_plain_names_is_left_as_it_is() -> None:
    names, numbers = ["run-a", "run-b"], [1.0, None]
    assert redacted_column("name", names) is names
    assert redacted_column("tokens", numbers) is numbers
    assert redacted_column("api_key", ["x", ""]) == [REDACTED, ""]
