"""Published tables read as their sources describe them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scalelaw.readers import exclude_expression, read_runs


def test_the_chinchilla_table_has_245_rows_and_240_below_the_five_largest_losses(development_data: Path) -> None:
    """Besiroglu et al. 2024, arXiv 2404.10102, section 3: the five runs of highest loss are left out."""
    path = development_data / "epoch-chinchilla" / "svg_extracted_data.csv"
    table = read_runs(path, flops="Training FLOP", n_params="Model Size")
    assert len(table) == 245
    assert table.conventions.flops == "6ND"
    np.testing.assert_allclose(6 * table.n_params * table.n_tokens, table.flops, rtol=1e-12)
    kept = exclude_expression(table, "loss >= largest(5)")
    assert len(kept) == 240
    assert kept.loss.max() < table.loss[np.argsort(table.loss)[-5]]


def test_the_usual_names_find_the_same_columns(development_data: Path) -> None:
    path = development_data / "epoch-chinchilla" / "svg_extracted_data.csv"
    named = read_runs(path, flops="Training FLOP", n_params="Model Size")
    assert read_runs(path).fingerprint == named.fingerprint


def test_flops_logged_a_step_are_noticed(development_data: Path) -> None:
    path = development_data / "kempner-porian-subsets" / "kempner_sweep_4sets.csv"
    table = read_runs(path, loss="eval/c4_val/CrossEntropyLoss", drop_invalid=True)
    assert "W_FLOPS" in [note.code for note in table.notes]
