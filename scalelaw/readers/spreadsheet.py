"""Text that a spreadsheet would run as a formula, written and read so that it does not."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def guard(text: str) -> str:
    """The text with an apostrophe before what a spreadsheet takes for a formula; numbers stay numbers.

    >>> guard("=1+1"), guard("-2.1"), guard("run-7")
    ("'=1+1", '-2.1', 'run-7')
    """
    return f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text


def unguard(text: str) -> str:
    """The text that `guard` was given.

    >>> unguard(guard("=1+1"))
    '=1+1'
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
