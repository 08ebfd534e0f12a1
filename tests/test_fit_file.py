"""A saved fit knows after loading what it knew before, whatever its law predicts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import scalelaw as sl


def test_a_law_of_the_learning_rate_keeps_the_rates_it_was_fitted_to(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n_params, n_tokens = np.exp(rng.uniform(np.log([[1e6], [1e8]]), np.log([[1e8], [1e10]]), (2, 24)))
    lr = 1.8 * n_params**-0.7 * n_tokens**0.3 * np.exp(0.05 * rng.standard_normal(24))
    runs = sl.RunTable.of(n_params=n_params, n_tokens=n_tokens, loss=np.full(24, 3.0), extras={"learning_rate": lr})
    fit = sl.fit("learning_rate", runs)
    fit.save(tmp_path / "law.json")
    again = sl.load_fit(tmp_path / "law.json")
    at = sl.LossAt(n_params=1e9, n_tokens=2e10)
    before, after = (sl.uncertainty(known).interval(at) for known in (fit, again))
    assert isinstance(before, sl.Interval)
    assert before.as_dict() == after.as_dict()
