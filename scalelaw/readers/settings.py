"""A tracker's YAML of a run's settings: what of it is plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scalelaw.errors import DataError
from scalelaw.readers.loading import load
from scalelaw.readers.logs import flat
from scalelaw.runs import Note, Source
from scalelaw.yaml_file import read_yaml

MOST_LINES = 10_000
"""Lines of a file of which every setting is read by itself."""
SHOWN = 5
"""Settings that a note lists."""
_SETTING = re.compile(r"^(?=[^\s#-])", re.MULTILINE)
"""Where a setting of the outermost level begins; lists may stand below it without being indented."""


@dataclass(frozen=True)
class Settings:
    """What was set, by names joined with slashes, with notes on what was not read."""

    values: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    notes: tuple[Note, ...] = ()


def settings(path: Path) -> Settings:
    """The settings in a file that may be missing. Objects of Python and other tags are never made: a setting with one
    is left out and noted, and the others are read.
    """
    if not path.is_file():
        return Settings()
    loaded = load(path)
    try:
        text = loaded.content.decode()
        values, left_out = _plain_parts(path, text)
    except (DataError, UnicodeDecodeError) as error:
        values, left_out = {}, [f"all of it: {error}"]
    if not left_out:
        return Settings(values, (loaded.source,))
    more = f"; and {len(left_out) - SHOWN} more" if len(left_out) > SHOWN else ""
    said = f"{path}: not read, so tell what is needed of it with --about or --set: {'; '.join(left_out[:SHOWN])}{more}"
    return Settings(values, (loaded.source,), (Note("W_SETTINGS", said),))


def _plain_parts(path: Path, text: str) -> tuple[dict[str, Any], list[str]]:
    """The file as a whole; where that is refused, those of its settings that are plain data, and the others' names."""
    try:
        return flat(read_yaml(path, text)), []
    except DataError:
        if text.count("\n") > MOST_LINES:
            raise
    values: dict[str, Any] = {}
    left_out: list[str] = []
    for part in _SETTING.split(text.replace("\r\n", "\n"))[1:]:
        try:
            values |= flat(read_yaml(path, part))
        except DataError as error:
            left_out.append(f"{part.partition(':')[0]} ({error.problem})")
    return values, left_out
