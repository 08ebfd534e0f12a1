"""Lightning's CSV logs count updates from 0; the table counts the updates made."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scalelaw.readers import read_runs
from scalelaw.readers.base import Manner
from scalelaw.readers.lightning import KIND
from scalelaw.readers.settings import settings

SAMPLE = Path(__file__).with_name("samples") / "lightning_csv"


def test_the_sample_is_read_with_its_settings() -> None:
    table = read_runs(SAMPLE / "version_0", given={"n_params": "5"}, curve="all")
    assert set(table.run_id) == {"lightning_csv/version_0"}
    assert table.n_tokens.tolist() == [8, 16, 24, 32]
    assert table.extras["w"].tolist() == [8, 8, 8, 8]


def test_a_product_of_steps_is_the_number_of_tokens_that_was_logged() -> None:
    """The model logged `(global_step + 1) * 4` tokens itself, so steps of the table times 4 must give the same."""
    product = read_runs(SAMPLE, given={"n_params": "5"}, n_tokens="step*4", curve="all")
    logged = read_runs(SAMPLE, given={"n_params": "5"}, n_tokens="tokens", curve="all")
    np.testing.assert_array_equal(product.n_tokens, logged.n_tokens)
    assert "I_STEP" in [note.code for note in product.notes]


def test_lines_of_training_and_validation_after_one_step_are_one_point(tmp_path: Path) -> None:
    folder = tmp_path / "ladder" / "version_3"
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text("epoch,step,train/loss,val/loss\n0,49,3.5,\n0,99,3.25,\n0,99,,3.3\n")
    (log,) = KIND.logs(folder / "metrics.csv", Manner()).runs
    assert log.name == "ladder/version_3"
    assert [point["step"] for point in log.points] == [50, 100]
    assert log.points[1] == {"epoch": "0", "step": 100, "train/loss": "3.25", "val/loss": "3.3"}
    assert list(log.lines) == [2, 3]


def test_settings_that_hold_objects_are_noted_and_never_made(tmp_path: Path) -> None:
    folder = tmp_path / "version_0"
    folder.mkdir()
    (folder / "metrics.csv").write_text("epoch,step,loss\n0,9,3.5\n")
    (folder / "hparams.yaml").write_text("act: !!python/name:os.system\nlr: 0.1\n")
    logs = KIND.logs(folder, Manner())
    assert logs.runs[0].config == {"lr": 0.1}
    (note,) = [note for note in logs.notes if note.code == "W_SETTINGS"]
    assert "hparams.yaml: not read" in note.message
    assert "act (the tag tag:yaml.org,2002:python/name:os.system is refused)" in note.message


def test_settings_around_one_that_is_refused_are_read_whole(tmp_path: Path) -> None:
    """PyYAML writes lists below their key without indenting them, and tuples with a tag."""
    path = tmp_path / "hparams.yaml"
    refused = "betas: !!python/tuple\n- 0.9\n- 0.95\nflag: no\n"
    path.write_text(f"# of a model\n{refused}model:\n  depth: 2\nsizes:\n- 1\n- 2\n")
    found = settings(path)
    assert found.values == {"model/depth": 2, "sizes": [1, 2]}
    (note,) = found.notes
    assert "betas (" in note.message
    assert "flag (" in note.message


def test_a_table_that_is_merely_called_metrics_csv_is_none_of_lightning(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,step,loss,N,D\n0,100,3,1e6,1e8\n0,200,2.5,1e6,2e8\n")
    table = read_runs(path)
    assert table.extras["step"].tolist() == [100, 200]
    assert "I_STEP" not in [note.code for note in table.notes]
