"""Imports point down only, and torch lives only in runners."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

FLOORS = {
    "scalelaw.errors": 0,
    "scalelaw.numbers": 0,
    "scalelaw.counting": 0,
    "scalelaw.registry": 0,
    "scalelaw.runs": 0,
    "scalelaw.sizing": 0,
    "scalelaw.hardware": 0,
    "scalelaw.catalogue": 0,
    "scalelaw.caching": 0,
    "scalelaw.yaml_file": 0,
    "scalelaw.results": 0,
    "scalelaw.laws": 1,
    "scalelaw.objectives": 1,
    "scalelaw.readers": 1,
    "scalelaw.solver": 1,
    "scalelaw.datasets": 1,
    "scalelaw.identifiability": 2,
    "scalelaw.diagnosing": 2,
    "scalelaw.searching": 2,
    "scalelaw.weighting": 2,
    "scalelaw.lmfit_bridge": 2,
    "scalelaw.fitting": 2,
    "scalelaw.fit_file": 2,
    "scalelaw.published": 2,
    "scalelaw.intervals": 3,
    "scalelaw.checks": 3,
    "scalelaw.perturbing": 3,
    "scalelaw.planning": 4,
    "scalelaw.designing": 4,
    "scalelaw.forecasting": 4,
    "scalelaw.approaches": 4,
    "scalelaw.criteria": 3,
    "scalelaw.backtesting": 4,
    "scalelaw.extrapolating": 4,
    "scalelaw.comparing": 4,
    "scalelaw.loss2loss": 4,
    "scalelaw.doctor": 4,
    "reports": 5,
    "scalelaw.cli": 6,
    "runners.spec": 1,
    "runners.parametrizations": 1,
    "runners.models": 1,
    "runners.corpora": 1,
    "runners.schedules": 1,
    "runners.optimizers": 2,
    "runners.validation": 2,
    "runners.options": 1,
    "runners.signals": 1,
    "runners.leases": 1,
    "runners.metering": 1,
    "runners.sinks": 1,
    "runners.branches": 1,
    "runners.records": 2,
    "runners.store": 2,
    "runners.checkpoints": 2,
    "runners.recording": 2,
    "runners.training": 2,
    "runners.stacking": 1,
    "runners.batching": 2,
    "runners.together": 3,
    "runners.timing": 3,
    "runners.probes": 3,
    "runners.ladders": 4,
    "runners.memory": 2,
    "runners.realising": 4,
    "runners.templates": 4,
    "runners.sweeps": 4,
    "runners.workers": 4,
}
STRANGERS = {"scalelaw.laws", "scalelaw.objectives", "scalelaw.readers", "scalelaw.solver"}
"""Kinds of one floor that must not know one another."""


def unit(module: str) -> str:
    """The part of the house a module belongs to: its file or folder directly under the top package."""
    parts = module.split(".")
    return parts[0] if parts[0] == "reports" else ".".join(parts[:2])


def modules() -> list[Path]:
    return sorted(path for top in ("scalelaw", "runners", "reports") for path in (ROOT / top).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Units that a file imports at run time; imports for type checkers alone do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names if node.module in ("scalelaw", "runners") else {node.module}
    return {unit(name) for name in found if name.split(".")[0] in ("scalelaw", "runners", "reports")}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down_only(path: Path) -> None:
    here = unit(".".join(path.relative_to(ROOT).with_suffix("").parts))
    if path.name == "__init__.py" and path.parent.name in ("scalelaw", "runners"):
        return  # the public face re-exports every floor
    for there in imported(path) - {here, "scalelaw.__version__"}:
        if {here, there} <= STRANGERS:
            pytest.fail(f"{here} and {there} are strangers on one floor")
        if here.startswith("scalelaw") and here != "scalelaw.cli":
            # A Fit saves itself and the file floor knows fits: one floor, one cycle, inside a method.
            assert not there.startswith(("runners", "reports")), f"{here} imports {there}"
        assert FLOORS[there] <= FLOORS[here], f"{here} (floor {FLOORS[here]}) imports {there} (floor {FLOORS[there]})"


def test_torch_is_imported_only_by_runners() -> None:
    for path in modules():
        if path.relative_to(ROOT).parts[0] != "runners":
            assert "import torch" not in path.read_text(encoding="utf-8"), path


def test_scalelaw_fits_with_torch_absent() -> None:
    """A process in which importing torch fails reads, fits, resamples and plans."""
    code = """
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError(name)

sys.meta_path.insert(0, NoTorch())
import numpy as np, scalelaw as sl
rng = np.random.default_rng(0)
N, D = np.exp(rng.uniform(15, 20, 30)), np.exp(rng.uniform(20, 25, 30))
runs = sl.RunTable.of(n_params=N, n_tokens=D, loss=1.7 + 400 * N**-0.34 + 900 * D**-0.3)
fit = sl.fit("chinchilla", runs)
assert abs(fit.value("E") - 1.7) < 1e-6
assert sl.plan(fit, 1e22, draws=sl.bootstrap(fit, 10)).n_params.estimate > 0
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_command_line_imports_nothing_heavy_at_start() -> None:
    code = """
import sys
import scalelaw.cli.main
heavy = {"numpy", "scipy", "pandas", "torch", "plotly", "matplotlib", "lmfit", "statsmodels", "runners", "reports"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
