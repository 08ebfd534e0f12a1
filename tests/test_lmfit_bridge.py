"""To lmfit and back: the same curve, the same optimum, the same constraints."""

from __future__ import annotations

from pathlib import Path

import lmfit
import numpy as np
import pytest

from scalelaw.errors import UsageError
from scalelaw.fit_file import load_fit
from scalelaw.fitting import fit
from scalelaw.laws import share
from scalelaw.lmfit_bridge import from_lmfit, to_lmfit
from scalelaw.runs import RunTable
from tests.conftest import simulated

RUNS = simulated(60)
SHAPE = {"n_params": RUNS.n_params, "n_tokens": RUNS.n_tokens}
TIGHT = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}

LABELS = [
    "chinchilla",
    "kaplan",
    "chinchilla[E=1.8, beta=alpha, 0.1<alpha<0.6]",
    "E + A / N^alpha + B / D^beta [beta=1.05 * alpha]",
    "chinchilla[B=exp(ln(A) + 1)]",
]


@pytest.mark.parametrize("label", LABELS)
def test_the_model_equals_the_prediction(label: str) -> None:
    result = fit(label, RUNS, starts=16)
    model, params = to_lmfit(result)
    np.testing.assert_allclose(model.eval(params, **SHAPE), result.predict(**SHAPE), rtol=1e-12)
    logs, params = to_lmfit(result, log=True)
    np.testing.assert_allclose(logs.eval(params, **SHAPE), np.log(result.predict(**SHAPE)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("label", LABELS)
def test_lmfit_reaches_the_same_optimum(label: str) -> None:
    """From a start 3 % off; lmfit's own derivatives are finite differences, hence the tolerance on parameters."""
    result = fit(label, RUNS, "log_least_squares")
    model, params = to_lmfit(result, log=True)
    for parameter in params.values():
        if parameter.vary:
            parameter.value *= 1.03
    found = model.fit(np.log(RUNS.loss), params, max_nfev=20_000, fit_kws=TIGHT, **SHAPE)
    assert 0.5 * found.chisqr == pytest.approx(result.certificate.objective, rel=1e-9)
    for name, value in result.estimate.items():
        assert found.params[name].value == pytest.approx(value, rel=1e-4), name


def test_weights_count_in_lmfit_by_their_square_root() -> None:
    weight = np.linspace(0.2, 3.0, len(RUNS))
    table = RunTable.of(**SHAPE, loss=RUNS.loss, weight=weight)
    result = fit("chinchilla", table, "least_squares")
    model, params = to_lmfit(result)
    found = model.fit(RUNS.loss, params, weights=np.sqrt(weight), max_nfev=20_000, fit_kws=TIGHT, **SHAPE)
    assert 0.5 * found.chisqr == pytest.approx(result.certificate.objective, rel=1e-10)


def test_ranges_fixed_values_and_ties_are_carried() -> None:
    _, params = to_lmfit(fit("chinchilla[E=1.8, beta=alpha^2, 0.1<alpha<0.9]", RUNS))
    assert (params["E"].value, params["E"].vary) == (1.8, False)
    assert params["beta"].expr == "alpha**2"
    assert (params["alpha"].min, params["alpha"].max, params["alpha"].vary) == (0.1, 0.9, True)
    assert params["A"].min == 0.0


def test_names_that_are_no_identifiers_are_spelt_with_underscores() -> None:
    names = np.array(["c4", "the pile"])[np.arange(len(RUNS)) % 2]
    table = RunTable.of(**SHAPE, loss=RUNS.loss, extras={"dataset": names})
    result = fit(share("chinchilla", table, by="dataset", own=("E",)), table, starts=16)
    model, params = to_lmfit(result)
    assert {"E_c4", "E_the_pile"} <= set(params)
    np.testing.assert_allclose(
        model.eval(params, dataset=names, **SHAPE), result.predict(dataset=names, **SHAPE), rtol=1e-12
    )


def powers(x, y, E=1.5, A=300.0, alpha=0.3, B=1000.0, beta=0.3):  # type: ignore[no-untyped-def]
    return E + A * x**-alpha + B * y**-beta


def cautious(x, y, E=1.5, A=300.0, alpha=0.3, B=1000.0, beta=0.3):  # type: ignore[no-untyped-def]
    """The same curve with an absolute value, which no complex step sees through."""
    return E + np.abs(A * x**-alpha) + B * y**-beta


def positive(function: object) -> tuple[lmfit.Model, lmfit.Parameters]:
    model = lmfit.Model(function, independent_vars=["x", "y"])
    params = model.make_params()
    for parameter in params.values():
        parameter.min = 0.0
    return model, params


COLUMNS = {"x": "n_params", "y": "n_tokens"}


@pytest.mark.parametrize(("function", "way"), [(powers, "complex steps"), (cautious, "central differences")])
def test_an_lmfit_model_is_a_law_with_the_same_optimum(function: object, way: str) -> None:
    law = from_lmfit(*positive(function), inputs=COLUMNS)
    result, written = fit(law, RUNS, "log_least_squares", starts=8), fit("chinchilla", RUNS, "log_least_squares")
    assert result.certificate.converged
    assert result.certificate.objective == pytest.approx(written.certificate.objective, rel=1e-10)
    for name, value in written.estimate.items():
        assert result.value(name) == pytest.approx(value, rel=1e-5), name
    assert law.derivatives_by.startswith(way)


def test_what_lmfit_holds_stays_held() -> None:
    model, params = positive(powers)
    params["E"].set(value=1.8, vary=False)
    params["beta"].set(expr="1.05 * alpha")
    params["alpha"].set(min=0.1, max=0.6)
    law = from_lmfit(model, params, inputs=COLUMNS)
    assert law.fixed == {"E": 1.8}
    result = fit(law, RUNS, "log_least_squares", starts=8)
    written = fit("chinchilla[E=1.8, beta=1.05 * alpha, 0.1<alpha<0.6]", RUNS, "log_least_squares")
    for name, value in written.estimate.items():
        assert result.value(name) == pytest.approx(value, rel=1e-5), name


def test_a_composite_model_with_prefixes_is_a_law() -> None:
    def term(x, size=300.0, fall=0.3):  # type: ignore[no-untyped-def]
        return size * x**-fall

    def constant(x, c=1.5):  # type: ignore[no-untyped-def]
        return c + 0 * x

    model = lmfit.Model(term, prefix="n_") + lmfit.Model(constant)
    params = model.make_params()
    for parameter in params.values():
        parameter.min = 0.0
    result = fit(from_lmfit(model, params, inputs={"x": "n_params"}), RUNS, "log_least_squares", starts=8)
    written = fit("power_constant(n_params)", RUNS, "log_least_squares")
    assert result.law.names == ("n_size", "n_fall", "c")
    np.testing.assert_allclose(result.natural, written.natural[[1, 2, 0]], rtol=1e-5)


@pytest.mark.parametrize("expr", ["max(alpha, 0.1)", "alpha if A > 3 else 1"])
def test_an_expr_that_is_no_formula_is_refused(expr: str) -> None:
    model, params = positive(powers)
    params["beta"].set(expr=expr)
    with pytest.raises(UsageError, match=r"A formula may not hold .* Next: state it with"):
        from_lmfit(model, params, inputs=COLUMNS)


def test_a_fit_of_a_python_function_cannot_be_loaded_and_says_why(tmp_path: Path) -> None:
    result = fit(from_lmfit(*positive(powers), inputs=COLUMNS), RUNS, starts=4)
    result.save(tmp_path / "law.json")
    with pytest.raises(UsageError, match=r"is a Python function, which no file can hold\. Next: make the law again"):
        load_fit(tmp_path / "law.json")


def test_a_parameter_without_a_first_guess_is_named() -> None:
    def bare(x, a, b):  # type: ignore[no-untyped-def]
        return a * x**-b

    with pytest.raises(UsageError, match="a of lmfit\\(bare\\) has no first guess"):
        from_lmfit(lmfit.Model(bare), inputs={"x": "n_params"})
