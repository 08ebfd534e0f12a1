"""Kinds are found by name, and two of one name are refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scalelaw.errors import UsageError
from scalelaw.registry import Registry


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "kinds_for_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    for module in ("one", "two"):
        (folder / f"{module}.py").write_text(f"class Kind:\n    name = '{module}'\nKIND = Kind()\n")
    (folder / "base.py").write_text("raise RuntimeError('base holds no kind')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "kinds_for_test"
    for name in [name for name in sys.modules if name.startswith("kinds_for_test")]:
        del sys.modules[name]


def test_every_module_with_a_kind_is_found(package: str) -> None:
    kinds: Registry = Registry(package, "kind")
    assert kinds.names() == ("one", "two")
    assert "one" in kinds


def test_an_unknown_name_lists_the_known_ones(package: str) -> None:
    with pytest.raises(UsageError, match=r"Unknown kind 'three'. Known: one, two."):
        Registry(package, "kind")["three"]


def test_two_kinds_of_one_name_are_refused(package: str, tmp_path: Path) -> None:
    (tmp_path / package / "copy.py").write_text("class Kind:\n    name = 'one'\nKIND = Kind()\n")
    with pytest.raises(RuntimeError, match="two kinds of kind are named 'one'"):
        Registry(package, "kind").names()
