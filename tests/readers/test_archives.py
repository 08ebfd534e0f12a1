"""Archives are read as folders, in memory; those that could do harm are refused before anything is unpacked."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from scalelaw.errors import DataError
from scalelaw.readers import archives, read_runs
from scalelaw.readers.archives import Member, is_archive, unpacked
from tests.readers import test_mlflow
from tests.readers.conftest import text

SAMPLES = Path(__file__).with_name("samples")
TOLD = {
    "mlruns": {},
    "wandb_offline": {"loss": "eval/loss"},
    "mlflow.db": {},
    "jsonl": {},
    "lightning_csv": {"loss": "train/loss", "given": {"n_params": "1M"}},
}
MEMBERS = {"sweep/a.csv": text().encode(), "sweep/deep/b.csv": text().replace("run-", "other-").encode()}


def zipped(path: Path, members: dict[str, bytes] = MEMBERS) -> Path:
    """A zip of these members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, members: dict[str, bytes] = MEMBERS) -> Path:
    """A tar of these members, compressed as its name says."""
    kind = {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}.get(path.name.rsplit(".", 1)[-1], "w")
    with tarfile.open(path, kind) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def refused(path: Path) -> str:
    """What the error says."""
    with pytest.raises(DataError) as caught:
        read_runs(path)
    assert caught.value.code == "E_ARCHIVE"
    return str(caught.value)


@pytest.mark.parametrize("name", ["runs.zip", "runs.tar", "runs.tar.gz", "runs.tgz", "runs.tar.bz2", "runs.tar.xz"])
def test_an_archive_holds_the_tables_of_its_folder(name: str, tmp_path: Path, csv_file: Path) -> None:
    path = zipped(tmp_path / name) if name.endswith("zip") else tarred(tmp_path / name)
    table = read_runs(path)
    assert table.run_id == ("run-a", "run-b", "run-c", "other-a", "other-b", "other-c")
    np.testing.assert_array_equal(table.loss[:3], read_runs(csv_file).loss)
    assert table.file[0] == str(path / "sweep" / "a.csv")
    assert [source.file for source in table.sources] == [str(path / name) for name in MEMBERS]
    assert sorted(item.name for item in tmp_path.iterdir()) == sorted({csv_file.name, name})


def test_a_gzipped_table_and_an_archive_in_an_archive_are_told_apart(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip").read_bytes()
    path = zipped(tmp_path / "outer.zip", {"a.csv": MEMBERS["sweep/a.csv"], "inner.zip": inner})
    table = read_runs(path)
    assert len(table) == 3
    assert [note.code for note in table.notes] == ["I_IGNORED"]
    assert "inner.zip" in table.notes[0].message


@pytest.mark.parametrize("made", ["tb", "mlruns", "mlflow.db", "jsonl", "wandb_offline", "dvclive", "lightning_csv"])
def test_a_tracker_s_files_are_the_same_runs_in_an_archive(made: str, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    make = {"mlruns": test_mlflow.files, "mlflow.db": test_mlflow.database}.get(made)
    source = make(tmp_path / "made") if make else SAMPLES / made
    told = TOLD.get(made, {"given": {"n_params": "1M"}, "n_tokens": "step*1000"})
    files = [path for path in source.rglob("*") if path.is_file()] or [source]
    path = zipped(
        tmp_path / "runs.zip", {str(Path("runs", file.relative_to(source.parent))): file.read_bytes() for file in files}
    )
    packed, plain = read_runs(path, curve="all", **told), read_runs(source, curve="all", **told)
    assert packed.run_id == plain.run_id
    assert packed.loss.tolist() == plain.loss.tolist()
    assert [note.code for note in packed.notes] == [note.code for note in plain.notes]


def test_names_as_tar_writes_them_from_a_folder_are_plain(tmp_path: Path) -> None:
    path = tarred(tmp_path / "runs.tar", {f"./{name}": content for name, content in MEMBERS.items()})
    assert read_runs(path).file[0] == str(path / "sweep" / "a.csv")
    assert len(read_runs(zipped(tmp_path / "runs.zip", {"2024-05-08T12:13:47/a.csv": text().encode()}))) == 3


def test_a_member_is_a_path_to_whoever_reads_it(tmp_path: Path) -> None:
    root = unpacked(zipped(tmp_path / "runs.zip"))
    assert [item.name for item in root.iterdir()] == ["sweep"]
    assert sorted(item.name for item in (root / "sweep").iterdir()) == ["a.csv", "deep"]
    assert [str(item) for item in root.glob("*/*.csv")] == [str(tmp_path / "runs.zip" / "sweep" / "a.csv")]
    assert sorted(item.name for item in root.rglob("*.csv")) == ["a.csv", "b.csv"]
    file = root / "sweep" / "a.csv"
    assert file.is_file()
    assert file.exists()
    assert not file.is_dir()
    assert file.parent.is_dir()
    assert file.open().read(6) == file.read_bytes()[:6]
    assert not (root / "sweep" / "none.csv").exists()
    assert not is_archive(root)
    assert isinstance(file, Member)
    with pytest.raises(FileNotFoundError):
        (root / "none").read_bytes()


@pytest.mark.parametrize(
    "name", ["../out.csv", "/out.csv", "a/../../out.csv", "C:\\out.csv", "C:/out.csv", "a\\..\\out.csv"]
)
@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_name_that_climbs_out_is_refused_and_named(make, name: str, tmp_path: Path) -> None:
    path = tmp_path / ("runs.zip" if make is zipped else "runs.tar")
    assert repr(name) in refused(make(path, {name: b"x"}))
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_a_link_or_a_device_in_a_tar_is_refused(kind: bytes, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "runs.tar", "w") as archive:
        info = tarfile.TarInfo("runs.csv")
        info.type, info.linkname = kind, "/etc/hostname"
        archive.addfile(info)
    assert "'runs.csv' is a link" in refused(tmp_path / "runs.tar")


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "runs.zip", "w") as archive:
        info = zipfile.ZipInfo("runs.csv")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/hostname")
    assert "'runs.csv' is a link" in refused(tmp_path / "runs.zip")


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "runs.zip", "w") as archive:
        archive.writestr("runs.csv", text())
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("runs.csv", text())
    assert "two members" in refused(tmp_path / "runs.zip")


