"""The grammar of labels: a law, then suffixes in brackets, `chinchilla{E by dataset: c4, pile}[beta=alpha]`.

Texts that hold anything but letters, digits and `_ . - / + space` stand in double quotes, as in JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from scalelaw.errors import UsageError

OPENERS = {"[": "]", "{": "}", "(": ")"}
BARE = re.compile(r"[\w./+-](?:[\w./+ -]*[\w./+-])?")
NEXT = "Next: write it like [E=1.69, beta=alpha, 0.1<alpha<1]."


@dataclass(frozen=True)
class Suffix:
    """The last group in brackets at the end of a label: what stands before it, its bracket, and its content."""

    before: str
    bracket: str
    content: str


@dataclass(frozen=True)
class Constraints:
    """What holds parameters: values, formulas of other parameters, and the range of free ones."""

    fix: Mapping[str, float] = field(default_factory=dict)
    tie: Mapping[str, str] = field(default_factory=dict)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def suffix(label: str) -> Suffix | None:
    """The suffix in `[]` or `{}` that the label ends with; None where there is none."""
    label = label.strip()
    if not label.endswith(("]", "}")):
        return None
    opened = [at for at, character, depth in _walk(label) if depth == 0 and character in "[{"]
    if not opened:
        raise UsageError(f"{label!r} ends in a bracket that nothing opens. {NEXT}")
    start = opened[-1]
    if label[-1] != OPENERS[label[start]]:
        raise UsageError(f"The bracket {label[start]!r} of {label!r} is closed by {label[-1]!r}. {NEXT}")
    return Suffix(label[:start].strip(), label[start], label[start + 1 : -1])


def suffixed(label: str, suffix: str) -> str:
    """A label with one more suffix, set off by a space from a formula."""
    return f"{label}{suffix}" if re.fullmatch(r"\w+(\([^()]*\))?|.*[\]}]", label) else f"{label} {suffix}"


def split(text: str, separator: str) -> list[str]:
    """The text cut at a separator of one character, outside brackets and quotes."""
    cuts = [at for at, character, depth in _walk(text) if depth == 0 and character == separator]
    return [text[i:j].strip() for i, j in zip([0, *(at + 1 for at in cuts)], [*cuts, len(text)], strict=True)]


def _walk(text: str) -> Iterator[tuple[int, str, int]]:
    """Every character outside quotes with its place and how many brackets enclose it."""
    depth, at = 0, 0
    while at < len(text):
        character = text[at]
        if character == '"':
            closing = re.compile(r'"(?:[^"\\]|\\.)*"').match(text, at)
            if closing is None:
                raise UsageError(f"A quote is opened and not closed in {text!r}.")
            at = closing.end()
            continue
        if character in OPENERS.values():
            depth -= 1
        yield at, character, depth
        if character in OPENERS:
            depth += 1
        at += 1


def quote(text: str) -> str:
    """A text as a label holds it."""
    return text if BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def unquote(text: str) -> str:
    """The inverse of `quote`."""
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text))
    except ValueError:
        raise UsageError(f'{text} is not a text in quotes. Next: write quotes within it as \\".') from None


def write_constraints(constraints: Constraints) -> str:
    """Constraints as the content of a suffix."""
    items = [f"{name}={number(value)}" for name, value in constraints.fix.items()]
    items += [f"{name}={formula}" for name, formula in constraints.tie.items()]
    for name, (low, high) in constraints.bounds.items():
        left = "" if low == -float("inf") else f"{number(low)}<"
        right = "" if high == float("inf") else f"<{number(high)}"
        items.append(f"{left}{name}{right}")
    return ", ".join(items)


def read_constraints(content: str) -> Constraints:
    """The inverse of `write_constraints`; `UsageError` names the item that is none."""
    fix: dict[str, float] = {}
    tie: dict[str, str] = {}
    bounds: dict[str, tuple[float, float]] = {}
    for item in split(content, ","):
        parts = split(item.replace("<=", "<").replace(">=", ">"), "=")
        if len(parts) == 2 and all(parts):
            name, value = parts
            if name in fix or name in tie:
                raise UsageError(f"{name} is set twice in [{content}].")
            parsed = _number(value)
            if parsed is None:
                tie[name] = value
            else:
                fix[name] = parsed
        else:
            name, low, high = _range(item)
            before = bounds.get(name, (-float("inf"), float("inf")))
            bounds[name] = (max(low, before[0]), min(high, before[1]))
    return Constraints(fix, tie, bounds)


def _range(item: str) -> tuple[str, float, float]:
    """`0.1 < alpha < 1`, `alpha < 1` or `alpha > 0.1` as a name and its ends."""
    text = item.replace("<=", "<").replace(">=", ">")
    ascending = split(text, "<")
    parts = ascending if len(ascending) > 1 else split(text, ">")[::-1]
    numbers = [_number(part) for part in parts]
    match numbers:
        case [None, float() as high]:
            return parts[0], -float("inf"), high
        case [float() as low, None]:
            return parts[1], low, float("inf")
        case [float() as low, None, float() as high]:
            return parts[1], low, high
    raise UsageError(f"{item!r} is not a constraint. {NEXT}")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def number(value: float) -> str:
    """The shortest text that reads back as the same number."""
    return repr(float(value)).removesuffix(".0")
