"""Laws of the learning-rate schedule, and the published loss curves of 25 million parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalelaw.errors import DataError, UsageError
from scalelaw.fitting import fit
from scalelaw.laws import Law, get_law
from scalelaw.laws._schedules import Drops
from scalelaw.laws.multi_power import MultiPower
from scalelaw.laws.tissue import annealing_areas
from scalelaw.runs import RunTable
from tests.truths import TRUTH, exact, schedules

WARMUP, PEAK, LOW = 2160, 3e-4, 3e-5
TRAINED = ("constant_24000", "cosine_24000", "wsdcon_9")
"""What Luo et al. fit to; the other curves are predicted."""


def published_schedule(name: str) -> np.ndarray:
    """The learning rate of every step of a published curve."""
    kind, *numbers = name.split("_")
    steps = 16_000 if kind == "wsdcon" else int(numbers[-1])
    at = np.arange(1, steps + 1)
    decay = np.clip((at - 20_000) / 4_000, 0, 1)
    after = {
        "constant": lambda: np.ones(steps) * PEAK,
        "cosine": lambda: LOW + (PEAK - LOW) * 0.5 * (1 + np.cos(np.pi * (at - WARMUP) / (steps - WARMUP))),
        "wsd": lambda: PEAK * (LOW / PEAK) ** decay,
        "wsdld": lambda: PEAK + (LOW - PEAK) * decay,
        "wsdcon": lambda: np.where(at <= 8_000, PEAK, int(numbers[0]) * 1e-5),
    }[kind]()
    return np.where(at <= WARMUP, PEAK * at / WARMUP, after)


@pytest.fixture(scope="module")
def curves() -> dict[str, np.ndarray]:
    """Step, learning rate and loss of the nine curves."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "multipowerlaw-curves" / "csv_25"
    if not folder.is_dir():
        pytest.skip("published loss curves are not beside this checkout (../shared/data)")
    return {path.stem: np.genfromtxt(path, delimiter=",", names=True) for path in sorted(folder.glob("*.csv"))}


def table(curves: dict[str, np.ndarray], names: tuple[str, ...]) -> RunTable:
    """The curves named, one below the other, with what either law reads."""
    columns: dict[str, list[np.ndarray]] = {"S1": [], "S2": [], "schedule": [], "step": [], "loss": []}
    for name in names:
        step = curves[name]["step"].astype(int)
        S1, S2 = annealing_areas(published_schedule(name))
        for key, values in (("S1", S1[step - 1]), ("S2", S2[step - 1]), ("step", step), ("loss", curves[name]["loss"])):
            columns[key].append(values)
        columns["schedule"].append(np.full(len(step), name))
    joined = {key: np.concatenate(values) for key, values in columns.items()}
    return RunTable.of(loss=joined.pop("loss"), extras=joined)


def test_published_schedules_are_the_logged_ones(curves: dict[str, np.ndarray]) -> None:
    for name, curve in curves.items():
        logged = curve["lr"][curve["step"] < (8_000 if "wsdcon" in name else np.inf)]
        at = curve["step"][: len(logged)].astype(int) - 1
        np.testing.assert_allclose(published_schedule(name)[at], logged, rtol=1e-9)


def test_multi_power_predicts_with_the_published_error(curves: dict[str, np.ndarray]) -> None:
    """Luo et al. 2025, 25M: mean relative error 0.00110 over six curves, at parameters rounded to five digits."""
    law = MultiPower({name: published_schedule(name) for name in curves})
    natural = np.array([[3.0405, 0.5247, 0.5079, 363.79, 2.0656, 0.5828, 0.6414]])
    errors = []
    for name in curves.keys() - set(TRAINED):
        runs = table(curves, (name,))
        errors.append(np.abs(law.predict(natural, law.read(runs))[0] / runs.loss - 1).mean())
    assert np.mean(errors) == pytest.approx(0.00110, abs=1e-5)


