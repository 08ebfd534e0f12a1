"""Named conventions for parameters, FLOPs and loss units.

"Parameters" and "FLOPs" differ between papers by tens of per cent, so no count here is anonymous: each comes from a
function whose name is the convention, and that name travels with the table into every fit and report.

Symbols: L layers, d width, F feed-forward width, K head size, G heads of keys and values, V vocabulary, T context,
N parameters, D tokens, C FLOPs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from scalelaw.errors import UsageError

Number = TypeVar("Number", float, NDArray[np.float64])

PF_DAY_FLOPS = 1e15 * 86_400
"""FLOPs in one petaFLOP/s-day (Kaplan et al. 2020, arXiv 2001.08361, section 1.3): 8.64e19."""

PARAMS_CONVENTIONS = {
    "all": "every trainable parameter, embeddings and read-out included (Hoffmann et al. 2022)",
    "non_embedding": "without token and position embeddings; the read-out is left out as well (Kaplan et al. 2020)",
    "kaplan": "12 L d^2, the matrices of a GPT-shaped block only (Kaplan et al. 2020, eq. 2.1)",
}
FLOPS_CONVENTIONS = {
    "6ND": "6 FLOPs for each parameter and token, N as the table counts it (Kaplan et al. 2020, section 2.1)",
    "exact": "matrix products of forward and backward with attention scores and read-out",
    "given": "as logged; the source's own count",
}
LOSS_UNITS = ("nats/token", "bits/token", "bits/byte", "squared error")
UNCONVERTED = ("squared error",)
"""Units that are no log-losses: kept as they are, and never mixed with others."""


@dataclass(frozen=True)
class TransformerShape:
    """What the counts of a decoder transformer depend on. Biases are absent; norms have gains only.

    Attributes:
        learned_positions: whether positions are a table; rotary and absent ones have no parameters.
        tied: the read-out is the token embedding.
        gated: the feed-forward layer has a third matrix, as SwiGLU's.
        head_dim: size of a head K; needed where kv_heads or qk_norm is set.
        kv_heads: heads of keys and values; 0 is as many as of queries.
        qk_norm: queries and keys are normalised, with one gain for each of a head's features.
    """

    n_layers: int
    width: int
    ff_width: int
    vocab: int
    context: int
    learned_positions: bool = True
    tied: bool = False
    gated: bool = False
    head_dim: int = 0
    kv_heads: int = 0
    qk_norm: bool = False

    def __post_init__(self) -> None:
        if (self.kv_heads or self.qk_norm) and not self.head_dim:
            raise UsageError(
                f"kv_heads {self.kv_heads} and qk_norm {self.qk_norm} are counted by the size of a head: set head_dim."
            )

    def matrices_per_layer(self) -> int:
        """Entries of the matrices of one block: 2 d^2 + 2 d G K + (2 or, gated, 3) d F, where G K = d by default."""
        keys = self.kv_heads * self.head_dim or self.width
        return self.width * (2 * self.width + 2 * keys + (3 if self.gated else 2) * self.ff_width)

    def params_non_embedding(self) -> int:
        """Attention, feed-forward and norm parameters: L (matrices + 2 d [+ 2 K]) + d."""
        gains = 2 * self.width + (2 * self.head_dim if self.qk_norm else 0)
        return self.n_layers * (self.matrices_per_layer() + gains) + self.width

    def params_all(self) -> int:
        """Every trainable parameter: the above, the embeddings and, unless tied, the read-out."""
        tables = self.vocab * (1 if self.tied else 2) + (self.context if self.learned_positions else 0)
        return self.params_non_embedding() + tables * self.width

    def params_kaplan(self) -> int:
        """12 L d^2 (Kaplan et al. 2020, eq. 2.1, for F = 4 d)."""
        return 12 * self.n_layers * self.width**2

    def flops_per_token_exact(self) -> float:
        """Training FLOPs a token: 6 (matrix parameters + V d) + 12 L d T.

        The last term is the attention scores and their use, counted over the full T x T square as the matrix products
        compute it. Embedding look-ups and norms do no matrix products and count nothing. Equal to what
        `torch.utils.flop_counter` counts on the unfused attention path.
        """
        matrices = self.n_layers * self.matrices_per_layer() + self.vocab * self.width
        return 6.0 * matrices + 12.0 * self.n_layers * self.width * self.context


@dataclass(frozen=True)
class Counts:
    """What a model of any family is counted as.

    Attributes:
        n_params: every trainable parameter.
        n_params_non_embedding: without embeddings and read-out.
        flops_per_token: FLOPs of forward and backward for one prediction: matrix products and convolutions, as torch
            counts them. The backward pass costs twice the forward one, less the gradient that inputs do not need.
    """

    n_params: int
    n_params_non_embedding: int
    flops_per_token: float


def flops_6nd(n_params: Number, n_tokens: Number) -> Number:
    """C = 6 N D, in FLOPs.

    >>> flops_6nd(70e9, 1.4e12)
    5.88e+23
    """
    return 6.0 * n_params * n_tokens


def tokens_from_flops(flops: Number, n_params: Number) -> Number:
    """D = C / (6 N), in tokens."""
    return flops / (6.0 * n_params)


def pf_days(flops: Number) -> Number:
    """FLOPs as petaFLOP/s-days.

    >>> pf_days(8.64e19)
    1.0
    """
    return flops / PF_DAY_FLOPS


def loss_in_nats(loss: Number, unit: str, bytes_per_token: float | None = None) -> Number:
    """A loss in nats per token, from nats or bits per token, or bits per byte.

    Bits per byte need the corpus's `bytes_per_token`: nats/token = bits/byte x bytes/token x ln 2. A squared error
    stays one.

    >>> round(loss_in_nats(1.0, "bits/byte", bytes_per_token=4.0), 6)
    2.772589
    """
    if unit == "nats/token" or unit in UNCONVERTED:
        return loss
    if unit == "bits/token":
        return loss * math.log(2)
    if unit == "bits/byte":
        if bytes_per_token is None:
            raise UsageError("A loss in bits/byte needs bytes per token. Next: give --bytes-per-token.")
        return loss * (bytes_per_token * math.log(2))
    raise UsageError(f"Unknown loss unit {unit!r}. Known: {', '.join(LOSS_UNITS)}.")


def loss_unit(name: str) -> str:
    """The full name of a loss unit from the ways people write it (`nats`, `bits`, `bpb`, ...).

    >>> loss_unit("bits"), loss_unit("bpb")
    ('bits/token', 'bits/byte')
    """
    aliases = {
        "nats": "nats/token",
        "nat": "nats/token",
        "bits": "bits/token",
        "bit": "bits/token",
        "bpb": "bits/byte",
        "bpt": "bits/token",
    }
    full = aliases.get(name.strip().lower(), name.strip().lower())
    if full not in LOSS_UNITS:
        raise UsageError(f"Unknown loss unit {name!r}. Known: nats, bits, bpb, {', '.join(LOSS_UNITS)}.")
    return full
