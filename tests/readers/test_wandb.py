"""W&B: offline files, exports, and the server."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from scalelaw.errors import DataError, UsageError
from scalelaw.readers import read_runs, wandb_api, wandb_offline
from scalelaw.readers._protobuf import fields
from scalelaw.readers._wandb_records import BLOCK, FIRST, FULL, HEADER, LAST, MIDDLE, wandb_records
from scalelaw.readers.base import Manner

SAMPLES = Path(__file__).with_name("samples")
FILES = sorted(SAMPLES.glob("wandb_offline/wandb/*/*.wandb"))
MANNER = Manner()
SIZE = {"n_params": "1M"}


def chunk(kind: int, data: bytes) -> bytes:
    """A chunk of the log format."""
    return struct.pack("<IHB", zlib.crc32(bytes([kind]) + data), len(data), kind) + data


def framed(*records: bytes) -> bytes:
    """A file of these records, cut into chunks at the ends of blocks as LevelDB does."""
    content = HEADER
    for record in records:
        rest, first = record, True
        while first or rest:
            left = BLOCK - len(content) % BLOCK
            if left < 7:
                content += bytes(left)
                continue
            part, rest = rest[: left - 7], rest[left - 7 :]
            kind = (FULL if first else LAST) if not rest else (FIRST if first else MIDDLE)
            content, first = content + chunk(kind, part), False
    return content


def varint(value: int) -> bytes:
    """A number in groups of seven bits."""
    head = b""
    while value > 0x7F:
        head += bytes([value & 0x7F | 0x80])
        value >>= 7
    return head + bytes([value])


def field(number: int, value: bytes | int) -> bytes:
    """A field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def item(key: str, json: str) -> bytes:
    """A key and its value, as configuration, summary and history have them; a key with slashes is a nested one."""
    parts = key.split("/")
    keys = field(1, key.encode()) if len(parts) == 1 else b"".join(field(2, part.encode()) for part in parts)
    return keys + field(16, json.encode())


def history(step: int, **values: str) -> bytes:
    """A record of one step."""
    items = b"".join(field(1, item(key.replace("__", "/"), value)) for key, value in values.items())
    return field(2, items + field(2, field(1, step)))


def run(name: str = "ladder-1", run_id: str = "abc123", **config: str) -> bytes:
    """The record that begins a run."""
    items = b"".join(field(1, item(key, value)) for key, value in config.items())
    return field(17, field(1, run_id.encode()) + field(3, b"proj") + field(4, items) + field(8, name.encode()))


def exits(code: int) -> bytes:
    """The record that ends a run; protobuf leaves out a zero."""
    return field(18, field(1, code) if code else b"")


BEGIN = run(n_params="1000000", model='{"n_layer": 2, "act": {"name": "gelu"}}')
POINTS = (history(10, eval__loss="3.5", tokens="1000000"), history(20, eval__loss="3.25", tokens="2000000"))


def written(folder: Path, *records: bytes, run_id: str = "abc123", date: str = "20260101_000000") -> Path:
    """A file in the folder of an offline run."""
    path = folder / f"offline-run-{date}-{run_id}" / f"run-{run_id}.wandb"
    path.parent.mkdir(parents=True)
    path.write_bytes(framed(*records))
    return path


def test_configuration_history_and_state_of_a_run_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, BEGIN, *POINTS, exits(0))
    table = read_runs(path, curve="all")
    assert table.run_id == ("ladder-1", "ladder-1")
    assert table.loss.tolist() == [3.5, 3.25]
    assert table.n_params.tolist() == [1e6, 1e6]
    assert table.extras["model/act/name"].tolist() == ["gelu", "gelu"]
    assert table.extras["project"].tolist() == ["proj", "proj"]
    assert table.extras["state"].tolist() == ["finished", "finished"]
    assert table.extras["_step"].tolist() == [10, 20]


@pytest.mark.parametrize(
    ("ending", "state"),
    [((exits(0),), "finished"), ((exits(1),), "failed"), ((exits(255),), "failed"), ((), "unfinished")],
)
def test_the_exit_code_is_the_state(ending: tuple[bytes, ...], state: str, tmp_path: Path) -> None:
    path = written(tmp_path, BEGIN, *POINTS, *ending)
    assert wandb_offline.KIND.logs(path, MANNER).runs[0].state == state


