"""Whatever hangs together is drawn together, and everything fitted is fitted again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import scalelaw as sl
from scalelaw.loss2loss import pair_runs, relate, resample
from scalelaw.loss2loss.resampling import configurations
from scalelaw.results import Interval
from tests.loss2loss.sweeps import E_X, E_Y, sweeps


def test_seeds_and_partners_are_one_configuration() -> None:
    x = sl.RunTable.of(n_params=[1e6, 1e6, 2e6, 3e6, 9e6], n_tokens=[1e7] * 5, loss=[2.0, 2.4, 1.9, 1.8, 1.7])
    y = sl.RunTable.of(n_params=[3e6, 2e6, 1e6], n_tokens=[1e7] * 3, loss=[2.8, 2.9, 3.0])
    of_x, of_y, of_pairs, count = configurations(pair_runs(x, y))
    assert of_x.tolist() == [0, 0, 1, 2, 3]
    assert of_y.tolist() == [2, 1, 0]
    assert of_pairs.tolist() == [0, 1, 2]
    assert count == 4


def test_groups_of_a_table_tie_their_pairs_together() -> None:
    x, y = sweeps()
    grouped = replace(x, group=tuple("small" if n < 1e8 else f"g{i}" for i, n in enumerate(x.n_params)))
    *_, count = configurations(pair_runs(grouped, y))
    assert count == 1 + sum(n >= 1e8 for n in x.n_params)


def test_two_losses_of_one_table_share_their_runs() -> None:
    x, _ = sweeps()
    assert configurations(pair_runs(x, x, "run"))[3] == len(x)


def test_irreducible_losses_vary_with_the_surfaces_unless_they_are_given() -> None:
    pairs = pair_runs(*sweeps(0.01))
    fitted = resample(relate(pairs, starts=8), 50)
    fixed = resample(relate(pairs, (E_X, E_Y)), 50)
    assert (np.ptp(fitted.values[:, 2:], axis=0) > 0).all()
    assert (np.ptp(fixed.values[:, 2:], axis=0) == 0).all()
    assert np.std(fitted.values[:, 0]) > 1.5 * np.std(fixed.values[:, 0])


def test_without_noise_every_replicate_is_the_estimate() -> None:
    drawn = resample(relate(pair_runs(*sweeps()), (E_X, E_Y)), 20)
    np.testing.assert_allclose(drawn.values, np.tile(drawn.relation.values, (20, 1)), rtol=1e-9)


def test_free_irreducible_losses_are_drawn_too() -> None:
    drawn = resample(relate(pair_runs(*sweeps(0.001)), "free", starts=8), 50)
    assert np.nanstd(drawn.values[:, 3]) > 0


def test_the_same_seed_gives_the_same_interval_and_a_new_run_scatters_more_than_the_curve() -> None:
    relation = relate(pair_runs(*sweeps(0.005)), starts=8)
    first, second = (resample(relation, 200, seed=3) for _ in range(2))
    assert first.interval("kappa") == second.interval("kappa")
    curve, new = first.at(2.5), first.prediction_at(2.5)
    assert isinstance(curve, Interval)
    assert isinstance(new, Interval)
    assert new.high - new.low > curve.high - curve.low > 0
    assert (curve.kind, new.kind) == ("confidence", "prediction")


def test_too_few_configurations_are_not_resampled() -> None:
    x, y = (table.take(range(5)) for table in sweeps())
    with pytest.raises(sl.UsageError, match="too few to resample"):
        resample(relate(pair_runs(x, x, "run"), (E_X, E_X)), 20)
    assert len(y) == 5
