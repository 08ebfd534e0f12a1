"""From N and D to something trainable: the nearest architecture of a family, its batch, steps, rate and memory.

Everything is counted by formulas, so a model of 70B parameters is realised as quickly as one of 70k.
Symbols: d width, L layers, N parameters, D tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from runners.corpora import CORPORA
from runners.memory import Memory, memory_of
from runners.models import FAMILIES
from runners.spec import TrainSpec
from runners.sweeps import check_spec
from scalelaw.counting import PARAMS_CONVENTIONS, Counts, flops_6nd
from scalelaw.errors import UsageError

WIDTH_MULTIPLES = ((4096, 128), (512, 64), (0, 8))
"""Widths from the first number on are multiples of the second: tiles that matrix units of accelerators fill."""
CLOSE = 0.02
"""Shapes whose N is off by less are all close enough: among them the aspect decides."""
ASPECTS = 3.0
"""How far the aspect may lie from its rule, either way, before N is given up for it.

Losses differ by a few per cent over aspects 40 times apart (Kaplan et al. 2020, arXiv 2001.08361, section 3.1).
"""
FAR = 0.05
"""An error of N from which a note says so."""
HOPELESS = 2.0
"""A factor from which the nearest member is refused."""
WIDE = 512.0
"""Width / depth from which a note says so: wider than any published language model."""
LARGEST_WIDTH = 2**20
"""Where the search for a width gives up."""


@dataclass(frozen=True)
class Given:
    """A number and where it is from, such as the law of a file."""

    value: float
    source: str


@dataclass(frozen=True)
class Realised:
    """A spec that can be trained, and how it differs from what was wanted.

    Attributes:
        spec: the run.
        counts: its exact counts.
        convention: how N is counted, a name of `PARAMS_CONVENTIONS`.
        n_params: the spec's N, so counted.
        n_params_wanted, n_tokens_wanted: what was asked for.
        memory: what training it takes, in bytes.
        notes: sentences on what is off, extrapolated or untuned.
    """

    spec: TrainSpec
    counts: Counts
    convention: str
    n_params: int
    n_params_wanted: float
    n_tokens_wanted: float
    memory: Memory | None
    notes: tuple[str, ...] = ()

    @property
    def n_tokens(self) -> int:
        """Tokens in whole steps: the run's D."""
        return self.spec.tokens_trained

    @property
    def error(self) -> float:
        """How far N is off, as a share of what was wanted."""
        return self.n_params / self.n_params_wanted - 1.0

    @property
    def flops(self) -> float:
        """FLOPs of all steps, exactly: those of matrix products, forward and backward."""
        return self.counts.flops_per_token * self.n_tokens

    @property
    def flops_6nd(self) -> float:
        """6 N D, with N by the convention."""
        return flops_6nd(float(self.n_params), float(self.n_tokens))

    @property
    def heads(self) -> int | None:
        """Attention heads, or None for a family without."""
        return self.spec.width // self.spec.head_dim if "head_dim" in FAMILIES[self.spec.model].reads else None


def realise(
    n_params: float,
    n_tokens: float,
    base: TrainSpec,
    *,
    aspect: float | None = None,
    convention: str = "all",
    learning_rate: Given | None = None,
    batch_tokens: Given | None = None,
) -> Realised:
    """The member of the base's family that is nearest to N parameters, trained on D tokens.

    Width is a multiple of the head size (and of its groups), of 8, of 64 from 512 and of 128 from 4096 on. With an
    aspect, depth follows it, and where shapes come within 2 % of N the one nearest to the aspect is taken; without
    one, depth is the base's. The learning rate is the base's, which muP transfers from the base shape, unless one is
    given; so is the batch, which is rounded to whole sequences. D is rounded down to whole steps.

    Args:
        base: every other field; its width and n_tokens are not read.
        aspect: width / depth, a rule for the depth.
        convention: how N is counted: `all`, `non_embedding` or `kaplan`.
        learning_rate: at the base shape, as a spec's `lr`.
        batch_tokens: tokens in a step.

    Raises:
        UsageError: for an unknown convention, for N or D that is no positive number or that no member comes near to,
            and where the base's fields contradict one another.
    """
    n_params, n_tokens = float(n_params), float(n_tokens)
    for name, value in (("n_params", n_params), ("n_tokens", n_tokens)):
        if not (math.isfinite(value) and value >= 1):
            raise UsageError(f"{name} must be a number, at least 1; found {value:g}.")
    draft = replace(base, width=step_of(0, base), n_tokens=2**62, trunk_tokens=0)
    check_spec(draft)
    count = _counting(draft, convention)
    width, depth = _nearest(n_params, draft, aspect, count)
    batch = _sequences(batch_tokens.value, base) if batch_tokens else base.batch_size
    rate = learning_rate.value if learning_rate else base.lr
    spec = replace(base, width=width, depth=depth, n_tokens=round(n_tokens), batch_size=batch, lr=rate)
    check_spec(spec)
    memory = memory_of(spec, CORPORA[spec.corpus])
    found = Realised(spec, counts_of(spec), convention, count(width, depth), n_params, n_tokens, memory)
    return replace(found, notes=tuple(_notes(found, aspect, learning_rate, batch_tokens)))


def counts_of(spec: TrainSpec) -> Counts:
    """The family's exact counts."""
    return FAMILIES[spec.model].counts(spec, CORPORA[spec.corpus])