def test_the_fields_are_those_of_the_installed_package() -> None:
    """Numbers and names in wandb_internal.proto, as the package's generated descriptors have them."""
    proto = pytest.importorskip("wandb.proto.wandb_internal_pb2", exc_type=ImportError)
    messages = proto.DESCRIPTOR.message_types_by_name
    ours = {
        "Record": wandb_offline.RECORD,
        "RunRecord": wandb_offline.RUN,
        "ConfigRecord": wandb_offline.CONFIG,
        "SummaryRecord": wandb_offline.SUMMARY,
        "HistoryRecord": wandb_offline.HISTORY,
        "HistoryStep": wandb_offline.STEP,
        "HistoryItem": wandb_offline.HISTORY_ITEM,
        "ConfigItem": wandb_offline.ITEM,
        "SummaryItem": wandb_offline.ITEM,
        "RunExitRecord": wandb_offline.EXIT,
    }
    for message, numbers in ours.items():
        theirs = messages[message].fields_by_name
        assert {name: theirs[name].number for name in numbers} == numbers, message


def test_every_value_a_history_may_hold_is_read() -> None:
    """As the package itself writes them, typed or as JSON."""
    proto = pytest.importorskip("wandb.proto.wandb_internal_pb2", exc_type=ImportError)
    items = [
        proto.HistoryItem(key="a", integer=-7),
        proto.HistoryItem(key="b", number=2.5),
        proto.HistoryItem(key="c", text="x"),
        proto.HistoryItem(key="d", boolean=True),
        proto.HistoryItem(nested_key=["e", "f"], value_json="3.5"),
        proto.HistoryItem(key="g", value_json='{"h": [1, 2], "i": 4}'),
        proto.HistoryItem(key="pic", value_json='{"_type": "image-file", "path": "x.png"}'),
        proto.HistoryItem(nested_key=["bars", "_type"], value_json='"histogram"'),
        proto.HistoryItem(nested_key=["bars", "bins"], value_json="[1, 2]"),
    ]
    record = proto.Record(history=proto.HistoryRecord(item=items, step=proto.HistoryStep(num=12)))
    ((_, _, body),) = fields(record.SerializeToString())
    assert isinstance(body, bytes)
    expected = {"_step": 12, "a": -7, "b": 2.5, "c": "x", "d": True, "e/f": 3.5, "g/h": [1, 2], "g/i": 4}
    assert wandb_offline._point(body) == expected


def test_records_longer_than_a_block_and_blocks_with_a_short_end_are_read() -> None:
    """A record may be cut into many chunks, and fewer than seven bytes at the end of a block are left zero."""
    for size in (0, 1, *range(BLOCK - 24, BLOCK - 5), BLOCK, 3 * BLOCK):
        records = [b"a" * size, b"b" * 10, b"c" * BLOCK]
        assert wandb_records(Path("x"), framed(*records)) == (records, ())


def test_a_torn_tail_ends_the_file_with_a_note_wherever_it_is_torn() -> None:
    """What was whole before is kept, and the note counts it."""
    content = FILES[0].read_bytes()
    whole, notes = wandb_records(FILES[0], content)
    assert len(whole) > 50
    assert not notes
    ends = [len(HEADER)]
    for record in whole:
        ends.append(ends[-1] + 7 + len(record))
    for cut in range(len(HEADER) + 1, len(content), 101):
        records, notes = wandb_records(FILES[0], content[:cut])
        complete = max(i for i, end in enumerate(ends) if end <= cut)
        assert records == whole[:complete]
        assert [note.code for note in notes] == ([] if cut in ends else ["W_TRUNCATED"])
        assert all(f"record {complete + 1}," in note.message for note in notes)


def test_zeros_at_the_end_are_a_torn_tail() -> None:
    """A machine that lost power leaves them."""
    content = FILES[0].read_bytes()
    whole, _ = wandb_records(FILES[0], content)
    records, notes = wandb_records(FILES[0], content + bytes(4096))
    assert records == whole
    assert [note.code for note in notes] == ["W_TRUNCATED"]


def test_a_changed_byte_is_an_error_that_names_the_record(tmp_path: Path) -> None:
    content = bytearray(FILES[0].read_bytes())
    content[len(content) // 2] ^= 0x10
    path = tmp_path / "run.wandb"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"record \d+, at byte offset \d+: ") as caught:
        read_runs(path)
    assert caught.value.code == "E_CORRUPT"


