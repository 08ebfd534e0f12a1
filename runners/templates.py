"""What the members of a family share: read from a sweep's file, or chosen by their size."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runners.ladders import aspect_of
from runners.realising import Given
from runners.spec import TrainSpec
from runners.sweeps import known_fields
from scalelaw.errors import DataError, UsageError

ASPECT = 64.0
"""Width / depth where a template does not say: GPT-2's, 768 / 12."""


@dataclass(frozen=True)
class Template:
    """A spec whose size is to be set.

    Attributes:
        spec: every field; width and n_tokens stand for nothing.
        aspect: width / depth of every member, or None where the depth is the spec's.
        by_tokens: whether batches follow the tokens of a run; they are the spec's otherwise.
        notes: what nobody has chosen.
    """

    spec: TrainSpec
    aspect: float | None
    by_tokens: bool = False
    notes: tuple[str, ...] = ()

    def batch(self, n_tokens: float) -> Given | None:
        """Tokens in a step, 0.58 D^0.571 (Li et al. 2025, arXiv 2503.04715, Step Law); None where it is the spec's."""
        if not self.by_tokens:
            return None
        return Given(
            0.58 * n_tokens**0.571, "0.58 D^0.571 tokens (Li et al. 2025, arXiv 2503.04715), not measured here"
        )


def load_template(path: str | Path, corpus: str | None = None) -> Template:
    """The [base] of a sweep's file; its width and n_tokens are not read.

    A depth that is a number is every member's; without one, or with `{ aspect = 64 }`, depth follows width.

    Args:
        corpus: takes the place of the file's.

    Raises:
        DataError: names the file and what is wrong.
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError("E_NOT_FOUND", f"the template cannot be read ({error.strerror})", file=path) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError("E_NOT_TOML", f"not a TOML file ({error})", file=path) from None
    base = content.get("base")
    if not isinstance(base, dict):
        raise DataError("E_BAD_TABLE", "a template is a sweep's file with a [base]", file=path)
    try:
        return _template(base, corpus)
    except UsageError as error:
        raise DataError("E_BAD_SPEC", f"in [base]: {str(error).rstrip('.')}", file=path) from None


def default_template(n_params: float, corpus: str | None = None) -> Template:
    """A family of transformers under CompleteP, which carries a learning rate over width and depth.

    Heads, context, aspect and base shape are one row of `FAMILY`, the last that starts at or below N; batches follow
    the tokens. Without a corpus, its name is a placeholder with the vocabulary that the counts are
    made with.

    Args:
        n_params: of the smallest member.
    """
    row = next(row for row in reversed(FAMILY) if n_params >= row.least or row is FAMILY[0])
    base_depth = max(round(row.base_width / row.aspect), 1)
    spec = TrainSpec(
        corpus or row.corpus,
        width=row.base_width,
        depth=base_depth,
        n_tokens=2**62,
        parametrization="completep",
        base_width=row.base_width,
        base_depth=base_depth,
        head_dim=row.head_dim,
        context=row.context,
        batch_size=max(row.micro_batch, 1),
        micro_batch=row.micro_batch,
    )
    unnamed = f"the corpus {spec.corpus} is a placeholder: put yours in its place (`scalelaw corpora list`)"
    return Template(spec, row.aspect, True, (*(() if corpus else (unnamed,)), _untuned(spec)))


@dataclass(frozen=True)
class Row:
    """A default family: from which N it serves, and what its members share."""

    least: float
    head_dim: int
    context: int
    aspect: float
    base_width: int
    micro_batch: int
    corpus: str


FAMILY = (
    Row(0, 8, 64, 16.0, 32, 0, "files:YOUR_TEXT"),
    Row(1e6, 16, 64, 32.0, 64, 32, "files:YOUR_TEXT"),
    Row(3e7, 64, 1024, 64.0, 256, 8, "shards:YOUR_SHARDS|vocab=50304"),
    Row(3e9, 128, 2048, 128.0, 1024, 1, "shards:YOUR_SHARDS|vocab=50304"),
)
"""Small families read bytes. The larger aspects are GPT-2's, 768 / 12, and GPT-3's, 12288 / 96."""


def _template(base: Mapping[str, Any], corpus: str | None) -> Template:
    fields = known_fields({name: value for name, value in base.items() if name not in ("width", "n_tokens")})
    fields |= {"corpus": corpus} if corpus else {}
    if "corpus" not in fields:
        raise UsageError('a template names a corpus. Next: put corpus = "..." there, or give --corpus')
    depth = fields.get("depth", {"aspect": ASPECT})
    rule = isinstance(depth, Mapping)
    aspect = aspect_of(depth) if rule else None
    fields["depth"] = fields.get("base_depth", 2) if rule else depth
    several = [name for name, value in fields.items() if isinstance(value, (list, dict))]
    if several:
        raise UsageError(f"a template has one value of {several[0]}; found {fields[several[0]]!r}")
    spec = TrainSpec(**fields, width=fields.get("base_width", 32), n_tokens=fields.get("trunk_tokens") or 2**62)
    shapeless = f"the template has no depth: width / depth is {ASPECT:g}"
    notes = (*(() if "depth" in base else (shapeless,)), *(() if "lr" in base else (_untuned(spec),)))
    return Template(spec, aspect, notes=notes)


def _untuned(spec: TrainSpec) -> str:
    return f"the learning rate {spec.lr:g} at base width {spec.base_width} is a default that nobody tuned"
