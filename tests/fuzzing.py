"""Files of every format, mutations of their bytes, and what becomes of one that is read.

A mutated file must be read or refused by a `ScalelawError`, within `SECONDS`; no other exception, and no warning.
"""

from __future__ import annotations

import gzip
import io
import re
import shutil
import signal
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from scalelaw.errors import ScalelawError
from scalelaw.runs import RunTable
from tests.conftest import simulated

SAMPLES = Path(__file__).parent / "readers" / "samples"
IN_PLACE = Path(__file__).resolve().parents[2] / "shared" / "data" / "tracker-samples"
"""Larger samples of ours, used where they are beside the checkout."""
SECONDS = 10.0
"""A file takes milliseconds; on a busy machine some hundred times as much."""
NUMBERS = (b"0", b"-1", b"1e400", b"nan", b"1e-400", b"99999999999999999999", b"1" * 400, b"", b"0x10", b"1_0", b"1,5")
PIECES = (
    b"\0",
    b"\xff",
    b"\n",
    b"\r",
    b'"',
    b"'",
    b",",
    b";",
    b"{",
    b"]",
    b":",
    b"\x1b[2J",
    b"\xe2\x80\xae",
    b"#",
    b"\\",
)
TOLD: dict[str, Any] = {"given": {"n_params": "50M"}, "n_tokens": "step*32768", "curve": "all"}
"""What a log does not say, told so that as much as possible of it is read."""

Reading = Callable[[Path], Any]


@dataclass(frozen=True)
class Sample:
    """A good file, the name it must have, and how it is read; `packed` holds its content where that is mutated."""

    name: str
    content: bytes
    reading: Reading
    pack: Callable[[bytes], bytes] | None = None


def read_table(path: Path, **told: Any) -> RunTable:
    """As a table of runs."""
    from scalelaw.readers import read_runs

    return read_runs(path, **told)


def _settings(path: Path) -> Any:
    from scalelaw.cli._config import read_settings

    return read_settings(path)


def _mapping(path: Path) -> Any:
    from scalelaw.readers import ColumnMap

    return ColumnMap.load(path)


def _law(path: Path) -> Any:
    from scalelaw.fit_file import load_fit

    return load_fit(path).findings


def _zipped(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("runs/a.csv"), content)
    return stream.getvalue()


def samples(folder: Path) -> dict[str, Sample]:
    """By format. Those whose files are not at hand are left out."""
    table = simulated(24, groups=12)
    made = dict(_tables(table, folder))
    made["law.json"] = Sample("law.json", _saved_law(table, folder), _law)
    settings = b'level = 0.9\nworkers = 1\n[fit]\nlaw = "k_power"\nhold = ["E=1.7"]\n'
    made["toml"] = Sample("settings.toml", settings, _settings)
    made["column map"] = Sample("map.toml", MAP, _mapping)
    made["yaml"] = Sample(
        "s.yaml", b"level: 0.9\nbudget: 1e21\nfit:\n  law: k_power\n  hold: [E=1.7, 'a b']\n", _settings
    )
    for name, text in TEXT_LOGS.items():
        made[name] = Sample("train.log", text.encode(), partial(read_table, loss="val_loss", **TOLD))
    for name, (path, told) in FILES.items():
        if path.is_file():
            made[name] = Sample(path.name, path.read_bytes(), partial(read_table, **told))
    for name, pack in (("wandb", with_wandb_checksums), ("tfevents", with_event_checksums)):
        made[f"in {name}"] = replace(made[name], pack=pack)
    return made


def _tables(table: RunTable, folder: Path) -> Iterator[tuple[str, Sample]]:
    from scalelaw.readers import write_runs

    text = write_runs(table, folder / "runs.csv").read_bytes()
    yield "csv", Sample("runs.csv", text, read_table)
    yield "csv.gz", Sample("runs.csv.gz", gzip.compress(text, mtime=0), read_table)
    yield "in gzip", Sample("runs.csv.gz", text, read_table, lambda content: gzip.compress(content, mtime=0))
    yield "zip", Sample("runs.zip", _zipped(text), read_table)
    yield "in zip", Sample("runs.zip", text, read_table, _zipped)
    frame = table.to_frame()
    frame.to_parquet(folder / "runs.parquet")
    yield "parquet", Sample("runs.parquet", (folder / "runs.parquet").read_bytes(), read_table)
    yield "jsonl", Sample("runs.jsonl", frame.to_json(orient="records", lines=True).encode(), read_table)