def test_another_version_of_the_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.wandb"
    path.write_bytes(b":W&B\xe1\xbe\x01" + FILES[0].read_bytes()[7:])
    with pytest.raises(DataError, match="E_FORMAT"):
        read_runs(path)


def test_a_torn_run_is_read_up_to_its_end_and_is_not_finished(tmp_path: Path) -> None:
    path = tmp_path / "run.wandb"
    path.write_bytes(FILES[0].read_bytes()[:12_000])
    logs = wandb_offline.KIND.logs(path, MANNER)
    assert [log.state for log in logs.runs] == ["unfinished"]
    assert 10 < len(logs.runs[0].points) < 50
    assert [note.code for note in logs.notes] == ["W_TRUNCATED"]


def test_a_resumed_run_has_its_points_from_both_files(tmp_path: Path) -> None:
    """W&B writes a file for every start of one id; the link to the latest one tells nothing new."""
    written(tmp_path, BEGIN, POINTS[0], date="20260101_000000")
    second = written(tmp_path, BEGIN, POINTS[1], exits(0), date="20260102_000000")
    (tmp_path / "latest-run").symlink_to(second.parent.name, target_is_directory=True)
    (log,) = wandb_offline.KIND.logs(tmp_path, MANNER).runs
    assert [point["_step"] for point in log.points] == [10, 20]
    assert log.state == "finished"


def test_runs_of_one_name_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    for run_id in ("aaa", "bbb"):
        written(tmp_path, run(run_id=run_id, n_params="1000000"), *POINTS, exits(0), run_id=run_id)
    assert read_runs(tmp_path).run_id == ("ladder-1 (aaa)", "ladder-1 (bbb)")


def test_a_count_in_the_summary_is_a_fact_of_the_run(tmp_path: Path) -> None:
    """`wandb.summary["n_params"] = ...` is how many log it."""
    summary = field(3, field(1, item("n_params", "5000000")) + field(1, item("tokens", "2000000")))
    path = written(tmp_path, run(), *POINTS, summary, exits(0))
    assert read_runs(path, curve="all").n_params.tolist() == [5e6, 5e6]


def test_secrets_of_a_configuration_stay_behind(tmp_path: Path) -> None:
    secrets = {
        "WANDB_API_KEY": '"0123456789abcdef"',
        "db": '{"url": "https://me:hunter2@host/x"}',
        "batch_tokens": "32768",
    }
    table = read_runs(written(tmp_path, run(n_params="1000000", **secrets), *POINTS, exits(0)))
    held = str(table.to_frame().to_dict())
    assert "32768" in held
    assert "[redacted]" in held
    assert "0123456789abcdef" not in held
    assert "hunter2" not in held


def test_a_chart_is_a_run_for_every_name_and_says_what_it_ignored(tmp_path: Path) -> None:
    path = tmp_path / "chart.csv"
    edges = "".join(f',"{name}","{name}__MIN","{name}__MAX"' for name in ("a - b - loss", "c - loss", "c - tokens"))
    path.write_text(f'"Step"{edges}\n10,3.5,3.5,3.5,,,,,,\n20,3.25,3.0,3.5,,,,,,\n30,,,,2.5,2.5,2.5,9,9,9\n')
    table = read_runs(path, given=SIZE, n_tokens="Step*1000", curve="all")
    assert table.run_id == ("a - b", "a - b", "c")
    assert table.loss.tolist() == [3.5, 3.25, 2.5]
    assert table.n_tokens.tolist() == [10_000, 20_000, 30_000]
    assert table.line.tolist() == [2, 3, 4]
    said = {note.code: note.message for note in table.notes}
    assert said["I_WANDB"] == "a chart of 2 runs; __MIN/__MAX ignored"
    assert said["W_SAMPLED"].startswith("1 of 4 points stand for several steps")


def test_a_chart_over_another_axis_has_curves_too(tmp_path: Path) -> None:
    """W&B exports a chart over whatever its axis is; the last point of each run is its row."""
    path = tmp_path / "chart.csv"
    path.write_text("tokens,a - loss,a - loss__MIN,a - loss__MAX\n1e6,3,3,3\n2e6,2.5,2.5,2.5\n")
    table = read_runs(path, given=SIZE)
    assert (table.loss.tolist(), table.n_tokens.tolist()) == ([2.5], [2e6])
    assert "I_ORDER" in [note.code for note in table.notes]


