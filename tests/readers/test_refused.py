"""Files that could run code are refused by what they are, and nothing in them runs."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from scalelaw.errors import DataError
from scalelaw.readers import read_runs
from scalelaw.readers.refused import TORCH


class Boom:
    """A payload that would write a marker."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.marker,)


def zipped(name: str, content: bytes) -> bytes:
    """A zip of one member."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def saved(array: np.ndarray) -> bytes:
    """An array as `.npy`."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def safetensors(header: bytes, stated: int | None = None) -> bytes:
    """A header behind its length."""
    return struct.pack("<Q", len(header) if stated is None else stated) + header


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("x.pkl", "E_PICKLE"),
        ("x.pickle", "E_PICKLE"),
        ("x.pt", "E_CHECKPOINT"),
        ("x.pth", "E_CHECKPOINT"),
        ("x.ckpt", "E_CHECKPOINT"),
    ],
)
def test_a_pickle_is_refused_under_every_name_and_never_run(
    name: str, code: str, protocol: int, tmp_path: Path
) -> None:
    marker, path = tmp_path / "marker", tmp_path / name
    path.write_bytes(pickle.dumps(Boom(marker), protocol=protocol))
    with pytest.raises(DataError) as caught:
        read_runs(path)
    assert caught.value.code == code
    assert "CSV or JSON lines" in str(caught.value)
    assert not marker.exists()


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["runs.csv", "runs.jsonl", "runs", "runs.txt", "pytorch_model.bin"])
def test_a_pickle_with_another_ending_is_known_by_its_first_bytes(name: str, protocol: int, tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", tmp_path / name
    path.write_bytes(pickle.dumps(Boom(marker), protocol=protocol))
    with pytest.raises(DataError) as caught:
        read_runs(path)
    assert caught.value.code == ("E_CHECKPOINT" if name.endswith("bin") else "E_PICKLE")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("name", "content", "code", "said"),
    [
        ("model.pt", zipped("archive/data.pkl", b"x"), "E_CHECKPOINT", "weights_only"),
        ("model.bin", zipped("archive/data.pkl", b"x"), "E_CHECKPOINT", "weights_only"),
        ("runs.csv", TORCH + b"rest", "E_CHECKPOINT", "weights_only"),
        ("runs.npy", saved(np.array([{"a": 1}], dtype=object)), "E_PICKLE", "allow_pickle=False"),
        ("runs.csv", saved(np.array([(1, None)], dtype=[("a", "i4"), ("b", "O")])), "E_PICKLE", "allow_pickle=False"),
        ("runs.npy", saved(np.arange(3.0)), "E_FORMAT", "does not name its columns"),
        ("runs.npz", zipped("a.npy", saved(np.array([None]))), "E_PICKLE", "allow_pickle=False"),
        ("runs.npz", zipped("a.npy", saved(np.arange(3.0))), "E_FORMAT", "does not name its columns"),
        ("runs.npz", b"PK\x03\x04 no zip", "E_ARCHIVE", "not readable"),
        ("model.safetensors", safetensors(b"", stated=10**12), "E_CHECKPOINT", "header too large: 1,000,000,000,000"),
        ("model.safetensors", safetensors(b'{"__metadata__": {}, "w": {}}'), "E_CHECKPOINT", "1 tensors"),
        ("model.safetensors", safetensors(b"{" * 90_000), "E_CHECKPOINT", "0 tensors"),
        ("model.safetensors", safetensors(b"{" * 123), "E_CHECKPOINT", "0 tensors"),  # 123 is a brace
        ("model.safetensors", b"", "E_CHECKPOINT", "header too large"),
    ],
)  # fmt: skip
def test_weights_and_arrays_are_refused_with_what_to_do_instead(
    name: str, content: bytes, code: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_runs(path)
    assert caught.value.code == code
    assert said in str(caught.value)
    assert "Next: " in str(caught.value)


def test_a_distributed_checkpoint_is_refused_as_a_folder_and_by_its_metadata(tmp_path: Path) -> None:
    folder, marker = tmp_path / "step_100", tmp_path / "marker"
    folder.mkdir()
    (folder / ".metadata").write_bytes(pickle.dumps(Boom(marker)))
    for path in (folder, folder / ".metadata"):
        with pytest.raises(DataError, match="distributed checkpoint") as caught:
            read_runs(path)
        assert caught.value.code == "E_CHECKPOINT"
    assert not marker.exists()


def test_a_search_of_a_folder_leaves_them_alone_and_says_so(tmp_path: Path, csv_file: Path) -> None:
    (tmp_path / "model.pt").write_bytes(zipped("archive/data.pkl", b"x"))
    (tmp_path / "dcp").mkdir()
    (tmp_path / "dcp" / ".metadata").write_bytes(pickle.dumps({}))
    table = read_runs(tmp_path)
    assert len(table) == 3
    assert [note.code for note in table.notes] == ["I_IGNORED"]
    assert "dcp, model.pt" in table.notes[0].message


def test_no_reader_unpickles() -> None:
    """Words that would, anywhere in the package, outside the messages that say why not."""
    from scalelaw import readers

    banned = ("import pickle", "import dill", "torch.load", "allow_pickle=True", "read_pickle", "yaml.load(")
    for path in Path(readers.__file__).parent.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert not [word for word in banned if word in source], path


def test_a_fit_that_scalelaw_saved_is_no_table_of_runs(tmp_path: Path) -> None:
    (tmp_path / "law.json").write_text('{\n "format": "scalelaw/fit/1",\n "law": "chinchilla"\n}\n')
    with pytest.raises(DataError, match=r"a fit that scalelaw saved.*predict, plan") as caught:
        read_runs(tmp_path / "law.json")
    assert caught.value.code == "E_FORMAT"
