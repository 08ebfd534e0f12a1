"""Scaling laws, one to a file."""

from __future__ import annotations

from scalelaw.laws._declared import load_law
from scalelaw.laws._formula import FormulaLaw
from scalelaw.laws._naming import LAWS, constrain, get_law, share
from scalelaw.laws._sum import Constant, Power, Term, compose
from scalelaw.laws.base import Law, Param

__all__ = [
    "LAWS",
    "Constant",
    "FormulaLaw",
    "Law",
    "Param",
    "Power",
    "Term",
    "compose",
    "constrain",
    "get_law",
    "load_law",
    "share",
]
