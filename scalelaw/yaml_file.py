"""YAML of settings, read without surprises: plain data only, and nothing that two readers of YAML read differently."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from scalelaw.errors import DataError

MOST_BYTES = 1_000_000
DEEPEST = 32
"""Nesting beyond which a file is not settings."""

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_PLAIN = {"": None, "~": None, "null": None, "true": True, "false": False}
_SURPRISES = (
    (re.compile(r"no|off|n", re.IGNORECASE), "False where a string is wanted"),
    (re.compile(r"yes|on|y", re.IGNORECASE), "True where a string is wanted"),
    (re.compile(r"[-+]?0[0-9]+"), "an octal number where a string is wanted"),
    (re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?"), "a number to the base 60 where a time is wanted"),
    (re.compile(r"[-+]?[0-9]+(_[0-9]+)+"), "a number to some readers and a string to others"),
)
"""Plain scalars that YAML 1.1 and YAML 1.2 read differently, and what the former makes of them."""


def read_yaml(path: Path, text: str | None = None) -> dict[str, Any]:
    """The mapping in a file: strings, numbers (`1e21` is one), true, false, null, lists and mappings.

    Raises `DataError`: E_YAML for tags, anchors and aliases, nesting beyond `DEEPEST` and what is no YAML; E_CONFIG for
    a key given twice, for a scalar that YAML 1.1 and 1.2 read differently, and for a file that is no mapping.
    """
    content = settings_text(path) if text is None else text
    if len(content) > MOST_BYTES:
        raise DataError("E_YAML", f"{len(content):,} characters; settings have at most {MOST_BYTES:,}", file=path)
    try:
        events = (event for event in yaml.parse(content, Loader=yaml.SafeLoader))
        found = _document(path, events)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        problem = f"not YAML: {getattr(error, 'problem', None) or error}"
        raise DataError("E_YAML", problem, file=path, line=line, remedy="correct the line") from None
    if not isinstance(found, dict):
        raise DataError("E_CONFIG", "settings are a mapping, key: value", file=path)
    return found


def settings_text(path: Path) -> str:
    """The text of a file; `DataError` E_ENCODING where it is none."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        problem = f"not utf-8: {error.reason} at byte offset {error.start}"
        raise DataError("E_ENCODING", problem, file=path, remedy="save it as UTF-8") from None


def _document(path: Path, events: Iterator[Any]) -> Any:
    skipped = (yaml.StreamStartEvent, yaml.DocumentStartEvent)
    first = next(event for event in events if not isinstance(event, skipped))
    if isinstance(first, yaml.StreamEndEvent):
        return {}
    found = _value(path, first, events, 0)
    if any(isinstance(event, yaml.DocumentStartEvent) for event in events):
        raise DataError("E_CONFIG", "several documents in one file", file=path, remedy="keep one")
    return found


def _value(path: Path, event: Any, events: Iterator[Any], depth: int) -> Any:
    line = event.start_mark.line + 1
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise DataError("E_YAML", "anchors and aliases are refused", file=path, line=line, remedy="write the value out")
    if getattr(event, "tag", None) not in (None, "!"):
        raise DataError("E_YAML", f"the tag {event.tag} is refused", file=path, line=line, remedy="write plain data")
    if depth > DEEPEST:
        raise DataError("E_YAML", f"the nesting is deeper than {DEEPEST}", file=path, line=line)
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(path, event, line)
    if isinstance(event, yaml.SequenceStartEvent):
        return [_value(path, item, events, depth + 1) for item in _until(events, yaml.SequenceEndEvent)]
    return _mapping(path, events, depth)


def _mapping(path: Path, events: Iterator[Any], depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for event in _until(events, yaml.MappingEndEvent):
        line = event.start_mark.line + 1
        if not isinstance(event, yaml.ScalarEvent) or event.tag or event.anchor:
            raise DataError("E_YAML", "a key is a plain word", file=path, line=line)
        key = str(event.value)
        if key in lines:
            problem = f"the key {key} is given twice, in lines {lines[key]}, {line}"
            raise DataError("E_CONFIG", problem, file=path, line=line, remedy="keep one")
        lines[key] = line
        found[key] = _value(path, next(events), events, depth + 1)
    return found


def _until(events: Iterator[Any], end: type) -> Iterator[Any]:
    for event in events:
        if isinstance(event, end):
            return
        yield event


def _scalar(path: Path, event: Any, line: int) -> Any:
    text = str(event.value)
    if event.style is not None or event.tag:
        return text
    for pattern, said in _SURPRISES:
        if pattern.fullmatch(text):
            raise DataError("E_CONFIG", said, file=path, line=line, value=text, remedy=f'write "{text}" in quotes')
    if text.lower() in _PLAIN:
        return _PLAIN[text.lower()]
    if _INTEGER.fullmatch(text) and len(text) < 40:
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
