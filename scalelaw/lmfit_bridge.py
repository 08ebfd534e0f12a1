"""To lmfit and back: a fit as an lmfit model, and an lmfit model as a law."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from scalelaw.errors import UsageError
from scalelaw.fitting import Fit
from scalelaw.laws import Law, Param, constrain
from scalelaw.laws._constrained import Held
from scalelaw.laws._jets import FUNCTIONS
from scalelaw.laws._steps import jacobian, takes_complex
from scalelaw.laws.base import Floats

if TYPE_CHECKING:
    import lmfit

RESERVED = ("data", "weights", "params", "x0", "method")
"""Names that an argument of an lmfit model may not have."""
RENAMED = {"ln": "log", "atan": "arctan"}
"""Functions of a formula that lmfit knows by another name; those in `UNKNOWN` it does not know."""
UNKNOWN = ("softplus", "sigmoid")


def to_lmfit(fit: Fit, *, log: bool = False) -> tuple[lmfit.Model, lmfit.Parameters]:
    """An lmfit model of the fit's law in natural parameters, and its parameters at the estimate.

    The model's arguments are the law's inputs by column name; what it returns equals `fit.predict`, or the logarithm of
    that with `log=True`, for fitting what `log_least_squares` fits:

        model, params = to_lmfit(fit, log=True)
        model.fit(np.log(runs.loss), params, weights=np.sqrt(runs.weight), n_params=runs.n_params, ...)

    Ranges become `min` and `max`, fixed parameters `vary=False`, tied ones an `expr`. A name that is no identifier,
    such as `E[c4]`, is written with underscores, `E_c4`.
    """
    import lmfit

    law = fit.law
    root: Law = law.base if isinstance(law, Held) else law
    names, inputs = _identifiers(root.names), _identifiers(root.inputs)
    natural = law.complete(fit.natural[None])[0] if isinstance(law, Held) else fit.natural

    def function(**arguments: Any) -> Floats:
        columns = np.broadcast_arrays(*(_numbers(root, x, arguments[inputs[x]]) for x in root.inputs))
        values = np.stack([column.ravel() for column in columns], axis=1).astype(float)
        parameters = np.array([[float(arguments[names[name]]) for name in root.names]])
        loss = root.predict(parameters, values)[0].reshape(columns[0].shape)
        return np.asarray(np.log(loss) if log else loss)

    model = lmfit.Model(_signed(function, root, inputs, names), independent_vars=list(inputs.values()))
    params = model.make_params()
    free = {param.name: param for param in law.params}
    for name, param, value in zip(root.names, root.params, natural, strict=True):
        param = free.get(name, param)
        params[names[name]].set(value=float(value), min=param.low, max=param.high, vary=name in free)
    if isinstance(law, Held):
        for name, formula in law.tied.items():
            params[names[name]].set(expr=_expression(formula, names))
    return model, params


def _numbers(law: Law, name: str, value: ArrayLike) -> Floats:
    return law.encode(name, value) if np.asarray(value).dtype.kind in "UO" else np.asarray(value, dtype=float)


def _identifiers(names: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"\W+", "_", name).strip("_")
        plain = f"_{plain}" if plain[:1].isdigit() or plain in RESERVED or not plain else plain
        while plain in found.values():
            plain += "_"
        found[name] = plain
    return found


def _signed(function: Any, law: Law, inputs: Mapping[str, str], names: Mapping[str, str]) -> Any:
    """The function with the signature and the name that lmfit reads."""
    from inspect import Parameter, Signature

    arguments = [Parameter(x, Parameter.POSITIONAL_OR_KEYWORD) for x in (*inputs.values(), *names.values())]
    function.__signature__ = Signature(arguments)
    function.__name__ = re.sub(r"\W+", "_", law.name) or "law"
    return function


def _expression(formula: str, names: Mapping[str, str]) -> str:
    used = set(re.findall(r"[A-Za-z_]\w*", formula)) & set(UNKNOWN)
    if used:
        raise UsageError(f"lmfit has no function {used.pop()}, which the tie {formula!r} needs.")
    known = {**names, **RENAMED}
    return re.sub(r"[A-Za-z_]\w*", lambda word: known.get(word[0], word[0]), formula.replace("^", "**"))


def from_lmfit(
    model: lmfit.Model,
    params: lmfit.Parameters | None = None,
    *,
    inputs: Mapping[str, str] | None = None,
    response: str = "loss",
    response_unit: str = "nats/token",
) -> Law:
    """An lmfit model as a law.

    Args:
        model: its function is called for one set of parameters at a time, on all runs at once.
        params: first guesses, with `min`, `max`, `vary` and `expr`; by default the model's own.
        inputs: the column of each independent variable where it has another name, `{"x": "n_tokens"}`.

    Derivatives are taken by complex steps, exact to rounding, where the function computes with complex numbers;
    otherwise by central differences, good to about 1e-10 of the loss (`law.derivatives_by` says which). `UsageError`
    where an `expr` holds what a formula of scalelaw may not: it is never evaluated as code.
    """
    params = model.make_params() if params is None else params
    law: Law = LmfitLaw(model, params, inputs or {}, response, response_unit)
    fix, tie = {}, {}
    for name in law.names:
        if params[name].expr is not None:
            tie[name] = params[name].expr
        elif not params[name].vary:
            fix[name] = float(params[name].value)
    try:
        return constrain(law, fix=fix, tie=tie)
    except UsageError as error:
        allowed = ", ".join(sorted(FUNCTIONS))
        raise UsageError(f"{error} Next: state it with numbers, parameters, + - * / ^ and {allowed}.") from None


class LmfitLaw(Law):
    """A law whose curve is an lmfit model; natural and working parameters are the model's. See `from_lmfit`.

    No file can hold a Python function: a fit of this law can be saved, and is read back only as numbers.
    """

    source = "an lmfit model given by the user"

    def __init__(
        self,
        model: lmfit.Model,
        params: lmfit.Parameters,
        inputs: Mapping[str, str],
        response: str,
        response_unit: str,
    ) -> None:
        self.model, self.variables = model, tuple(model.independent_vars)
        shown = re.sub(r"Model\((\w+)[^()]*\)", r"\1", model.name)
        self.name, self.formula = f"lmfit({shown})", f"{'L' if response == 'loss' else response} = {shown}"
        self.inputs = tuple(inputs.get(variable, variable) for variable in self.variables)
        self.response, self.response_unit = response, response_unit
        for name in model.param_names:
            if name not in params or not np.isfinite(params[name].value):
                raise UsageError(f"{name} of {self.name} has no first guess. Next: model.make_params({name}=1.0).")
        self.guess = np.array([float(params[name].value) for name in model.param_names])
        self.params = tuple(
            Param(name, "", "a parameter of the lmfit model", low=float(params[name].min), high=float(params[name].max))
            for name in model.param_names
        )
        self._exact: bool | None = None

    @property
    def derivatives_by(self) -> str:
        """How derivatives are taken, known once they have been."""
        ways = {None: "not taken yet", True: "complex steps", False: "central differences, good to about 1e-10"}
        return ways[self._exact]

    def _curve(self, theta: Any, z: Floats) -> Any:
        """The model, `[b, n]`, for real or complex parameters."""
        columns = dict(zip(self.variables, z.T, strict=True))
        rows = [dict(zip(self.names, row, strict=True)) for row in theta]
        with np.errstate(all="ignore"):
            return np.array([np.broadcast_to(_evaluate(self.model, row, columns), len(z)) for row in rows])

    def _log_curve(self, z: Floats) -> Any:
        def log_curve(theta: Any) -> Any:
            value = self._curve(theta, z)
            with np.errstate(all="ignore"):
                return np.log(np.where(np.real(value) > 0, value, np.nan))

        return log_curve

    def log_loss(self, theta: Floats, z: Floats) -> Floats:
        """ln of the model, NaN where it is not positive."""
        return np.asarray(self._log_curve(z)(theta))

    def derivatives(self, theta: Floats, z: Floats) -> tuple[Floats, Floats]:
        """ln of the model and its gradient; see `from_lmfit`."""
        curve = self._log_curve(z)
        if self._exact is None:
            self._exact = takes_complex(curve, self.guess[None])
        return curve(theta), np.asarray(jacobian(curve, theta, self._exact))

    def centre(self, inputs: Floats) -> Floats:
        """Nothing is centred."""
        return np.zeros(inputs.shape[1])

    def coordinates(self, inputs: Floats, centre: Floats) -> Floats:
        """The inputs as they are."""
        return inputs

    def bounds(self, z: Floats) -> tuple[Floats, Floats]:
        """`min` and `max` of every parameter."""
        low, high = np.array([[param.low, param.high] for param in self.params]).T
        return low, high

    def starts(self, z: Floats, loss: Floats, count: int, rng: np.random.Generator) -> Floats:
        """The first guesses, then others about them, within a factor of e or so, or anywhere in a finite range."""
        low, high = self.bounds(z)
        about = self.guess * np.exp(rng.normal(0.0, 0.7, (count, len(self.guess))))
        about += np.where(self.guess == 0, rng.normal(0.0, 1.0, about.shape), 0.0)
        closed = np.isfinite(low) & np.isfinite(high)
        anywhere = np.where(closed, low, 0.0) + rng.uniform(size=about.shape) * np.where(closed, high - low, 0.0)
        theta = np.clip(np.where(closed, anywhere, about), low, high)
        theta[0] = self.guess
        return theta

    def natural(self, theta: Floats, centre: Floats) -> Floats:
        """The same numbers."""
        return theta

    def working(self, natural: Floats, centre: Floats) -> Floats:
        """The same numbers."""
        return natural

    def log_steps(self, theta: Floats) -> Floats:
        """Every parameter is fitted as it is."""
        return theta


def _evaluate(model: Any, values: Mapping[str, Any], columns: Mapping[str, Floats]) -> Any:
    if hasattr(model, "left"):
        return model.op(_evaluate(model.left, values, columns), _evaluate(model.right, values, columns))
    own = {name.removeprefix(model.prefix): values[name] for name in model.param_names}
    defaults = {name: value for name, value in model.independent_vars_defvals.items() if name not in columns}
    return model.func(**{**model.opts, **defaults, **{name: columns[name] for name in model.independent_vars}, **own})
