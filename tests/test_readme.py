"""Every example of the README runs and prints what the README says, and its links lead somewhere."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from tests.console import ROOT, as_shown, console_examples, dead_links, fresh_checkout, run_example, unknown_options

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fresh_checkout(tmp_path_factory.mktemp("readme"))


def test_console_examples_print_what_the_readme_shows(workplace: Path) -> None:
    """In order, since later examples use files that earlier ones save. `...` stands for lines left out."""
    examples = console_examples(TEXT)
    assert examples
    for command, expected in examples:
        code, printed = run_example(command, workplace)
        assert code == 0, f"{command}\n{printed}"
        assert as_shown(printed, expected), f"$ {command}\n{printed}"


def test_python_examples_print_what_the_readme_shows(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)
    blocks = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    example = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "README.md", "README.md", 0)
    assert example.examples
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(example)
    assert runner.failures == 0


def test_links_to_files_lead_somewhere() -> None:
    assert dead_links(TEXT, ROOT) == []


def test_commands_that_are_only_named_have_the_options_they_are_given() -> None:
    assert unknown_options(TEXT) == []
