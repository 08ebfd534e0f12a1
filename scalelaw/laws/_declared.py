"""Laws declared in TOML: a formula with the range, unit and meaning of its parameters.

    name = "mine"
    formula = "E + A / N^alpha"
    source = "our notes, 2026"

    [params.alpha]
    low = 0.05
    high = 1.0
    start = [0.1, 0.6]
    meaning = "how fast the loss falls with size"

    [fix]
    E = 1.69

    [tie]
    beta = "alpha"

Only `formula` is needed. The label of such a law is the same declaration on one line, so that a saved fit needs no
file.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalelaw.errors import DataError, UsageError
from scalelaw.laws._constrained import constrain
from scalelaw.laws._expression import parse
from scalelaw.laws._formula import FormulaLaw
from scalelaw.laws.base import Law, Param

TEXTS = ("name", "formula", "source", "response", "response_unit", "identifiability")
TABLES = ("params", "fix", "tie")
OF_A_PARAM = ("low", "high", "start", "unit", "meaning")


def load_law(path: str | Path) -> Law:
    """The law declared in a TOML file; `DataError` names the file, the key and the value that is off."""
    try:
        declaration = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError("E_NOT_FOUND", f"the file cannot be read ({error.strerror})", file=path) from None
    except ValueError as error:
        raise DataError("E_BAD_LAW", f"not a TOML file ({error})", file=path, remedy="correct the line") from None
    return declare(declaration, path)


def read_declaration(label: str) -> Law:
    """The law from its one-line label."""
    try:
        declaration = tomllib.loads(f"law = {label}")["law"]
    except ValueError as error:
        example = '{formula = "E + A / N^alpha"}'
        raise UsageError(f"{label!r} declares no law ({error}). Next: write it like {example}.") from None
    return declare(declaration)


def declare(declaration: Mapping[str, Any], file: str | Path | None = None) -> Law:
    """The law of a declaration; `file` is named in errors."""
    refuse = Refusal(file)
    try:
        _check_keys(declaration, refuse)
        parameters = parse(declaration["formula"]).parameters
        for name, settings in declaration.get("params", {}).items():
            if name not in parameters:
                raise refuse(f"params.{name}", settings, f"the formula has the parameters {', '.join(parameters)}")
            _check_param(name, settings, refuse)
        return constrain(Declared(declaration), fix=declaration.get("fix"), tie=declaration.get("tie"))
    except UsageError as error:
        if file is None:
            raise
        problem = str(error).removesuffix(".")
        raise DataError("E_BAD_LAW", problem, file=file, remedy="correct the declaration") from None


@dataclass(frozen=True)
class Refusal:
    """Makes the error for a key of a declaration, its value, and what was expected."""

    file: str | Path | None

    def __call__(self, key: str, value: object, expected: str) -> DataError:
        return DataError("E_BAD_LAW", expected, file=self.file, column=key, value=value, remedy=f"correct {key}")


def _check_keys(declaration: Mapping[str, Any], refuse: Refusal) -> None:
    for key, value in declaration.items():
        if key not in (*TEXTS, *TABLES):
            raise refuse(key, value, f"a law has the keys {', '.join((*TEXTS, *TABLES))}")
        if key in TEXTS and not isinstance(value, str):
            raise refuse(key, value, f"{key} is a text")
        if key in TABLES and not isinstance(value, dict):
            raise refuse(key, value, f"{key} is a table")
    if "formula" not in declaration:
        raise refuse("formula", None, "a law needs its formula")
    for name, value in declaration.get("fix", {}).items():
        if not _is_number(value):
            raise refuse(f"fix.{name}", value, "a fixed parameter is a number")
    for name, value in declaration.get("tie", {}).items():
        if not isinstance(value, str):
            raise refuse(f"tie.{name}", value, "a tied parameter is a formula of others, in quotes")


def _check_param(name: str, settings: object, refuse: Refusal) -> None:
    if not isinstance(settings, dict):
        raise refuse(f"params.{name}", settings, f"a table with {', '.join(OF_A_PARAM)}")
    for key, value in settings.items():
        where = f"params.{name}.{key}"
        if key not in OF_A_PARAM:
            raise refuse(where, value, f"a parameter has the keys {', '.join(OF_A_PARAM)}")
        if key in ("unit", "meaning") and not isinstance(value, str):
            raise refuse(where, value, f"{key} is a text")
        if key in ("low", "high") and not _is_number(value):
            raise refuse(where, value, f"{key} is a number")
        if key == "start" and not (
            isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)) and value[0] <= value[1]
        ):
            raise refuse(where, value, "start is two numbers, the smaller first")
    low, high = settings.get("low", 0.0), settings.get("high", math.inf)
    if not low < high:
        raise refuse(f"params.{name}.high", high, f"the high end lies above the low end, {low:g}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


class Declared(FormulaLaw):
    """A formula law with what its declaration says of it."""

    def __init__(self, declaration: Mapping[str, Any]) -> None:
        self.declaration = {key: declaration[key] for key in (*TEXTS, "params") if key in declaration}
        given = self.declaration.get("params")
        params = None if given is None else [_param(name, given) for name in parse(declaration["formula"]).parameters]
        settings = {key: self.declaration[key] for key in TEXTS[2:] if key in declaration}
        super().__init__(declaration["formula"], params, name=declaration.get("name", ""), **settings)

    @property
    def label(self) -> str:
        """The declaration on one line; the formula alone where that is all."""
        if set(self.declaration) == {"formula"}:
            return self.expression.text
        return _toml(self.declaration)


def _param(name: str, given: Mapping[str, Mapping[str, Any]]) -> Param:
    settings = dict(given.get(name, {}))
    if "start" in settings:
        settings["start"] = tuple(map(float, settings["start"]))
    return Param(name, settings.pop("unit", ""), settings.pop("meaning", ""), **settings)


def _toml(value: Any) -> str:
    """A value as inline TOML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