@pytest.mark.parametrize(("kind", "most"), [("tissue", 0.0015), ("multi_power", 0.0015)])
def test_laws_fitted_to_three_curves_predict_the_other_six(
    curves: dict[str, np.ndarray], kind: str, most: float
) -> None:
    law: Law = get_law(kind) if kind == "tissue" else MultiPower({name: published_schedule(name) for name in curves})
    runs = table(curves, TRAINED)
    found = fit(law, runs, "log_huber", starts=4)
    assert found.certificate.converged
    errors = []
    for name in curves.keys() - set(TRAINED):
        unseen = table(curves, (name,))
        errors.append(np.abs(law.predict(found.natural[None], law.read(unseen))[0] / unseen.loss - 1).mean())
    assert np.mean(errors) < most


def test_multi_power_is_its_formula_written_as_a_loop() -> None:
    law, runs = MultiPower(schedules()), exact("multi_power")
    L_0, A, alpha, B, C, beta, gamma = TRUTH["multi_power"].values()
    for i in (0, 25, 47, 79):
        eta = schedules()[str(runs.extras["schedule"][i])][: int(runs.extras["step"][i])]
        fallen, before = 0.0, 0.0
        for k in range(len(eta)):
            since = eta[k:].sum()
            fallen += (before - eta[k]) * (1 - (1 + C * eta[k] ** -gamma * since) ** -beta)
            before = eta[k]
        assert runs.loss[i] == pytest.approx(L_0 + A * eta.sum() ** -alpha - B * fallen, rel=1e-11)
    np.testing.assert_allclose(
        law.predict(np.array([list(TRUTH["multi_power"].values())]), law.read(runs))[0], runs.loss
    )


def test_gathered_falls_keep_their_total_and_their_order() -> None:
    rates = published_schedule("cosine_24000")
    each, gathered = Drops.of(rates, 10**9), Drops.of(rates, 64)
    assert 23_999 <= len(each.size) <= 24_000
    assert len(gathered.size) < 70
    assert gathered.size.sum() == pytest.approx(each.size.sum(), rel=1e-9)
    assert (np.diff(gathered.before) > 0).all()
    assert (gathered.size < 0).any()
    assert (gathered.size > 0).any()


def test_a_schedule_by_name_or_by_number_is_one_input() -> None:
    law, runs = MultiPower(schedules()), exact("multi_power")
    numbered = runs.take(range(len(runs)))
    numbers = {name: i for i, name in enumerate(schedules(), 1)}
    extras = {"step": runs.extras["step"], "schedule": np.array([numbers[name] for name in runs.extras["schedule"]])}
    numbered = RunTable.of(loss=runs.loss, extras=extras)
    np.testing.assert_array_equal(law.read(numbered), law.read(runs))


def test_missing_schedules_steps_and_rates_are_refused_with_the_next_step() -> None:
    runs, natural = exact("multi_power"), np.array([list(TRUTH["multi_power"].values())])
    with pytest.raises(UsageError, match="needs the schedules"):
        get_law("multi_power").predict(natural, np.array([[1.0, 5.0]]))
    with pytest.raises(UsageError, match=r"Unknown schedule 'constant'\. Known: other"):
        MultiPower({"other": np.ones(9)}).read(runs)
    with pytest.raises(DataError, match="constant has the steps 1 to 9"):
        MultiPower({"constant": np.ones(9)}).predict(natural, np.array([[1.0, 10.0]]))
    with pytest.raises(DataError, match="positive learning rates"):
        annealing_areas([1e-3, 0.0])


def test_annealing_areas_are_their_recursion() -> None:
    rates = schedules()["cosine"]
    S1, S2 = annealing_areas(rates, momentum=0.9)
    peak, m, total = int(np.argmax(rates)), 0.0, 0.0
    for i in range(len(rates)):
        m = 0.9 * m + (rates[i - 1] - rates[i] if i > peak else 0.0)
        total += m
        assert S2[i] == pytest.approx(total, rel=1e-9, abs=1e-18)
    assert S1[-1] == pytest.approx(rates.sum())
    assert (annealing_areas(schedules()["constant"])[1] == 0).all()
