"""The hash that binds a committed table to the code that made it."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def code_hash(study: str, modules: Iterable[str]) -> str:
    """A hash of the statements of a study and of modules of `scalelaw`, leaving out comments, docstrings and types.

    What lies beneath (solver, laws, objectives) does not enter: a change there that matters fails the test of the study
    that repeats a part of its table.
    """
    files = [Path(study), *(ROOT / "scalelaw" / name for name in modules)]
    return hashlib.sha256("\n".join(map(_statements, files)).encode()).hexdigest()[:16]


def _statements(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
        for hint in {"annotation", "returns"} & set(node._fields):
            setattr(node, hint, None)
    return ast.dump(tree)