def test_a_run_without_a_value_in_a_chart_is_an_exclusion(tmp_path: Path) -> None:
    path = tmp_path / "chart.csv"
    path.write_text("Step,a - loss,a - loss__MIN,a - loss__MAX,b - loss,b - loss__MIN,b - loss__MAX\n10,3,3,3,,,\n")
    table = read_runs(path, given=SIZE, n_tokens="Step*1000")
    assert [(item.run_id, item.reason) for item in table.excluded] == [("b", "nothing was logged")]


def test_a_history_is_one_run_named_as_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ladder-190M.csv"
    path.write_text("_step,_runtime,_timestamp,eval/loss,train/tokens\n1,2,3,3.5,1e9\n2,3,4,3.25,2e9\n")
    table = read_runs(path, given=SIZE, curve="all")
    assert table.run_id == ("ladder-190M", "ladder-190M")
    assert read_runs(path, given=SIZE).loss.tolist() == [3.25]


def test_a_history_with_a_column_of_names_has_many_runs(tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    path.write_text("run_id,_step,_timestamp,loss,N,D\na,1,1,3,1e6,1e9\na,2,2,2.5,1e6,2e9\nb,2,2,2,2e6,2e9\n")
    table = read_runs(path)
    assert (table.run_id, table.loss.tolist()) == (("a", "b"), [2.5, 2.0])


def test_a_history_as_parquet_is_a_curve_and_its_parts_are_one_run(tmp_path: Path) -> None:
    """The artifact of a history holds it in parts; without pyarrow it is refused as any Parquet is."""
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = tmp_path / "run-abc123-history:v0"
    folder.mkdir()
    for part, step in enumerate((10, 20)):
        columns = {"_step": [step], "_timestamp": [1.0], "eval/loss": [3.0 - part], "tokens": [step * 1e6]}
        parquet.write_table(pa.table(columns), folder / f"000{part}.parquet")
    for path in (folder, tmp_path):
        table = read_runs(path, given=SIZE)
        assert (table.run_id, table.loss.tolist()) == ((folder.name,), [2.0])
    assert read_runs(folder / "0000.parquet", given=SIZE).run_id == ("0000",)


def test_runs_of_a_table_that_did_not_finish_are_exclusions_with_their_state(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(
        "Name,State,Created,N,D,loss\na,finished,2026,1e7,1e9,3\nb,failed,2026,1e7,2e9,2.9\nc,crashed,2026,1e7,3e9,2.8\n"
        "d,running,2026,1e7,4e9,2.7\n"
    )
    table = read_runs(path)
    assert table.run_id == ("a",)
    reasons = {item.run_id: item.reason for item in table.excluded}
    assert set(reasons) == {"b", "c", "d"}
    assert all(state in reasons[name] for name, state in (("b", "failed"), ("c", "crashed"), ("d", "running")))


class FakeRun(SimpleNamespace):
    """A run of the public API; `history`, the sampled call, must not be touched."""

    def scan_history(self, keys: Any = None, page_size: int = 0) -> Any:
        """Every point, after as many failures as are left."""
        assert keys is None
        assert page_size == wandb_api.PAGE
        for point in self.points:
            if self.failures:
                self.failures.pop()
                raise ConnectionError("reset by peer")
            yield point

    def history(self, *args: Any, **kwargs: Any) -> Any:
        """Never."""
        raise AssertionError("a sample of the history was asked for")


class FakeApi:
    """The part of `wandb.Api` that is used."""

    def __init__(self, runs: list[FakeRun]) -> None:
        self.all, self.asked = runs, []

    def runs(self, path: str, filters: Any = None, order: str = "") -> Any:
        """Runs of a project, lazily, as the package gives them."""
        self.asked.append((path, filters))
        return iter(self.all)

    def run(self, path: str) -> FakeRun:
        """One run; a `ValueError` where there is none, as in the package."""
        found = [run for run in self.all if path == f"lab/ladder/{run.id}"]
        if not found:
            raise ValueError(f"Could not find run {path}")
        return found[0]


def fake_run(run_id: str, n_params: int, failures: int = 0, state: str = "finished") -> FakeRun:
    points = [{"_step": s, "eval/loss": 3.0 + 1 / s, "train/tokens": s * 1e6, "_wandb": {"a": 1}} for s in (10, 20, 30)]
    config = {"n_params": n_params, "model": {"n_layer": 2}}
    return FakeRun(
        id=run_id, name=f"run {run_id}", state=state, tags=["ladder"], project="ladder", points=points,
        config=config, summary={"eval/loss": 3.0}, failures=["x"] * failures,
    )  # fmt: skip


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have been waited."""
    waited: list[float] = []
    monkeypatch.setattr(wandb_api.time, "sleep", waited.append)
    return waited


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """A server with two runs."""
    fake = FakeApi([fake_run("a1", 1_000_000), fake_run("b2", 3_000_000, failures=2)])
    monkeypatch.setattr(wandb_api, "_api", lambda: fake)
    return fake


def test_a_project_is_read_run_by_run_and_a_broken_connection_is_tried_again(api: FakeApi, waits: list[float]) -> None:
    table = read_runs("wandb:lab/ladder", curve="all")
    assert table.run_id == ("run a1",) * 3 + ("run b2",) * 3
    assert table.n_params.tolist() == [1e6] * 3 + [3e6] * 3
    np.testing.assert_allclose(table.n_tokens, [1e7, 2e7, 3e7] * 2)
    assert waits == [1.0, 4.0]
    assert api.asked == [("lab/ladder", {})]
    assert table.file[0] == "wandb:lab/ladder/a1"


def test_one_run_or_those_of_a_tag_may_be_asked_for(api: FakeApi, waits: list[float]) -> None:
    assert read_runs("wandb:lab/ladder/a1").run_id == ("run a1",)
    assert read_runs("wandb://lab/ladder/a1").run_id == ("run a1",)
    assert read_runs("wandb:lab/ladder/runs/a1").run_id == ("run a1",)
    read_runs("wandb:lab/ladder?tag=ladder&state=finished")
    assert api.asked == [("lab/ladder", {"tags": "ladder", "state": "finished"})]


def test_the_digest_is_of_what_was_received(api: FakeApi, waits: list[float]) -> None:
    first, again = (read_runs("wandb:lab/ladder").sources[0].sha256 for _ in range(2))
    api.all[0].points[1]["eval/loss"] = 2.0
    assert first == again != read_runs("wandb:lab/ladder").sources[0].sha256


def test_an_unknown_run_is_told_at_once(api: FakeApi, waits: list[float]) -> None:
    with pytest.raises(DataError, match="W&B refused: ValueError: Could not find run lab/ladder/zz") as caught:
        read_runs("wandb:lab/ladder/zz")
    assert (caught.value.code, waits) == ("E_NETWORK", [])


def test_a_forbidden_project_is_told_at_once_and_a_busy_server_asked_again(
    api: FakeApi, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Answered(Exception):  # noqa: N818 - as requests and wandb wrap them
        def __init__(self, status: int) -> None:
            self.exc = SimpleNamespace(response=SimpleNamespace(status_code=status))

    for status, tries in ((403, 0), (404, 0), (429, 3), (502, 3)):
        monkeypatch.setattr(api, "run", lambda path, status=status: (_ for _ in ()).throw(Answered(status)))
        waits.clear()
        with pytest.raises(DataError, match="E_NETWORK"):
            read_runs("wandb:lab/ladder/a1")
        assert len(waits) == tries, status


def test_a_server_that_never_answers_is_an_error_after_four_tries(api: FakeApi, waits: list[float]) -> None:
    api.all[0].failures = ["x"] * 9
    with pytest.raises(DataError, match="did not answer in 4 tries: ConnectionError") as caught:
        read_runs("wandb:lab/ladder")
    assert (caught.value.code, waits) == ("E_NETWORK", [1.0, 4.0, 16.0])


@pytest.mark.parametrize("address", ["wandb:lab", "wandb:lab/ladder/a/b", "wandb:lab/ladder?colour=red", "wandb:/x"])
def test_what_is_no_address_is_answered_with_the_form_of_one(address: str) -> None:
    with pytest.raises(UsageError, match="Expected wandb:entity/project"):
        read_runs(address)