def _saved_law(table: RunTable, folder: Path) -> bytes:
    from scalelaw.fitting import fit

    fit("chinchilla", table, starts=2).save(folder / "law.json")
    return (folder / "law.json").read_bytes()


TEXT_LOGS = {
    "nanogpt log": "tokens per iteration will be: 32,768\n"
    + "".join(f"step {i}: train loss {4 - i / 99:.4f}, val loss {4.1 - i / 99:.4f}\n" for i in range(0, 90, 10)),
    "llm.c log": "".join(
        f"s:{i} tel:{4 - i / 99:.4f}\ns:{i} trl:{3.9 - i / 99:.4f} lr:0.0006 norm:0.9\n" for i in range(9)
    ),
}
MAP = b'loss_unit = "bits"\n[columns]\nloss = "eval/loss"\n[set]\nn_params = "50M"\n[read]\nsmooth = 3\n'


def _first(folder: Path, pattern: str) -> Path:
    return next(iter(sorted(folder.rglob(pattern))), folder / "none")


FILES: dict[str, tuple[Path, dict[str, Any]]] = {
    "jsonl log": (SAMPLES / "jsonl" / "n1000000.jsonl", {}),
    "wandb": (_first(SAMPLES / "wandb_offline", "*.wandb"), {}),
    "wandb chart": (SAMPLES / "wandb_export.csv", {**TOLD, "n_tokens": "Step*32768"}),
    "tfevents": (_first(SAMPLES / "tb", "*tfevents*"), TOLD),
    "trainer_state": (_first(SAMPLES / "hf_trainer", "trainer_state.json"), {"loss": "eval_loss", **TOLD}),
    "lightning csv": (_first(SAMPLES / "lightning_csv", "metrics.csv"), TOLD),
    "dvclive": (_first(SAMPLES / "dvclive", "loss.tsv"), TOLD),
    "mlflow": (IN_PLACE / "mlflow.db", {}),
    "trackio": (IN_PLACE / "trackio" / "scalelaw.db", {}),
    "clearml": (_first(IN_PLACE / "clearml", "*.zip"), {"loss": "loss/eval"}),
}
"""Files of trackers, and what is told to read them."""


def with_event_checksums(content: bytes) -> bytes:
    """An event file with the checksum of every record made to fit, so that what is mutated lies beneath them."""
    fitting, at = bytearray(content), 0
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 8], "little")
        fitting[at + 8 : at + 12] = _masked(content[at : at + 8])
        end = at + 12 + length
        if end + 4 > len(content):
            break
        fitting[end : end + 4] = _masked(content[at + 12 : end])
        at = end + 4
    return bytes(fitting)


