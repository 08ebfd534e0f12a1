"""Shared parameters: one law for all groups of runs, with what differs told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalelaw.errors import DataError, UsageError
from scalelaw.fit_file import load_fit
from scalelaw.fitting import fit
from scalelaw.intervals import LossAt
from scalelaw.intervals.bootstrap import bootstrap
from scalelaw.laws import Law, get_law, share
from scalelaw.runs import RunTable
from tests.conftest import CHINCHILLA, chinchilla_loss, simulated
from tests.laws.differences import assert_exact_derivatives

SETS = ("c4", "pile")
OFFSET = {"c4": 0.0, "pile": 0.25}


def two_sets(n: int = 80, noise: float = 0.003) -> RunTable:
    """Runs of `CHINCHILLA` on two data sets, the second with an irreducible loss that is 0.25 higher."""
    table = simulated(n, noise=0.0)
    names = np.array(SETS)[np.arange(n) % 2]
    loss = chinchilla_loss(table.n_params, table.n_tokens) + np.array([OFFSET[name] for name in names])
    loss = loss * np.exp(noise * np.random.default_rng(1).standard_normal(n))
    return RunTable.of(n_params=table.n_params, n_tokens=table.n_tokens, loss=loss, extras={"dataset": names})


RUNS = two_sets()

LABELS = [
    "chinchilla{E by dataset: c4, pile}",
    "chinchilla{E, A by dataset: c4, pile}",
    "chinchilla{alpha by dataset: c4, pile}",
    "chinchilla{E by dataset: c4, pile}[beta=alpha]",
    "chinchilla{E by dataset: c4, pile}[E[pile]=2.0672, 0.1<alpha<1]",
    "chinchilla[beta=alpha]{E by dataset: c4, pile}",
    "kaplan{N_c by dataset: c4, pile}",
    "kaplan{alpha_D by dataset: c4, pile}",
    "E + A / N^alpha + B / D^beta {E by dataset: c4, pile}",
]


def around(law: Law) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three working points near plausible natural parameters, the coordinates of `RUNS` and their centre."""
    inputs = law.read(RUNS)
    centre = law.centre(inputs)
    guesses = {"A": 482.0, "B": 2085.0, "E": 1.8, "N_c": 6e13, "D_c": 2e13, "alpha_N": 0.076, "alpha_D": 0.1}
    natural = np.array([[guesses.get(name.split("[")[0], 0.35) * (1 + 0.02 * i) for i, name in enumerate(law.names)]])
    theta = law.working(natural, centre) * np.array([[1.0], [0.98], [1.03]])
    return theta, law.coordinates(inputs, centre), centre


