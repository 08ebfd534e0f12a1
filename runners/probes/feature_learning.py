"""Do features move, and how does that follow the width? A parametrization's theory, held to its own rules.

An MLP of tanh layers x^l = tanh(W^l x^(l-1)), f = W^(L+1) x^L, drawn and trained by the rules of a parametrization,
takes a few steps of plain SGD on a few points. Theory (Yang & Hu 2020, arXiv 2011.14522, section 3): with
W = n^-a w, w ~ N(0, n^-2b) and a rate proportional to n^-c, the last features change by an amount of order n^-r,

    r = min(a' + b', 2 a' + c) + c - 1 + min_l [2 a_l + (1 if l = 1 else 0)]        (' is the read-out)

| rules                              | a_l; a'        | b_l; b'        | c  | r   |
|------------------------------------|----------------|----------------|----|-----|
| standard, its rate falling as 1/n  | 0; 0           | 0, 1/2; 1/2    | 1  | 1/2 |
| standard at one rate               | 0; 0           | 0, 1/2; 1/2    | 0  | -1  |
| ntk                                | 0, 1/2; 1/2    | 0; 0           | 0  | 1/2 |
| mean_field, one hidden layer       | 0; 1           | 0; 0           | -1 | 0   |
| mup                                | -1/2, 0; 1/2   | 1/2; 1/2       | 0  | 0   |

r = 0 is feature learning, r = 1/2 the kernel regime. Where r < 0 features blow up, step after step, until they
saturate, and no one slope is theirs. a, b and c are read off the rules themselves.

Dimensions: P points, I inputs; V widths, R seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from runners.models._layers import Linear, initialise
from runners.optimizers import build_optimizer
from runners.parametrizations import PARAMETRIZATIONS, Role, Scale
from runners.probes._threads import one_thread
from runners.probes.slopes import Floats, Slope, fit_slope
from runners.spec import TrainSpec

THEORY_TOLERANCE = 0.1
WIDTHS = (64, 128, 256, 512, 1024, 2048)
POINTS, INPUTS = 16, 16


@dataclass(frozen=True, slots=True)
class Case:
    """Rules, hidden layers, and `c`: how the rate asked for follows the width, beside what the rules do with it."""

    parametrization: str
    c: float = 0.0
    layers: int = 2

    @property
    def r(self) -> float:
        """Theory's exponent; a layer's own rate m^-c_l is first moved into its a_l and b_l.

        (a, b, c) and (a + t, b - t, c - 2t) train the same function (Yang & Hu 2020); here every c becomes 0.
        """
        *hidden, (a_out, b_out) = (self._exponents(role) for role in self._roles)
        backward = min(a_out + b_out, 2 * a_out)
        return backward - 1 + min(2 * a + (place == 0) for place, (a, _) in enumerate(hidden))

    @property
    def _roles(self) -> list[Role]:
        return [Role.input, *[Role.hidden] * (self.layers - 1), Role.readout]

    def _exponents(self, role: Role, m: int = 4) -> tuple[float, float]:
        rule = PARAMETRIZATIONS[self.parametrization].rule
        base = rule(role, INPUTS, Scale(optimizer="sgd"))
        wide = rule(role, INPUTS if role is Role.input else m * INPUTS, Scale(m, optimizer="sgd"))
        a, b, c = (
            -math.log(w / o, m) for w, o in ((wide.output, base.output), (wide.std, base.std), (wide.lr, base.lr))
        )
        return a + (c + self.c) / 2, b - (c + self.c) / 2


THEORY = (
    Case("standard", c=1.0),
    Case("ntk"),
    Case("mean_field", layers=1),
    Case("mean_field"),
    Case("mup"),
)


class TanhNetwork(nn.Module):
    """x_PI -> f_P, by the rules of the spec's parametrization."""

    def __init__(self, spec: TrainSpec) -> None:
        super().__init__()
        rule, scale, n = PARAMETRIZATIONS[spec.parametrization].rule, spec.scale, spec.width
        first = Linear(INPUTS, n, rule(Role.input, INPUTS, scale))
        wide = [Linear(n, n, rule(Role.hidden, n, scale)) for _ in range(spec.depth - 1)]
        self.layers = nn.ModuleList([first, *wide])
        self.readout = Linear(n, 1, rule(Role.readout, n, scale))
        initialise(self, spec.seed)

    def features(self, x: Tensor) -> Tensor:
        """x^L."""
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return x

    def forward(self, x_PI: Tensor) -> Tensor:
        f_P: Tensor = self.readout(self.features(x_PI)).squeeze(-1)
        return f_P


def feature_slope(
    case: Case, widths: Sequence[int] = WIDTHS, seeds: Sequence[int] = (0, 1, 2, 3), steps: int = 3, lr: float = 0.1
) -> Slope:
    """The slope of log RMS(change of x^L) against log width; theory says -r.

    Args:
        lr: the rate at the smallest width, which is the base width.
    """
    spec = TrainSpec(
        "markov", widths[0], case.layers, n_tokens=2**14, base_width=widths[0], optimizer="sgd", momentum=0.0,
        weight_decay=0.0, lr=lr, parametrization=case.parametrization,
    )  # fmt: skip
    rates = {width: lr * (width / widths[0]) ** -case.c for width in widths}
    with one_thread():
        changes_VR: Floats = np.array(
            [
                [_change(replace(spec, width=width, lr=rates[width], seed=seed), steps) for seed in seeds]
                for width in widths
            ]
        )
    return fit_slope(widths, changes_VR, -case.r, THEORY_TOLERANCE)


def _change(spec: TrainSpec, steps: int) -> float:
    """RMS(x^L - x^L_0) after the steps on all points, targets and inputs standard normal."""
    generator = torch.Generator().manual_seed(spec.seed)
    x_PI, y_P = (torch.randn(shape, generator=generator) for shape in ((POINTS, INPUTS), (POINTS,)))
    model = TanhNetwork(spec)
    optimizer = build_optimizer(model, spec)
    with torch.no_grad():
        before = model.features(x_PI)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.autograd.backward((model(x_PI) - y_P).square().mean() / 2)
        optimizer.step()
    with torch.no_grad():
        return float((model.features(x_PI) - before).square().mean().sqrt())