def _masked(data: bytes) -> bytes:
    from scalelaw.readers._tfrecords import crc32c

    crc = crc32c(data)
    return ((((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF).to_bytes(4, "little")


def with_wandb_checksums(content: bytes) -> bytes:
    """A `.wandb` file likewise."""
    fitting, at = bytearray(content), 7
    while at + 7 <= len(content):
        left = 32_768 - at % 32_768
        if left < 7:
            at += left
            continue
        length = int.from_bytes(content[at + 4 : at + 6], "little")
        fitting[at : at + 4] = zlib.crc32(content[at + 6 : at + 7 + length]).to_bytes(4, "little")
        at += 7 + length
    return bytes(fitting)


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """One to three mutations, one after another, mostly one."""
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        content = MUTATIONS[int(rng.integers(len(MUTATIONS)))](content, rng)
    return content


def _at(content: bytes, rng: np.random.Generator) -> int:
    """A place; half of the time among the first bytes, where headers are."""
    end = len(content) + 1
    return int(rng.integers(min(end, 256) if rng.random() < 0.5 else end))


def flip_bits(content: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for _ in range(int(rng.choice([1, 1, 8]))):
        if changed:
            changed[_at(content, rng) % len(changed)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def truncate(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: _at(content, rng)]


def insert(content: bytes, rng: np.random.Generator) -> bytes:
    at, piece = _at(content, rng), PIECES[int(rng.integers(len(PIECES)))]
    return content[:at] + piece * int(rng.choice([1, 1, 2, 700])) + content[at:]


def splice(content: bytes, rng: np.random.Generator) -> bytes:
    """A piece of the file in another place of it: doubled, moved or put over what is there."""
    start, end = sorted((_at(content, rng), _at(content, rng)))
    at = _at(content, rng)
    return content[:at] + content[start:end] + content[at + int(rng.integers(2)) * (end - start) :]


def delete(content: bytes, rng: np.random.Generator) -> bytes:
    at = _at(content, rng)
    return content[:at] + content[at + int(rng.integers(1, 65)) :]


def blank(content: bytes, rng: np.random.Generator) -> bytes:
    at, length = _at(content, rng), int(rng.integers(1, 600))
    return content[:at] + bytes([int(rng.choice([0, 255]))]) * len(content[at : at + length]) + content[at + length :]


def edit_number(content: bytes, rng: np.random.Generator) -> bytes:
    found = list(re.finditer(rb"[0-9][0-9.eE+]*", content[:200_000]))
    if not found:
        return flip_bits(content, rng)
    start, end = found[int(rng.integers(len(found)))].span()
    return content[:start] + NUMBERS[int(rng.integers(len(NUMBERS)))] + content[end:]


MUTATIONS = (flip_bits, truncate, insert, splice, delete, blank, edit_number)


class TooSlow(Exception):  # noqa: N818 - an outcome, told from errors
    """Reading did not end in time."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise `TooSlow` in what is done here once so much time has gone."""

    def ring(*_: Any) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@dataclass
class Tally:
    """What became of files: how many were read, and how many refused by which code; what broke, with its bytes."""

    read: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    broken: list[tuple[str, str, bytes]] = field(default_factory=list)

    @property
    def files(self) -> int:
        """How many were tried."""
        return self.read + sum(self.refused.values()) + len(self.broken)

    def note(self, name: str, outcome: str, content: bytes) -> None:
        """One more file; an outcome that is neither `read` nor a code is a break."""
        if outcome == "read":
            self.read += 1
        elif re.fullmatch(r"E_[A-Z0-9_]+|UsageError", outcome):
            self.refused[outcome] = self.refused.get(outcome, 0) + 1
        else:
            self.broken.append((name, outcome, content))


def outcome(sample: Sample, content: bytes, folder: Path) -> str:
    """`read`, the code of the refusal, or what went wrong. The file lies alone in a folder of its own."""
    place = folder / "mutated"
    place.mkdir()
    path = place / sample.name
    path.write_bytes(sample.pack(content) if sample.pack else content)
    try:
        with warnings.catch_warnings(), limited(SECONDS):
            warnings.simplefilter("error")
            sample.reading(path)
    except ScalelawError as error:
        return getattr(error, "code", type(error).__name__)
    except Exception as error:  # whatever it is, it is what is looked for
        return f"{type(error).__name__}: {error}"
    finally:
        shutil.rmtree(place)
    return "read"


def fuzz(per_format: Mapping[str, int], seed: int, folder: Path) -> dict[str, Tally]:
    """So many mutated files of each format; the same seed mutates alike."""
    tallies = {}
    for name, sample in samples(folder).items():
        tallies[name] = tally = Tally()
        rng = np.random.default_rng([seed, *name.encode()])
        for _ in range(per_format.get(name, per_format[""])):
            content = mutated(sample.content, rng)
            tally.note(name, outcome(sample, content, folder), content)
    return tallies
