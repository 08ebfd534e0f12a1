"""A tracker's YAML of a run's settings, where it is there and can be read as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scalelaw.errors import DataError
from scalelaw.readers.loading import load
from scalelaw.readers.logs import flat
from scalelaw.runs import Note, Source
from scalelaw.yaml_file import read_yaml


@dataclass(frozen=True)
class Settings:
    """What was set, by names joined with slashes; nothing, with a note, where the file could not be read."""

    values: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    notes: tuple[Note, ...] = ()


def settings(path: Path) -> Settings:
    """The settings in a file that may be missing. Objects of Python and other tags are never made: they are noted."""
    if not path.is_file():
        return Settings()
    loaded = load(path)
    try:
        return Settings(flat(read_yaml(path, loaded.content.decode())), (loaded.source,))
    except (DataError, UnicodeDecodeError) as error:
        said = f"{path.name} is not read, so tell what is needed of it with --about or --set: {error}"
        return Settings({}, (loaded.source,), (Note("W_SETTINGS", said),))
