"""Reports: what was fitted, how sure it is and what follows, as one page, its figures and its numbers.

>>> import scalelaw as sl
>>> from reports import fit_report
>>> N, D = [4e7, 4e7, 1e8, 1e8, 3e8, 3e8, 1e9, 1e9], [8e8, 4e9, 1e9, 8e9, 3e9, 2e10, 8e9, 5e10]
>>> runs = sl.RunTable.of(n_params=N, n_tokens=D, loss=[1.7 + 400 / n**0.34 + 410 / d**0.28 for n, d in zip(N, D)])
>>> fit = sl.fit("chinchilla", runs)
>>> fit_report(fit, sl.bootstrap(fit, 20)).title
'chinchilla fitted to 8 runs'
>>> REPORTS.names()
('compare', 'fit', 'plan', 'replication', 'sweep')
"""

from __future__ import annotations

from reports.base import Report, ReportKind
from reports.comparison_report import comparison_report
from reports.fit_report import fit_report
from reports.plan_report import plan_report
from reports.replication_report import Replicated, Replication, replication_report
from reports.sweep_report import sweep_report
from reports.writing import write_report
from scalelaw.registry import Registry

__all__ = [
    "REPORTS",
    "Replicated",
    "Replication",
    "Report",
    "comparison_report",
    "fit_report",
    "plan_report",
    "replication_report",
    "sweep_report",
    "write_report",
]

REPORTS: Registry[ReportKind] = Registry("reports", "report")
"""The kinds of report by name."""
