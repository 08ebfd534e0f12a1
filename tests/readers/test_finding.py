"""A folder is searched once: links within it, names that mislead, and logs of several formats."""

from __future__ import annotations

from pathlib import Path

from scalelaw.readers import read_runs

RUN = '{"type": "config", "n_params": 1000000}\n{"step": 10, "tokens": 1000, "loss": 3.5}\n'
TEXT = "step 10: train loss 3.6, val loss 3.5\n"


def test_what_a_link_within_the_folder_leads_to_is_read_once(tmp_path: Path) -> None:
    """Trackers link `latest` to the run they write."""
    (tmp_path / "one.jsonl").write_text(RUN)
    (tmp_path / "latest.jsonl").symlink_to("one.jsonl")
    lightning = tmp_path / "fit" / "version_0"
    lightning.mkdir(parents=True)
    (lightning / "metrics.csv").write_text("epoch,step,loss,tokens\n0,9,3.25,1000\n")
    (lightning / "hparams.yaml").write_text("n_params: 1000000\n")
    (tmp_path / "fit" / "latest").symlink_to("version_0", target_is_directory=True)
    assert sorted(read_runs(tmp_path).run_id) == ["fit/version_0", "one"]


def test_a_link_out_of_the_folder_is_noted(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "two.jsonl").write_text(RUN)
    (inside / "one.jsonl").write_text(RUN)
    (inside / "two.jsonl").symlink_to(tmp_path / "two.jsonl")
    table = read_runs(inside)
    assert table.run_id == ("one",)
    assert ["two.jsonl" in note.message for note in table.notes if note.code == "W_SYMLINK"] == [True]


def test_a_table_beside_the_files_of_a_tracker_is_left_alone_and_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("epoch,step,loss,tokens\n0,9,3.25,1000\n")
    (tmp_path / "hparams.yaml").write_text("n_params: 1000000\n")
    said = [note.message for note in read_runs(tmp_path).notes if note.code == "I_IGNORED"]
    assert said == []
    (tmp_path / "one.jsonl").write_text(RUN)
    said = [note.message for note in read_runs(tmp_path).notes if note.code == "I_IGNORED"]
    assert [
        message.startswith("one.jsonl: not read, for the folder is read as one of lightning") for message in said
    ] == [True]


def test_logs_of_two_formats_may_tell_a_run_twice(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text(RUN.replace('"loss"', '"val_loss"'))
    assert "W_FORMATS" not in [note.code for note in read_runs(tmp_path).notes]
    (tmp_path / "two.log").write_text(TEXT)
    table = read_runs(tmp_path, loss="val_loss", given={"n_params": "1M"}, n_tokens="step*100")
    assert len(table) == 2
    assert ["jsonl_log, nanogpt" in note.message for note in table.notes if note.code == "W_FORMATS"] == [True]
