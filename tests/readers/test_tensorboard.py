"""Event files: every point is read, whatever holds it, and what is torn or broken is said."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalelaw.errors import DataError
from scalelaw.readers import read_runs
from scalelaw.readers._tfrecords import PIECE, crc32c, framed
from scalelaw.readers.base import Manner
from scalelaw.readers.tensorboard import KIND
from tests.readers.test_protobuf import field

SAMPLES = Path(__file__).with_name("samples")
HALF, BFLOAT16 = 19, 14


def checksum(data: bytes) -> bytes:
    """The masked CRC-32C, a byte at a time."""
    state = 0xFFFFFFFF
    for byte in data:
        state = state >> 8 ^ STEPS[(state ^ byte) & 0xFF]
    state ^= 0xFFFFFFFF
    return struct.pack("<I", ((state >> 15 | state << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def stepped(state: int) -> int:
    """Eight bits of CRC-32C, as the polynomial defines them."""
    for _ in range(8):
        state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state


STEPS = [stepped(byte) for byte in range(256)]


def record(data: bytes) -> bytes:
    """Data between its length and its checksums."""
    length = struct.pack("<Q", len(data))
    return length + checksum(length) + data + checksum(data)


def event(step: int, *values: bytes, started: bool = False) -> bytes:
    """An event of a summary, or one that says the log was taken up again."""
    body = field(7, 2, field(1, 0, 1)) if started else field(5, 2, b"".join(field(1, 2, value) for value in values))
    return record(field(1, 1, struct.pack("<d", 1.7e9 + step)) + field(2, 0, step) + body)


def simple(tag: str, value: float) -> bytes:
    """A value as a float32."""
    return field(1, 2, tag.encode()) + field(2, 5, struct.pack("<f", value))


def tensor(tag: str, dtype: int, *parts: bytes, sizes: tuple[int, ...] = ()) -> bytes:
    """A value as a tensor of a type and shape."""
    shape = field(2, 2, b"".join(field(2, 2, field(1, 0, size)) for size in sizes))
    return field(1, 2, tag.encode()) + field(8, 2, field(1, 0, dtype) + shape + b"".join(parts))


def written(folder: Path, *events: bytes, name: str = "events.out.tfevents.1.host") -> Path:
    """A file of events; its folder is the run."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(record(field(3, 2, b"brain.Event:2")) + b"".join(events))
    return folder


def points(path: Path) -> list[dict[str, Any]]:
    """The points of the one run of a path, without their times."""
    (log,) = KIND.logs(path, Manner()).runs
    return [{name: value for name, value in point.items() if name != "wall_time"} for point in log.points]


