"""Every command of docs/walkthrough.md prints what the walk-through shows, from a folder of W&B files to a report."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from scalelaw.readers.finding import find_logs
from tests.console import ROOT, as_shown, console_examples, dead_links, fresh_checkout, run_example

TEXT = (ROOT / "docs" / "walkthrough.md").read_text(encoding="utf-8")


def test_links_to_files_lead_somewhere() -> None:
    assert dead_links(TEXT, ROOT / "docs") == []
