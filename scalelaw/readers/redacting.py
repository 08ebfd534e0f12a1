"""Secrets that a tracker logged beside a run's configuration, taken out before anything is made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

REDACTED = "[redacted]"

_NAME = re.compile(
    r"(?:^|[^a-z])(?:api_?key|access_?key|secret(?:_?key)?|private_?key|passwd|password|passphrase|credentials?"
    r"|(?:auth|access|api|hf|hub|bearer|session|refresh|wandb|github|slack)_?token|authorization)(?:$|[^a-z])"
)
_VALUE = r"""("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,;{}\[\]"']+)"""
_ASSIGNED = re.compile(r"""(["']?\b([A-Za-z_][\w.-]*)["']?\s*[:=]\s*)""" + _VALUE)
"""A name and what it is set to, in JSON, TOML or a shell's words."""
_CREDENTIALS = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@:]*:(?:[^\s/@]+@|(?!\d+$)[^\s/@]+$)", re.IGNORECASE)
"""A password in an address, also where the text was cut within it; a port at the end is none."""
_KNOWN = re.compile(r"\b(?:hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|AKIA[A-Z0-9]{16})\b")
"""Forms that only keys of well-known services have."""
_MARKS = (":", "=", "hf_", "gh", "sk-", "AKIA")
"""Text without any of these holds nothing that is taken out."""


def redacted(config: Mapping[str, Any]) -> dict[str, Any]:
    """The same names, with `[redacted]` for what a secret's name holds and for passwords inside addresses.

    >>> redacted({"WANDB_API_KEY": "0123", "url": "https://me:pass@host/db", "batch_tokens": 32768})
    {'WANDB_API_KEY': '[redacted]', 'url': 'https://[redacted]@host/db', 'batch_tokens': 32768}
    """
    return {name: _value(name, value) for name, value in config.items()}


def is_secret(name: str) -> bool:
    """Whether a name is one that secrets go by. Counts of tokens and tokenizers are none.

    >>> [is_secret(name) for name in ("config/WANDB_API_KEY", "hfToken", "n_tokens", "tokenizer", "token")]
    [True, True, False, False, False]
    """
    return _NAME.search(re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower().replace("-", "_")) is not None


def redacted_text(text: str) -> str:
    """Text without what names of secrets are set to, passwords of addresses, and keys of a known form.

    >>> redacted_text('{"step": 1, "api_key": "0123"}')
    '{"step": 1, "api_key": [redacted]}'
    """
    text = _ASSIGNED.sub(lambda found: found[1] + (REDACTED if is_secret(found[2]) else found[3]), text)
    return _KNOWN.sub(REDACTED, _CREDENTIALS.sub(rf"\1{REDACTED}@", text))


def redacted_column(name: str, cells: Sequence[Any]) -> Sequence[Any]:
    """A column of a table likewise; one in which nothing can be a secret is returned as it is."""
    kinds = set(map(type, cells))
    if not is_secret(name):
        if kinds <= {int, float, bool, type(None)}:
            return cells
        if kinds == {str} and not any(mark in "\n".join(cells) for mark in _MARKS):
            return cells
    return [_value(name, cell) for cell in cells]


def _value(name: str, value: Any) -> Any:
    if is_secret(name) and value not in (None, ""):
        return REDACTED
    if isinstance(value, str):
        return redacted_text(value)
    if isinstance(value, Mapping):
        return redacted(value)
    if isinstance(value, list | tuple):
        return [_value("", item) for item in value]
    return value
