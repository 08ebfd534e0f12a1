"""Published laws by name: their printed numbers come back, and runs beside them are told apart from them."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from scalelaw.cli._options import Format
from scalelaw.cli._published import write_against
from scalelaw.counting import PARAMS_CONVENTIONS
from scalelaw.errors import UsageError
from scalelaw.published import VERIFIED, PublishedLaw, against, get_published, published_laws
from scalelaw.results import Interval, Unavailable
from scalelaw.runs import Conventions, RunTable

LAWS = list(published_laws().values())
CHINCHILLA = get_published("hoffmann-2022")


def runs(offset: float = 0.0, noise: float = 0.0, drift: float = 0.0, n: int = 40, seed: int = 0) -> RunTable:
    """Runs on the printed law of Hoffmann et al., shifted by a share, scattered, and drifting with compute."""
    rng = np.random.default_rng(seed)
    N, D = 10.0 ** rng.uniform(8, 9.5, n), 10.0 ** rng.uniform(9.5, 11, n)
    away = offset + rng.normal(0.0, noise, n) + drift * (np.log10(6 * N * D) - 20)
    return RunTable.of(n_params=N, n_tokens=D, loss=CHINCHILLA.predict(n_params=N, n_tokens=D) * np.exp(away))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_every_law_says_where_it_is_from_and_how_far_it_was_checked(law: PublishedLaw) -> None:
    assert law.paper
    assert law.year.isdigit()
    assert law.verified in VERIFIED
    assert law.source
    assert law.form
    assert law.coefficients
    assert law.params_convention in ("", *PARAMS_CONVENTIONS)
    low, high = law.flops
    assert math.isnan(low) == math.isnan(high)
    assert not low > high
    for name, (bottom, top) in law.intervals.items():
        assert bottom < law.coefficients[name] < top
    assert bool(law.intervals) == bool(law.intervals_are)


@pytest.mark.parametrize("law", [law for law in LAWS if law.formula], ids=lambda law: law.name)
def test_the_coefficients_are_those_of_the_law_it_is_said_to_be(law: PublishedLaw) -> None:
    assert set(law.coefficients) == set(law.law.names)
    low, high = np.array([(param.low, param.high) for param in law.law.params]).T
    assert (law.natural >= low).all()
    assert (law.natural <= high).all()


@pytest.mark.parametrize(
    ("name", "inputs", "value", "digits"),
    [
        ("kaplan-2020-params", {"n_params": 85e6}, 2.865, 3),
        ("hoffmann-2022", {"n_params": 70e9, "n_tokens": 1.4e12}, 1.69 + 406.4 / 70e9**0.34 + 410.7 / 1.4e12**0.28, 12),
        ("muennighoff-2023", {"n_params": 6.34e9, "n_tokens": 242e9, "unique_tokens": 25e9}, 2.2256440889984477, 12),
        ("muennighoff-2023", {"n_params": 8.67e9, "n_tokens": 178e9, "unique_tokens": 25e9}, 2.2269634075087867, 12),
        ("henighan-2020-image-8x8", {"n_params": 1e9}, 3.1398, 4),
        ("deepseek-2024-learning-rate", {"flops": 1e20}, 9.86e-4, 6),
        ("kaplan-2020-optimum", {"flops": 8.64e19}, 1.3e9, -3),
        ("kaplan-2020-compute", {"flops": 3.1e8 * 8.64e19}, 1.0, 12),
        ("kaplan-2020-tokens", {"n_tokens": 5.4e13}, 1.0, 12),
    ],
)
def test_printed_numbers_come_back(name: str, inputs: dict[str, float], value: float, digits: int) -> None:
    assert get_published(name).predict(**inputs)[0] == pytest.approx(value, abs=0.5 * 10.0**-digits)


def test_kaplans_joint_law_tends_to_a_law_of_parameters_alone() -> None:
    law = get_published("kaplan-2020")
    alone = (6.4e13 / 85e6) ** 0.076
    assert law.predict(n_params=85e6, n_tokens=1e30)[0] == pytest.approx(alone, rel=1e-6)


def test_the_unrounded_constants_are_the_printed_ones_to_their_digits() -> None:
    printed, exact = CHINCHILLA.coefficients, get_published("hoffmann-2022-unrounded").coefficients
    assert {name: round(exact[name], 2 if name in ("E", "alpha", "beta") else 1) for name in printed} == printed


def test_exponents_of_the_optimum_follow_from_those_of_the_loss() -> None:
    """Hoffmann et al., Table 2: a = 0.46 by approach 3; Besiroglu et al.: 0.513."""
    for name, a in (("hoffmann-2022-unrounded", 0.457), ("besiroglu-2024", 0.513)):
        law = get_published(name)
        sizes = [law.law.optimum(law.natural[None], flops)[0][0] for flops in (1e20, 1e22)]
        assert math.log10(sizes[1] / sizes[0]) / 2 == pytest.approx(a, abs=6e-4)


def test_unknown_names_are_answered_with_near_ones_and_exponents_alone_predict_nothing() -> None:
    with pytest.raises(UsageError, match="Did you mean hoffmann-2022"):
        get_published("hofmann-2022")
    with pytest.raises(UsageError, match=r"all that is known here: a = 0\.49, b = 0\.51"):
        get_published("hoffmann-2022-isoflop").predict(flops=1e20)


def test_it_says_how_far_outside_the_papers_runs_a_compute_lies() -> None:
    assert CHINCHILLA.beyond(1e20) == ()
    assert "10 times above" in CHINCHILLA.beyond(1e23)[0].message
    assert "10 times below" in CHINCHILLA.beyond(1e17)[0].message
    assert "not on record" in get_published("kaplan-2020").beyond(1e20)[0].message


def test_what_was_not_read_in_the_authors_numbers_is_said_to_be_so() -> None:
    for law in LAWS:
        assert (law.verified == "yes") != any(item.code == "W_UNVERIFIED" for item in law.cautions())


def test_runs_on_the_law_have_no_offset_and_shifted_ones_theirs() -> None:
    found = against(CHINCHILLA, runs())
    assert np.abs(found.residuals).max() < 1e-12
    found = against(CHINCHILLA, runs(offset=0.05, noise=0.004))
    assert isinstance(found.offset, Interval)
    assert found.offset.contains(0.05)
    assert found.offset.high - found.offset.low < 0.005
    assert found.scatter == pytest.approx(0.004, rel=0.3)
    assert found.order > 0.99


def test_the_interval_of_the_offset_covers_at_its_level() -> None:
    inside = [
        against(CHINCHILLA, runs(offset=0.03, noise=0.01, n=8, seed=seed)).offset.contains(0.03)  # type: ignore[union-attr]
        for seed in range(400)
    ]
    assert np.mean(inside) == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / 400))


def test_runs_of_one_group_count_once() -> None:
    table = runs(noise=0.01, n=6)
    doubled = replace(table.take([0, 0, 0, 0, 1, 2, 3, 4, 5]))
    once, twice = against(CHINCHILLA, table).offset, against(CHINCHILLA, doubled).offset
    assert isinstance(once, Interval)
    assert isinstance(twice, Interval)
    assert twice.low == pytest.approx(once.low)
    assert isinstance(against(CHINCHILLA, table.take([0, 1])).offset, Unavailable)


def codes(published: PublishedLaw, table: RunTable) -> set[str]:
    """What is said of a comparison."""
    return {item.code for item in against(published, table).findings}


def test_differences_that_make_a_comparison_unfair_are_named() -> None:
    table = runs(noise=0.003)
    assert not codes(CHINCHILLA, table) & {"W_PARAMS", "W_UNIT", "W_DRIFT", "W_RANGE"}
    assert "W_PARAMS" in codes(CHINCHILLA, replace(table, conventions=Conventions(params="non_embedding")))
    assert "W_UNIT" in codes(replace(CHINCHILLA, unit="bits/character"), table)
    assert "W_RANGE" in codes(replace(CHINCHILLA, flops=(1e18, 1e19)), table)
    assert "W_DRIFT" in codes(CHINCHILLA, runs(noise=0.003, drift=0.02))
    assert "W_OPTIMA" in codes(get_published("porian-2024-tuned"), table)


def test_a_law_of_tokens_alone_stands_beside_runs_without_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    D = np.logspace(9, 10.5, 6)
    law = get_published("kaplan-2020-tokens")
    found = against(law, RunTable.of(n_tokens=D, loss=1.02 * law.predict(n_tokens=D)))
    assert isinstance(found.offset, Interval)
    assert found.offset.estimate == pytest.approx(math.log(1.02))
    write_against(found, 0.95, Format.json)
    assert json.loads(capsys.readouterr().out)["residuals"][0]["flops"] is None
    write_against(found, 0.95, Format.table)
    assert "1.02" in capsys.readouterr().out