@pytest.mark.parametrize("label", LABELS)
def test_a_label_brings_the_same_law_back(label: str) -> None:
    law = get_law(label)
    assert law.label == label
    theta, z, centre = around(law)
    np.testing.assert_allclose(law.working(law.natural(theta, centre), centre), theta, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(
        law.predict(law.natural(theta, centre), law.read(RUNS)), np.exp(law.log_loss(theta, z)), rtol=1e-10
    )


@pytest.mark.parametrize("label", LABELS)
def test_derivatives_agree_with_finite_differences(label: str) -> None:
    law = get_law(label)
    theta, z, _ = around(law)
    assert_exact_derivatives(law, theta, z)


def test_what_is_own_is_recovered_value_by_value_and_the_rest_in_common() -> None:
    exact = two_sets(noise=0.0)
    result = fit(share("chinchilla", exact, by="dataset", own=("E",)), exact, "log_least_squares", starts=16)
    assert result.law.names == ("E[c4]", "E[pile]", "A", "alpha", "B", "beta")
    for name in SETS:
        assert result.value(f"E[{name}]") == pytest.approx(CHINCHILLA["E"] + OFFSET[name], rel=1e-6)
    for name in ("A", "alpha", "B", "beta"):
        assert result.value(name) == pytest.approx(CHINCHILLA[name], rel=1e-5), name


def test_a_law_that_shares_nothing_is_the_law_of_each_group() -> None:
    both = share("chinchilla", RUNS, by="dataset", own=("E", "A", "alpha", "B", "beta"))
    together = fit(both, RUNS, "log_least_squares")
    for name in SETS:
        alone = fit("chinchilla", RUNS.where(RUNS.column("dataset") == name), "log_least_squares")
        for parameter, value in alone.estimate.items():
            assert together.value(f"{parameter}[{name}]") == pytest.approx(value, rel=1e-5), parameter


def test_shared_exponents_are_known_better_than_those_of_one_group() -> None:
    together = fit(share("chinchilla", RUNS, by="dataset", own=("E",)), RUNS)
    alone = fit("chinchilla", RUNS.where(RUNS.column("dataset") == "c4"))
    at = together.law.names.index("alpha")
    assert together.certificate.log_errors[at] < alone.certificate.log_errors[alone.law.names.index("alpha")]


def test_predictions_take_the_name_of_the_value() -> None:
    result = fit(share("chinchilla", RUNS, by="dataset", own=("E",)), RUNS)
    losses = result.predict(n_params=1e9, n_tokens=2e10, dataset=["c4", "pile"])
    assert losses[1] - losses[0] == pytest.approx(result.value("E[pile]") - result.value("E[c4]"), rel=1e-12)
    draws = bootstrap(result, 20)
    interval = draws.interval(LossAt(n_params=1e9, n_tokens=2e10, dataset="pile"))
    assert interval.target == "loss at n_params 1B, n_tokens 20B, dataset pile"
    assert interval.low < losses[1] < interval.high
    with pytest.raises(UsageError, match=r"Unknown dataset 'books'.*Known: c4, pile"):
        result.predict(n_params=1e9, n_tokens=2e10, dataset="books")


def test_a_saved_fit_comes_back_with_its_values(tmp_path: Path) -> None:
    result = fit(share("chinchilla", RUNS, by="dataset", own=("E",)), RUNS)
    result.save(tmp_path / "law.json")
    loaded = load_fit(tmp_path / "law.json")
    assert loaded.estimate == result.estimate
    np.testing.assert_array_equal(loaded.residuals, result.residuals)


def test_row_order_moves_no_label_and_no_estimate() -> None:
    shuffled = RUNS.take(np.random.default_rng(0).permutation(len(RUNS)))
    one, other = (share("chinchilla", table, by="dataset", own=("E",)) for table in (RUNS, shuffled))
    assert one.label == other.label
    first, second = (fit(one, table, "log_least_squares", starts=8) for table in (RUNS, shuffled))
    np.testing.assert_allclose(first.natural, second.natural, rtol=1e-6)


def test_values_of_any_spelling_survive_the_label() -> None:
    values = ('a, "b": c', "x]y", "plain one", "{E}", "über", "3")
    law = share("chinchilla", by="group", own=("E",), values=values)
    assert get_law(law.label).values == tuple(sorted(values))
    assert get_law(law.label).names == law.names


def test_the_optimum_is_common_where_only_e_is_own() -> None:
    law = get_law("chinchilla{E by dataset: c4, pile}")
    natural = np.array([[1.8, 2.0, 482.0, 0.35, 2085.0, 0.37]])
    expected = get_law("chinchilla").optimum(natural[:, [0, 2, 3, 4, 5]], 1e21)
    np.testing.assert_allclose(law.optimum(natural, 1e21), expected, rtol=1e-14)
    apart = get_law("chinchilla{alpha by dataset: c4, pile}")
    with pytest.raises(UsageError, match="differs between the values of dataset"):
        apart.optimum(np.array([[1.8, 482.0, 0.35, 0.3, 2085.0, 0.37]]), 1e21)


def test_a_curve_without_the_name_of_its_value_is_refused() -> None:
    law = get_law("chinchilla{E by dataset: c4, pile}")
    with pytest.raises(UsageError, match="no curve common to all"):
        law.predict(np.array([[1.8, 2.0, 482.0, 0.35, 2085.0, 0.37]]), np.array([[1e9, 2e10]]))


def test_an_unknown_value_in_the_table_is_refused_with_its_row() -> None:
    law = share("chinchilla", by="dataset", own=("E",), values=("c4", "books"))
    with pytest.raises(DataError, match=r"column dataset: .* knows books, c4; found 'pile'"):
        law.read(RUNS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "dataset", "own": ("F",), "values": SETS}, "Unknown parameter 'F' of chinchilla"),
        ({"by": "dataset", "own": (), "values": SETS}, "No parameter is own"),
        ({"by": "dataset", "own": ("E",), "values": ("c4",)}, "two values or more"),
        ({"by": "dataset", "own": ("E",)}, "two values or more"),
        ({"by": "n_params", "own": ("E",), "values": SETS}, "n_params is an input of chinchilla already"),
    ],
)
def test_what_cannot_be_shared_is_answered_with_the_reason(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        share("chinchilla", **arguments)


@pytest.mark.parametrize("label", ["chinchilla{E dataset: c4, pile}", "chinchilla{E by dataset}", "chinchilla{}"])
def test_a_label_that_shares_nothing_is_refused(label: str) -> None:
    with pytest.raises(UsageError, match=r"shares nothing\. Next: write it like"):
        get_law(label)