def _counting(draft: TrainSpec, convention: str) -> Callable[[int, int], int]:
    """N as a function of width and depth."""
    if convention not in PARAMS_CONVENTIONS:
        raise UsageError(f"Unknown convention {convention!r} for N. Known: {', '.join(PARAMS_CONVENTIONS)}.")
    if convention == "kaplan" and draft.model != "transformer":
        raise UsageError(f"12 L d^2 counts a transformer; found the family {draft.model}. Next: --convention all.")

    def count(width: int, depth: int) -> int:
        if convention == "kaplan":
            return 12 * depth * width**2
        counts = counts_of(replace(draft, width=width, depth=depth))
        return counts.n_params if convention == "all" else counts.n_params_non_embedding

    return count


def _nearest(
    n_params: float, base: TrainSpec, aspect: float | None, count: Callable[[int, int], int]
) -> tuple[int, int]:
    """The width and depth that are nearest."""
    shapes = list(_shapes(n_params, base, aspect, count))
    best = min(shapes, key=lambda shape: _distance(n_params, shape, aspect, count))
    found = count(*best)
    if abs(math.log(found / n_params)) > math.log(HOPELESS):
        raise UsageError(
            f"No {base.model} for the corpus {base.corpus} comes near to {n_params:.4g} parameters: the nearest, of "
            f"width {best[0]} and depth {best[1]}, has {found:,}. Next: another N, a vocabulary or a head_dim that fit."
        )
    return best


def _distance(
    n_params: float, shape: tuple[int, int], aspect: float | None, count: Callable[[int, int], int]
) -> tuple[float, float]:
    """How far a shape is from what is wanted, to be compared: in N beyond what is close enough, then in aspect."""
    off = abs(math.log(count(*shape) / n_params))
    if aspect is None:
        return off, 0.0
    bent = abs(math.log(shape[0] / shape[1] / aspect))
    if bent > math.log(ASPECTS):
        off += bent
    return max(off, CLOSE), bent


def _shapes(
    n_params: float, base: TrainSpec, aspect: float | None, count: Callable[[int, int], int]
) -> Iterator[tuple[int, int]]:
    """Shapes around what is wanted: every width with a depth that may be the nearest."""

    def ruled(width: int) -> int:
        return base.depth if aspect is None else max(round(width / aspect), 1)

    widths = list(_ladder(base, lambda width: count(width, ruled(width)) < n_params))
    middle = widths[-1]
    if aspect is None:
        yield from ((width, base.depth) for width in widths[-2:])
        return
    for width in _ladder(base, lambda width: width < ASPECTS * middle):
        if width * ASPECTS < middle and width != widths[0]:
            continue
        one, two = count(width, 1), count(width, 2)
        depth = max(1 + (n_params - one) / (two - one), 1)  # N is linear in L
        yield from ((width, near) for near in {math.floor(depth), math.ceil(depth)})


def _ladder(base: TrainSpec, more: Callable[[int], bool]) -> Iterator[int]:
    """Realisable widths from the least up to the first for which there need be no more, that one included."""
    width = 0
    while width < LARGEST_WIDTH:
        after = _multiple(width + 1, step_of(width, base))
        width = _multiple(after, step_of(after, base))
        yield width
        if not more(width):
            return


def step_of(width: int, base: TrainSpec) -> int:
    """What a width is a multiple of: the heads that share keys, and what matrix units like."""
    heads = base.head_dim * max(base.kv_heads, 1) if "head_dim" in FAMILIES[base.model].reads else 1
    return math.lcm(heads, next(multiple for first, multiple in WIDTH_MULTIPLES if width >= first))


def _multiple(width: int, step: int) -> int:
    """The width, or the least one above it, that is a multiple."""
    return -(-width // step) * step


def _sequences(tokens: float, spec: TrainSpec) -> int:
    """A batch in whole sequences and, where the base has them, whole passes."""
    whole = spec.micro_batch or 1
    return max(round(tokens / spec.context / whole), 1) * whole


def _notes(
    found: Realised, aspect: float | None, learning_rate: Given | None, batch_tokens: Given | None
) -> Iterator[str]:
    """What whoever trains it should know."""
    spec = found.spec
    if abs(found.error) > FAR:
        yield f"N {found.n_params:,} is {100 * found.error:+.1f} % off: no member with the family's depth is nearer"
    if aspect is None and spec.width > WIDE * spec.depth:
        yield (
            f"the template holds the depth at {spec.depth}, so width / depth is {spec.width / spec.depth:.4g}: "
            "depth = { aspect = 64 } lets both grow"
        )
    if learning_rate:
        yield f"learning rate: {learning_rate.source}"
    elif spec.parametrization not in ("mup", "completep"):
        yield (
            f"the learning rate {spec.lr:g} is the template's, and {spec.parametrization} does not carry it to other "
            "sizes: give a fitted law (scalelaw params size --lr-law)"
        )
    elif spec.parametrization == "mup" and spec.depth != spec.base_depth:
        yield (
            f"muP carries the learning rate over width; depth {spec.depth} is not the base's {spec.base_depth}: "
            "completep carries it over both"
        )
    if batch_tokens:
        yield f"batch size: {batch_tokens.source}"
    else:
        yield (
            f"the batch of {spec.batch_size} sequences is the template's; the best one grows with D: give a fitted law "
            "(scalelaw params size --batch-law)"
        )
