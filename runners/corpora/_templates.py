"""Names with an argument: `files:/path/to/folder|bpe=4096` is one source of the kind `files`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from runners.corpora.base import Source
from scalelaw.errors import UsageError
from scalelaw.numbers import parse_number
from scalelaw.registry import Registry

Options = Mapping[str, Callable[[str], Any]]


class Template(ABC):
    """A kind whose sources are made from an argument, `NAME:PLACE|option=value|...`.

    Names hold no comma, since `TrainSpec.validate_on` puts commas between them.

    Attributes:
        usage: how its names are written.
        options: how the text of each option is read; what is absent is left to `make`'s defaults.
    """

    name: str
    usage: str
    options: ClassVar[Options]

    @abstractmethod
    def make(self, name: str, place: str, **options: Any) -> Source:
        """The source of that name; nothing is read yet."""

    def source(self, name: str) -> Source:
        """The source whose whole name is `name`.

        Raises:
            UsageError: for an unknown option or a value that it cannot be; says how names are written.
        """
        _, _, argument = name.partition(":")
        first, *rest = argument.split("|")
        place, parts = ("", [first, *rest]) if self._is_option(first) else (first, rest)
        options = {}
        for part in filter(None, parts):
            key, _, value = part.partition("=")
            try:
                options[key] = self.options[key](value)
                if isinstance(options[key], float) and not math.isfinite(options[key]):
                    raise ValueError(value)
            except (KeyError, ValueError, OverflowError):
                raise UsageError(f"{name!r} has the part {part!r}, which is none of {self.usage}.") from None
        return self.make(name, place, **options)

    def _is_option(self, part: str) -> bool:
        return part.partition("=")[0] in self.options


class Made(Template):
    """A kind of source that its options alone determine: nothing is read from anywhere.

    Attributes:
        made: the source's class, called with its name and the options.
    """

    made: ClassVar[Callable[..., Source]]

    def make(self, name: str, place: str, **options: Any) -> Source:
        """A source; it has no place."""
        if place:
            raise UsageError(f"The corpus {self.name} is written {self.usage}; found {name!r}.")
        return type(self).made(name, **options)


def whole(text: str) -> int:
    """A positive whole number as people write it: 4096, 50k, 1B."""
    number = parse_number(text)
    if number < 1 or not float(number).is_integer():
        raise ValueError(text)
    return int(number)


class Corpora(Registry[Source | Template]):
    """Sources by name; a name with a colon is made by its template, once a process."""

    def __init__(self, package: str, noun: str) -> None:
        super().__init__(package, noun)
        self._made: dict[str, Source] = {}

    def __getitem__(self, name: str) -> Source:
        """The source of that name, `KIND` or `KIND:ARGUMENT`."""
        if name not in self._made:
            found = super().__getitem__(name.partition(":")[0])
            if isinstance(found, Source) and ":" in name:
                raise UsageError(f"The {self.noun} {found.name} takes no argument; found {name!r}.")
            self._made[name] = found if isinstance(found, Source) else found.source(name)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).partition(":")[0])