def test_the_checksum_is_castagnolis() -> None:
    """RFC 3720, appendix B.4."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


@given(st.binary(max_size=3 * PIECE + 7))
@settings(max_examples=60, deadline=None)
def test_the_checksum_of_pieces_is_that_of_the_whole(data: bytes) -> None:
    state = 0xFFFFFFFF
    for byte in data:
        state = stepped(state ^ byte)
    assert crc32c(data) == state ^ 0xFFFFFFFF


def test_values_of_one_step_share_a_row(tmp_path: Path) -> None:
    run = written(
        tmp_path / "run",
        event(10, simple("loss", 3.5)),
        event(10, simple("tokens", 1e6)),
        event(20, simple("loss", 3.25)),
    )
    assert points(run) == [{"step": 10, "loss": 3.5, "tokens": 1e6}, {"step": 20, "loss": 3.25}]


@pytest.mark.parametrize(
    ("dtype", "part"),
    [
        (1, field(4, 2, struct.pack("<f", 2.5))),
        (1, field(5, 2, struct.pack("<f", 2.5))),
        (1, field(5, 5, struct.pack("<f", 2.5))),
        (2, field(4, 2, struct.pack("<d", 2.5))),
        (2, field(6, 2, struct.pack("<d", 2.5))),
        (2, field(6, 1, struct.pack("<d", 2.5))),
        (HALF, field(4, 2, struct.pack("<e", 2.5))),
        (HALF, field(13, 2, b"\x80\x82\x01")),  # 0x4100
        (BFLOAT16, field(4, 2, b"\x20\x40")),
        (BFLOAT16, field(13, 2, b"\xa0\x80\x01")),  # 0x4020
    ],
)
def test_a_tensor_of_one_element_is_a_number_in_every_float_type(tmp_path: Path, dtype: int, part: bytes) -> None:
    run = written(
        tmp_path / "run", event(1, tensor("loss", dtype, part)), event(2, tensor("loss", dtype, part, sizes=(1,)))
    )
    assert points(run) == [{"step": 1, "loss": 2.5}, {"step": 2, "loss": 2.5}]


def test_integers_are_numbers_and_text_histograms_and_images_are_not(tmp_path: Path) -> None:
    run = written(
        tmp_path / "run",
        event(1, tensor("tokens", 9, field(4, 2, struct.pack("<q", -5))), tensor("steps", 9, field(10, 2, b"\x07"))),
        event(
            1, tensor("text", 7, field(8, 2, b"hello")), tensor("histogram", 1, field(4, 2, bytes(24)), sizes=(2, 3))
        ),
    )
    assert points(run) == [{"step": 1, "tokens": -5.0, "steps": 7.0}]


def test_a_metric_called_step_does_not_pass_for_the_step(tmp_path: Path) -> None:
    run = written(
        tmp_path / "run", event(10, simple("loss", 3.0)), event(10, simple("step", 7.0), simple("wall_time", 8.0))
    )
    assert points(run) == [{"step": 10, "loss": 3.0, "logged/step": 7.0, "logged/wall_time": 8.0}]


def test_all_points_are_read_and_none_sampled(tmp_path: Path) -> None:
    run = written(tmp_path / "run", *(event(step, simple("loss", step)) for step in range(12_000)))
    assert [point["loss"] for point in points(run)] == list(range(12_000))


def test_several_files_of_a_run_are_restarts_and_the_last_attempt_stays(tmp_path: Path) -> None:
    first = [event(step, simple("loss", 4 - step / 100), simple("tokens", step * 1000)) for step in range(10, 110, 10)]
    again = [
        event(step, simple("loss", 3.9 - step / 100), simple("tokens", step * 1000)) for step in range(60, 160, 10)
    ]
    run = written(tmp_path / "run", *first)
    written(run, *again, name="events.out.tfevents.2.host")
    table = read_runs(run, curve="all", given={"n_params": "1M"})
    assert "W_RESTART" in {note.code for note in table.notes}
    np.testing.assert_allclose(table.n_tokens, np.arange(10, 160, 10) * 1000)
    np.testing.assert_allclose(table.loss[4:6], [3.5, 3.3], rtol=1e-6)


def test_a_process_that_takes_a_log_up_again_begins_new_rows(tmp_path: Path) -> None:
    run = written(
        tmp_path / "run", event(10, simple("loss", 3.0)), event(10, started=True), event(10, simple("tokens", 5.0))
    )
    assert points(run) == [{"step": 10, "loss": 3.0}, {"step": 10, "tokens": 5.0}]


def test_runs_are_the_folders_and_those_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for group in ("a", "b"):
        for run in ("small", "large"):
            (tmp_path / group).mkdir(exist_ok=True)
            written(
                tmp_path / group / f"{run}{'' if run == 'small' else group}",
                event(1, simple("loss", 3.0), simple("tokens", 1e6)),
            )
    table = read_runs(tmp_path, given={"n_params": "1M"})
    assert sorted(table.run_id) == sorted(
        [f"small ({tmp_path / 'a' / 'small'})", f"small ({tmp_path / 'b' / 'small'})", "largea", "largeb"]
    )


def test_hyper_parameters_are_the_configuration_of_the_run() -> None:
    (log,) = KIND.logs(SAMPLES / "lightning_tb" / "version_0", Manner()).runs
    assert log.config == {"w": 8.0}


def test_lightning_counts_updates_here_as_in_its_tables() -> None:
    """The model logged its tokens itself, 4 an update: steps of the table times 4 are the same."""
    table = read_runs(SAMPLES / "lightning_tb", given={"n_params": "5"}, n_tokens="step*4", curve="all")
    assert table.n_tokens.tolist() == [8, 16, 24, 32]
    assert "I_STEP" in [note.code for note in table.notes]


def test_a_table_whose_name_tells_of_event_files_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "from_tfevents.csv"
    path.write_text("run_id,N,D,loss\na,1e6,1e8,3\n")
    assert read_runs(path).loss.tolist() == read_runs(tmp_path).loss.tolist() == [3.0]


def test_a_torn_tail_is_noted_and_everything_before_it_is_kept(tmp_path: Path) -> None:
    whole = [event(step, simple("loss", 3.0)) for step in range(1, 6)]
    for cut in range(1, len(whole[-1])):
        run = written(tmp_path / "run", *whole[:-1], whole[-1][:cut])
        logs = KIND.logs(run, Manner())
        assert [point["step"] for point in logs.runs[0].points] == [1, 2, 3, 4]
        assert [note.code for note in logs.notes] == ["W_TRUNCATED"]
        assert "record 6" in logs.notes[0].message


def test_a_hole_that_a_crash_left_is_a_torn_tail(tmp_path: Path) -> None:
    logs = KIND.logs(written(tmp_path / "run", event(1, simple("loss", 3.0)), bytes(4096)), Manner())
    assert [note.code for note in logs.notes] == ["W_TRUNCATED"]
    assert len(logs.runs[0].points) == 1


def test_a_flipped_bit_before_the_end_is_refused_and_its_record_named(tmp_path: Path) -> None:
    run = written(tmp_path / "run", *(event(step, simple("loss", 3.0)) for step in range(1, 6)))
    file = next(run.iterdir())
    clean = file.read_bytes()
    size = len(record(field(3, 2, b"brain.Event:2")))
    for at in range(size, size + len(event(1, simple("loss", 3.0)))):
        file.write_bytes(clean[:at] + bytes([clean[at] ^ 0x10]) + clean[at + 1 :])
        with pytest.raises(DataError, match="record 2") as caught:
            KIND.logs(run, Manner())
        assert caught.value.code == "E_CORRUPT"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(b"")
    with pytest.raises(DataError) as caught:
        read_runs(path)
    assert caught.value.code == "E_EMPTY"


def test_a_whole_record_that_is_no_event_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no event") as caught:
        KIND.logs(written(tmp_path / "run", record(field(5, 2, b"\xff\xff"))), Manner())
    assert caught.value.code == "E_CORRUPT"


def test_long_records_are_checked_too() -> None:
    long = record(bytes(range(256)) * 40)
    assert framed(long + long).stop is None
    broken = long[:5000] + bytes([long[5000] ^ 1]) + long[5001:]
    assert framed(broken + long).stop == 0


def test_points_agree_with_those_of_tensorboard(tmp_path: Path) -> None:
    """EventAccumulator with `size_guidance` 0, which keeps all points."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    rng = np.random.default_rng(0)
    writer = EventFileWriter(str(tmp_path / "run"))
    for step in range(500):
        values = [
            summary_pb2.Summary.Value(tag=tag, simple_value=float(rng.normal()))
            for tag in ("train/loss", "eval/loss", "lr")
        ]
        writer.add_event(event_pb2.Event(step=step, wall_time=1.7e9 + step, summary=summary_pb2.Summary(value=values)))
    writer.close()
    for run in (tmp_path / "run", SAMPLES / "tb" / "n3000000", SAMPLES / "lightning_tb" / "version_0"):
        theirs = EventAccumulator(str(run), size_guidance={"scalars": 0, "tensors": 0}).Reload()
        (log,) = KIND.logs(run, Manner()).runs
        for tag in theirs.Tags()["scalars"]:
            mine = [(point["step"] - (run.name == "version_0"), point[tag]) for point in log.points if tag in point]
            assert mine == [(scalar.step, scalar.value) for scalar in theirs.Scalars(tag)]
        assert {name for point in log.points for name in point} == {"step", "wall_time", *theirs.Tags()["scalars"]}


def test_the_tensors_of_others_agree_with_tensorboard(development_data: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    run = development_data / "training-logs" / "tensorboard" / "t5_pile_base_train"
    theirs = EventAccumulator(str(run), size_guidance={"scalars": 0, "tensors": 0}).Reload()
    (log,) = KIND.logs(run, Manner()).runs
    for tag in theirs.Tags()["tensors"]:
        expected = [(item.step, make_ndarray(item.tensor_proto)) for item in theirs.Tensors(tag)]
        if expected[0][1].dtype.kind == "f":
            mine = [(point["step"], point[tag]) for point in log.points if tag in point]
            assert mine == [(step, float(value)) for step, value in expected]
