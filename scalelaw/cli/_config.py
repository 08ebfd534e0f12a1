"""Defaults of options from a file: TOML, YAML or JSON, named by --config or $SCALELAW_CONFIG.

A name at the top holds for every command that has such an option; a table of a command's name, for that one:

    level = 0.9
    [fit]
    law = "k_power"
    [sweep.run]
    workers = 2
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SYNONYMS = {"bootstraps": "replicates", "bootstrap_seed": "seed", "confidence": "level", "budget_flops": "flops"}
"""What else an option may be called."""
NEVER = ("help", "version", "config", "install_completion", "show_completion")

Words = tuple[str, ...]
Options = dict[str, Any]
"""The options of a command by name, each as the command line's library holds it."""


def load_config(path: Path, root: Any, context: Any) -> dict[str, Any]:
    """The defaults of every command below `root`, nested by the commands' names.

    Raises `DataError`: E_CONFIG (with what was probably meant) for a name that is no option and for a value an option
    refuses, E_TOML, E_YAML, E_JSON for a file that is not what its ending says.
    """
    content = read_settings(path)
    commands = dict(_commands(root, ()))
    defaults: dict[str, Any] = {}
    _place(path, content, (), commands, defaults, context)
    return defaults


def read_settings(path: Path) -> dict[str, Any]:
    """The mapping in a file, by its ending."""
    from scalelaw.errors import DataError, UsageError

    if not path.is_file():
        raise UsageError(f"No such file of settings: {str(path)!r}.")
    from scalelaw.yaml_file import read_yaml, settings_text

    if path.suffix.lower() in (".yaml", ".yml"):
        return read_yaml(path)
    text = settings_text(path)
    if path.suffix.lower() == ".json":
        return _json(path, text)
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError("E_TOML", f"not TOML: {error}", file=path, remedy="correct it") from None


def _json(path: Path, text: str) -> dict[str, Any]:
    from scalelaw.errors import DataError

    try:
        content = json.loads(text)
    except RecursionError:
        raise DataError("E_JSON", "the nesting is too deep", file=path) from None
    except ValueError as error:
        raise DataError("E_JSON", f"not JSON: {error}", file=path, remedy="correct it") from None
    if not isinstance(content, dict):
        raise DataError("E_CONFIG", "settings are an object", file=path)
    return content


def _commands(group: Any, words: Words) -> Iterator[tuple[Words, Options]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*words, name))
        else:
            options = {param.name: param for param in command.params if param.param_type_name == "option"}
            yield (*words, name), options


def _place(
    path: Path, content: Mapping[str, Any], words: Words, commands: Mapping[Words, Options],
    defaults: dict[str, Any], context: Any,
) -> None:  # fmt: skip
    """Put each setting where it holds: below every command of these words that has such an option."""
    below = {
        name for command in commands for name in command[len(words) : len(words) + 1] if command[: len(words)] == words
    }
    for key, value in content.items():
        if isinstance(value, Mapping) and key in below:
            _place(path, value, (*words, key), commands, defaults, context)
            continue
        name = SYNONYMS.get(key, key).replace("-", "_")
        having = [
            command for command, options in commands.items() if command[: len(words)] == words and name in options
        ]
        if not having or name in NEVER or isinstance(value, Mapping):
            raise _unknown(path, key, words, commands, below)
        for command in having:
            option = commands[command][name]
            written = _as_written(option, value)
            _check(path, key, written, option, context)
            _set(defaults, command, name, written)


def _as_written(option: Any, value: Any) -> Any:
    """The value as the command line would hold it: text, and a list of it for an option that may be repeated."""
    if isinstance(value, list):
        return [_as_written(None, item) for item in value]
    text = value if isinstance(value, bool) else str(value)
    return [text] if getattr(option, "multiple", False) else text


def _set(defaults: dict[str, Any], command: Words, name: str, value: Any) -> None:
    for word in command:
        defaults = defaults.setdefault(word, {})
    defaults[name] = value


def _check(path: Path, key: str, value: Any, option: Any, context: Any) -> None:
    """`DataError` where the option would refuse the value."""
    from scalelaw.errors import DataError

    try:
        option.process_value(context, value)
    except Exception as error:  # the command line's library has its own, which may not be imported by name
        said = getattr(error, "message", None) or str(error)
        if option.name == "level":
            said = f"a level is a share, 0 < c < 1, such as 0.95; {said}"
        raise DataError("E_CONFIG", f"{key}: {said}", file=path, value=value, remedy="correct the value") from None


def _unknown(path: Path, key: str, words: Words, commands: Mapping[Words, Options], below: set[str]) -> Exception:
    from scalelaw.errors import DataError

    options = {name for command, names in commands.items() if command[: len(words)] == words for name in names}
    known = sorted((options | below | set(SYNONYMS)) - set(NEVER))
    near = difflib.get_close_matches(key, known, n=1)
    where = f"`scalelaw {' '.join(words)}`" if words else "any command"
    hint = f"did you mean {near[0]}" if near else "see scalelaw COMMAND --help"
    return DataError("E_CONFIG", f"{key} is no option of {where}: {hint}", file=path)
