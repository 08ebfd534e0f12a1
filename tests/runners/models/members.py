"""Small members of every family, and sources for them to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from runners.corpora import Examples, Rows, Source
from runners.models import FAMILIES
from runners.optimizers import build_optimizer, set_rate
from runners.schedules import lr_share
from runners.spec import TrainSpec
from runners.training import gradients, training_examples
from scalelaw.counting import Counts


class Made(Source):
    """Inputs drawn from a seed, and targets that can be learned from them."""

    def draw(self, rng: np.random.Generator, context: int, count: int) -> Rows:
        raise NotImplementedError

    def training(self, context: int, count: int, seed: int) -> Examples:
        return self.draw(np.random.default_rng([1, seed]), context, count)

    def validation(self, context: int, count: int) -> Examples:
        return self.draw(np.random.default_rng([2]), context, count)

    def facts(self) -> Mapping[str, object]:
        return {"source": "made for the tests"}


@dataclass
class Letters(Made):
    """Tokens that rise by one, two or three a step, around a circle."""

    outputs: int = 23
    name: str = "letters"

    def draw(self, rng: np.random.Generator, context: int, count: int) -> Rows:
        first, rise = rng.integers(self.outputs, size=(count, 1)), rng.integers(1, 4, size=(count, 1))
        return Rows.of_windows((first + rise * np.arange(context + 1)) % self.outputs)


@dataclass
class Pictures(Made):
    """Noise with one bright row, which is the class."""

    shape: tuple[int, int, int] = (3, 8, 4)
    name: str = "pictures"
    kind: str = "images"

    @property
    def outputs(self) -> int:  # type: ignore[override]
        return self.shape[1]

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.shape

    def draw(self, rng: np.random.Generator, context: int, count: int) -> Rows:
        images = rng.standard_normal((count, *self.shape)).astype(np.float32)
        row = rng.integers(self.outputs, size=count)
        images[np.arange(count), :, row] += 2.0
        return Rows(images, row)


@dataclass
class Points(Made):
    """Vectors, and the product of their first two features."""

    dimension: int = 5
    name: str = "points"
    kind: str = "vectors"
    outputs: int = 1
    loss: str = "squared_error"

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.dimension,)

    def draw(self, rng: np.random.Generator, context: int, count: int) -> Rows:
        points = rng.standard_normal((count, self.dimension)).astype(np.float32)
        return Rows(points, points[:, 0] * points[:, 1])


@dataclass(frozen=True)
class Member:
    """A spec and what it reads."""

    spec: TrainSpec
    source: Source

    def with_(self, **fields: object) -> Member:
        """The member with other fields of its spec."""
        return Member(replace(self.spec, **fields), self.source)  # type: ignore[arg-type]

    def build(self) -> nn.Module:
        """The network."""
        return FAMILIES[self.spec.model].build(self.spec, self.source)

    def counts(self) -> Counts:
        """Its counts."""
        return FAMILIES[self.spec.model].counts(self.spec, self.source)

    def check(self) -> None:
        """Refuse what is no member."""
        FAMILIES[self.spec.model].check(self.spec, self.source)

    def curve(self) -> tuple[list[float], nn.Module]:
        """The loss of every step, and the trained network."""
        torch.manual_seed(self.spec.seed)
        model = self.build()
        optimizer, examples, losses = build_optimizer(model, self.spec), training_examples(self.spec, self.source), []
        for step in range(self.spec.steps):
            set_rate(optimizer, self.spec.lr * lr_share(self.spec, step))
            losses.append(gradients(self.spec, self.source, model, model, examples, step, "cpu")[0])
            optimizer.step()
        return losses, model


def member(source: Source, model: str, steps: int = 3, **fields: object) -> Member:
    """A few steps of a small model at its base shape."""
    known: dict[str, Any] = {"width": 16, "depth": 2, "context": 6 if source.kind == "tokens" else 1, "batch_size": 8}
    known |= {"head_dim": 8} if "head_dim" in FAMILIES[model].reads else {}
    known |= {"model": model} | fields
    known = {"base_width": known["width"], "base_depth": known["depth"]} | known
    return Member(TrainSpec(source.name, n_tokens=steps * known["batch_size"] * known["context"], **known), source)


LETTERS, PICTURES, POINTS = Letters(), Pictures(), Points()
OPTIONS = {
    "positions": "rope", "activation": "swiglu", "qk_norm": True, "kv_heads": 1, "tied": True,
    "attention_scale": "linear", "base_head_dim": 4, "init_std": 0.25, "z_loss": 1e-3, "dropout": 0.1,
}  # fmt: skip
"""Every option of a transformer that goes with every other."""

MEMBERS = {
    "transformer": member(LETTERS, "transformer"),
    "transformer with options": member(LETTERS, "transformer", **OPTIONS),
    "transformer from zero": member(LETTERS, "transformer", zero_query=True, zero_readout=True, activation="relu"),
    "lstm": member(LETTERS, "lstm"),
    "lstm with options": member(LETTERS, "lstm", tied=True, init_std=0.25, dropout=0.1),
    "mlp": member(POINTS, "mlp"),
    "mlp of images": member(PICTURES, "mlp", activation="tanh", zero_readout=True),
    "resnet": member(PICTURES, "resnet"),
    "resnet with options": member(PICTURES, "resnet", activation="relu", dropout=0.1, zero_readout=True),
    "vit": member(PICTURES, "vit"),
    "vit with options": member(
        PICTURES, "vit", activation="swiglu", qk_norm=True, kv_heads=1, dropout=0.1, patch=4, zero_readout=True
    ),
}
