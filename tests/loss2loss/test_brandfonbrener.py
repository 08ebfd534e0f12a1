"""Brandfonbrener et al. 2024, arXiv 2411.12925, on the rows that are shared: four of their six training sets."""

from __future__ import annotations

from functools import cache
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

import scalelaw as sl
from scalelaw.fitting import Fit
from scalelaw.loss2loss import extrapolate, pair_runs, relate, translate
from scalelaw.loss2loss.relating import fit_surface
from scalelaw.results import Unavailable
from tests.conftest import DEVELOPMENT_DATA

FOLDER = DEVELOPMENT_DATA / "kempner-porian-subsets"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="published tables are not in ../shared/data")
EDU = "fineweb-edu-100b"
PRINTED = {"fineweb-100b": (1.00, 1.01), "slimpajama-chunk1": (0.97, 1.05), "smollm-corpus": (1.01, 1.07)}
"""kappa and K from FineWeb-Edu, as printed."""


@cache
def tables() -> dict[str, sl.RunTable]:
    rows = pd.read_csv(FOLDER / "kempner_sweep_4sets.csv")
    return {
        str(name): sl.RunTable.of(n_params=of.params.astype(float), n_tokens=of.tokens.astype(float), loss=of.val_loss)
        for name, of in rows.groupby("data")
    }


@cache
def largest() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "kempner_extrapolation_4sets.csv").set_index("data")


def authors(name: str) -> float:
    """Their E of Kaplan's form."""
    rows = pd.read_csv(FOLDER / "kempner_opt_params_data_4sets.csv")
    return float(rows[(rows.data == name) & rows.kaplan & (rows.loss_name == "val_loss")].E.iloc[0])


def given(x: str, y: str) -> tuple[float, float]:
    relation = relate(pair_runs(tables()[x], tables()[y]), (authors(x), authors(y)))
    return relation.value("kappa"), relation.value("K")


@pytest.mark.parametrize("y", PRINTED)
def test_with_the_authors_irreducible_losses_kappa_and_k_are_as_printed(y: str) -> None:
    assert [round(value, 2) for value in given(EDU, y)] == list(PRINTED[y])


def test_a_refit_by_another_program_agrees_to_six_digits() -> None:
    assert [round(value, 6) for value in given("fineweb-100b", EDU)] == [0.999367, 0.985766]


@pytest.mark.parametrize("pair", list(permutations(("fineweb-100b", EDU, "slimpajama-chunk1", "smollm-corpus"), 2)))
def test_every_pair_is_least_squares_of_the_logs_to_six_digits(pair: tuple[str, str]) -> None:
    """Against numpy's polyfit on pandas' join by tokens, as the authors join."""
    rows = pd.read_csv(FOLDER / "kempner_sweep_4sets.csv")
    x, y = (rows[rows.data == name] for name in pair)
    both = x.merge(y, on="tokens")
    log_x, log_y = (np.log(both[f"val_loss_{s}"] - authors(name)) for s, name in zip("xy", pair, strict=True))
    kappa, log_K = np.polyfit(log_x, log_y, 1)
    np.testing.assert_allclose(given(*pair), (kappa, np.exp(log_K)), atol=5e-7)


def surfaces() -> dict[str, Fit]:
    return {name: fit_surface(runs, "chinchilla", starts=8) for name, runs in tables().items()}


def test_our_surfaces_predict_the_run_of_twenty_times_the_compute_within_one_percent() -> None:
    """Mean over the twelve pairs, and below what the surfaces themselves predict there."""
    found, far = surfaces(), largest()
    losses = {name: float(far.val_loss[name]) for name in found}
    errors = []
    for x, y in permutations(found, 2):
        pairs = pair_runs(tables()[x], tables()[y])
        relation = relate(pairs, (found[x].value("E"), found[y].value("E")))
        errors.append(abs(relation.predict(losses[x])[0] / losses[y] - 1))
    direct = [
        abs(fit.predict(n_params=far.params[name], n_tokens=far.tokens[name])[0] / losses[name] - 1)
        for name, fit in found.items()
    ]
    assert len(errors) == 12
    assert far.flops.nunique() == 1
    assert np.mean(errors) < 0.01 < 0.04 < np.mean(direct)


def test_a_law_carried_over_by_four_small_runs_beats_those_runs_alone() -> None:
    """Four of the cheapest third of y's runs, 1/480 of the compute: 3 % against 14 % with kappa free, 24 % alone."""
    found, far, errors = surfaces(), largest(), []
    for x, y in permutations(found, 2):
        order = np.argsort(tables()[y].flops)
        few = tables()[y].take(order[np.linspace(0, len(order) // 3, 4).round().astype(int)])
        point = (float(far.params[y]), float(far.tokens[y]))
        alone = extrapolate(few, *point)
        assert not isinstance(alone, Unavailable)
        ways = translate(found[x], few), translate(found[x], few, "free")
        losses = np.array([*(way.predict(*point)[0] for way in ways), alone[0]])
        errors.append(np.abs(losses / far.val_loss[y] - 1))
    held, free, direct = np.mean(errors, axis=0)
    assert held < 0.035
    assert held < free / 3 < direct / 3