def test_a_name_that_is_a_file_and_a_folder_is_refused(tmp_path: Path) -> None:
    assert "'a' is a file and a folder" in refused(zipped(tmp_path / "runs.zip", {"a": b"x", "a/b.csv": b"y"}))


def test_too_many_members_and_too_many_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MEMBERS", 1)
    assert "more than 1 files and folders" in refused(zipped(tmp_path / "runs.zip"))
    monkeypatch.setattr(archives, "MEMBERS", 4)
    assert len(read_runs(zipped(tmp_path / "runs.zip"))) == 6  # two files in two folders
    with pytest.raises(DataError, match="files and folders"):
        read_runs(zipped(tmp_path / "deep.zip", {"a/b/c/d.csv": text().encode(), "e.csv": b""}))
    monkeypatch.setattr(archives, "ALL_BYTES", 150)
    assert "unpacks to" in refused(zipped(tmp_path / "runs.zip"))
    monkeypatch.setattr(archives, "MEMBER_BYTES", 50)
    assert "limit of 50" in refused(tarred(tmp_path / "runs.tar"))


@pytest.mark.parametrize("name", ["runs.zip", "runs.tar.gz", "runs.tar.xz"])
def test_an_archive_cut_short_is_refused(name: str, tmp_path: Path) -> None:
    path = (zipped if name.endswith("zip") else tarred)(tmp_path / name)
    content = path.read_bytes()
    for cut in range(1, len(content), 7):
        path.write_bytes(content[:cut])
        assert "not readable" in refused(path)


@pytest.mark.parametrize("name", ["runs.zip", "runs.tar.gz", "runs.tar.xz"])
def test_a_flipped_bit_is_refused_or_changes_nothing(name: str, tmp_path: Path) -> None:
    """A plain tar has no checksum of its content, so nothing can be said of it."""
    path = (zipped if name.endswith("zip") else tarred)(tmp_path / name)
    content, clean = path.read_bytes(), read_runs(path)
    answers = set()
    for at in range(0, len(content), 2):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
        try:
            table = read_runs(path)
        except DataError as error:
            answers.add(error.code)
        else:
            assert table.run_id == clean.run_id
            assert table.loss.tolist() == clean.loss.tolist()
    assert answers == {"E_ARCHIVE"}


def test_a_refused_archive_in_a_folder_is_noted_and_the_rest_is_read(tmp_path: Path, csv_file: Path) -> None:
    zipped(tmp_path / "bad.zip", {"../x.csv": b"x"})
    table = read_runs(tmp_path)
    assert len(table) == 3
    assert [note.code for note in table.notes] == ["W_ARCHIVE"]
    assert "bad.zip" in table.notes[0].message


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from Linux's /proc")
@pytest.mark.parametrize("name", ["bomb.zip", "bomb.tar", "bomb.tar.gz", "bomb.tar.xz"])
def test_a_bomb_is_refused_within_200_mb_and_5_s(name: str, tmp_path: Path) -> None:
    """In a process of its own, whose peak of memory is its own. `bomb.tar` is sparse on disk and 2 GB long."""
    path = tmp_path / name
    if name == "bomb.tar":
        with path.open("wb") as stream:
            info = tarfile.TarInfo("big.csv")
            info.size = 2 << 30
            stream.write(info.tobuf())
            os.truncate(path, 2 << 30)
    else:
        (zipped if name.endswith("zip") else tarred)(path, {"big.csv": b"0" * 60_000_000})
    code = f"""
import re, time
from pathlib import Path
from scalelaw.errors import DataError
from scalelaw.readers import read_runs
began = time.process_time()
try:
    read_runs({str(path)!r})
except DataError as error:
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
    print(error.code, time.process_time() - began, peak)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert said[0] == "E_ARCHIVE"
    assert float(said[1]) < 5
    assert int(said[2]) < 200_000
