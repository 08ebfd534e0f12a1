"""Every entry of the corpus of bad inputs is answered as its index says.

An error carries the named code and says what it must, a warning likewise, and what is merely odd gives the estimates of
the clean file. Each entry is put the question a user would: a table is read, fitted and checked, a log is read, a
configuration goes to the command line, a question about a fit is asked of the clean one.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import scalelaw as sl
from scalelaw.cli._config import read_settings
from scalelaw.cli.main import app
from scalelaw.errors import ScalelawError
from scalelaw.fitting import Fit
from scalelaw.readers.surveying import survey_runs
from scalelaw.runs import RunTable
from tests.conftest import CHINCHILLA

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "bad_inputs"
BIG = "big_1e6_rows.csv"
MARKER = Path("/tmp/scalelaw_payload_ran")
OUTSIDE = (MARKER, Path("/tmp/scalelaw_escape"), Path("/tmp/scalelaw_escape.txt"))
NOT_YET: dict[str, str] = {}
"""Entries that are not met, with what is still owed. One that is met fails until it is taken out."""

PHRASES: dict[str, Sequence[str]] = {
    "one-variable law offered": ["one-variable law"],
    "member name": ["../../scalelaw_escape.txt"],
    "filter='data' and own check": ["'link'", "nothing of it was read"],
    "ratio or size limit": ["over 200 times"],
    "floats only": [],
    "length limit": ["at most 2000 characters"],
    "aliases refused or node budget": ["aliases are refused"],
    "foreign DCP directories refused, or digest checked first": ["distributed checkpoint", "never read"],
    "not followed unless named": ["not followed; name it"],
    "interval shown": ["interval shown"],
    "E and its interval": ["irreducible loss E is", "95 %"],
    "C ratio": ["C ratio"],
    "did you mean bootstrap_seed": ["did you mean bootstrap_seed"],
}
"""Phrases of the index that describe a message, and what stands in it. All others are looked for as they are."""
MEASURED = ("RSS <", "under 1 s", "no allocation", "marker absent", "nothing written outside", "read <")
"""Phrases that are no words: `test_bombs...`, `test_no_payload...` and `test_a_million_rows...` measure them."""
BOMBS = ("s_gzip_bomb.csv.gz", "s_zip_bomb.zip", "s_bad_safetensors.safetensors", "s_zip_slip.zip", "f_long_field.csv")

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no folder {CORPUS}: the corpus is not at hand")


@dataclass(frozen=True)
class Answer:
    """What was said, as (code, sentence), and the table and fit where there are some."""

    said: tuple[tuple[str, str], ...] = ()
    table: RunTable | None = None
    fit: Fit | None = None

    @property
    def codes(self) -> list[str]:
        return [code for code, _ in self.said]


def entries() -> list[dict[str, str]]:
    if not CORPUS.is_dir():
        return []
    with (CORPUS / "index.csv").open() as stream:
        return list(csv.DictReader(stream))


@cache
def corpus() -> Path:
    """The broken files, made afresh, with the scanned folder of the symbolic link."""
    folder = Path(mkdtemp(prefix="bad_inputs"))
    subprocess.run([sys.executable, CORPUS / "make_bad_inputs.py", folder], check=True, capture_output=True)
    (folder / "scanned").mkdir()
    shutil.copy(folder / "clean.csv", folder / "scanned")
    (folder / "s_symlink.csv").rename(folder / "scanned" / "s_symlink.csv")
    return folder


@pytest.fixture(scope="module", autouse=True)
def _tidy() -> Iterator[None]:
    for path in OUTSIDE:
        assert not path.exists(), f"{path} is left over; remove it"
    yield
    if corpus.cache_info().currsize:
        shutil.rmtree(corpus())
        corpus.cache_clear()
        answer.cache_clear()


@cache
def answer(name: str) -> Answer:
    """What a user who brings this file is told."""
    if name.endswith((".yaml", "_config.json")):
        return _of_settings(name)
    if name.endswith(".json"):
        return _of_question(name)
    path = {"s_dcp/.metadata": corpus() / "s_dcp", "s_symlink.csv": corpus() / "scanned"}.get(name, corpus() / name)
    given: dict[str, Any] = {}
    if name == "t_wandb_export.csv":  # a chart has the loss alone
        given = {"given": {"n_params": "50M"}, "n_tokens": "Step*262144", "curve": "all"}
    elif name.endswith(".jsonl"):
        given = {"curve": "all"}
    return _of_table(path, **given)


def _of_table(path: Path, **given: Any) -> Answer:
    said: list[tuple[str, str]] = []
    table = fit = None
    try:
        table = sl.read_runs(path, **given)
        said += [(note.code, note.message) for note in table.notes]
        if not given:
            fit = sl.fit("chinchilla", table)
            said += [(finding.code, finding.message) for finding in fit.findings]
            if path.name.startswith("u_"):
                said += [(f.code, f.message) for checked in sl.check(fit, only=["units"]) for f in checked.findings]
    except ScalelawError as error:
        said.append(_coded(error))
    return Answer(tuple(said), table, fit)


def _of_settings(name: str) -> Answer:
    """The file as `--config` of a fit; what holds no option of it is read alone."""
    path = corpus() / name
    if name == "c_yaml_float_str.yaml":
        assert read_settings(path) == {"budget_flops": 1e21, "lr": 3e-4}
        return Answer(fit=answer("clean.csv").fit)
    result = CliRunner().invoke(app, ["--config", str(path), "fit", str(corpus() / "clean.csv")])
    assert isinstance(result.exception, ScalelawError), (result.exception, result.output)
    return Answer((_coded(result.exception),))


def _of_question(name: str) -> Answer:
    """A prediction or a plan, asked of the fit of the clean table, on the command line."""
    asked = json.loads((corpus() / name).read_text())
    law = corpus() / "law.json"
    fit = answer(asked["data"]).fit
    assert fit is not None
    fit.save(law)
    if "predict" in asked:
        words = ["predict", law, "--n-params", asked["predict"]["n_params"], "--n-tokens", asked["predict"]["n_tokens"]]
    elif "target_loss" in asked:
        words = ["plan", law, "--target-loss", asked["target_loss"]]
    else:
        words = ["plan", law, "--flops", asked["budget_flops"]]
    result = CliRunner().invoke(app, list(map(str, words)))
    if isinstance(result.exception, ScalelawError):
        return Answer((_coded(result.exception),))
    assert result.exit_code == 0, result.output
    lines = [line for line in result.output.splitlines() if line.startswith(("warning:", "info:"))]
    return Answer(tuple((line[line.rindex("[") + 1 : -1], line) for line in lines))


def _coded(error: ScalelawError) -> tuple[str, str]:
    return getattr(error, "code", type(error).__name__), str(error)


def fault(entry: dict[str, str]) -> str:
    """Why the entry is not met; empty where it is."""
    given = answer(entry["file"])
    refused = [said for said in given.said if said[0].startswith("E_")]
    if entry["expect"] == "ok":
        loud = [said for said in given.said if not said[0].startswith("I_")]
        if entry["code"] != "-" and entry["code"] not in given.codes:
            return f"{entry['code']} was not said: {given.said}"
        return f"said: {loud}" if loud else _differs(entry["file"], given) or _unsaid(entry, given)
    if entry["expect"] == "error" and [code for code, _ in refused] != [entry["code"]]:
        return f"refused as {refused}, said {given.codes}"
    if entry["expect"] == "warn" and (refused or entry["code"] not in given.codes):
        return f"said {given.said}"
    return _unsaid(entry, given)


def _unsaid(entry: dict[str, str], given: Answer) -> str:
    if entry["code"] == "-":
        return ""
    text = " ".join(sentence for code, sentence in given.said if code == entry["code"])
    phrases = [phrase.strip() for phrase in entry["must_mention"].split(";")]
    wanted = [
        part.replace("file name", entry["file"])
        for phrase in phrases
        if phrase and not phrase.startswith(MEASURED)
        for part in PHRASES.get(phrase, [phrase])
    ]
    missing = [part for part in wanted if part not in text]
    return f"{missing} not in {text!r}" if missing else ""


def _differs(name: str, given: Answer) -> str:
    """How the estimates differ from those of the clean file: for a table the law's, for a log those of its curve."""
    if name.endswith(".jsonl") or name.startswith("t_"):
        return _curve_differs(name, given)
    clean = answer("clean.csv").fit
    assert clean is not None
    assert given.fit is not None, given.said
    wanted, tolerance = dict(clean.estimate), 1e-9
    if name == "d_noise_free.csv":
        wanted, tolerance = dict(CHINCHILLA), 1e-8
    if name == "u_loss_bits.csv":  # the file was rounded to six decimals of another unit
        tolerance = 1e-4
    off = {k: (v, wanted[k]) for k, v in given.fit.estimate.items() if abs(v / wanted[k] - 1) > tolerance}
    return f"estimates differ: {off}" if off else ""


def _curve_differs(name: str, given: Answer) -> str:
    clean, table = answer("clean.jsonl").table, given.table
    assert clean is not None
    assert table is not None, given.said
    place = {tokens: i for i, tokens in enumerate(clean.n_tokens.tolist())}
    if name == "t_batch_change.jsonl":  # its tokens are others, by design
        same = len(table) == len(clean) and np.array_equal(table.loss, clean.loss)
        return "" if same and table.n_tokens[-1] > 1.4 * clean.n_tokens[-1] else "the counter was not believed"
    for run in dict.fromkeys(table.run_id):
        mine = np.array(table.run_id) == run
        there = [place[tokens] for tokens in table.n_tokens[mine].tolist()]
        offset = 0.2 if run.endswith("b") else 0.0  # how the export was made
        if not np.allclose(table.loss[mine], clean.loss[there] + offset, rtol=1e-9, atol=0):
            return f"run {run} has other losses"
    rows = {"t_missing_key.jsonl": 20, "s_secret_in_log.jsonl": 20}.get(name, 200)
    if len(table) != rows:
        return f"{len(table)} rows, {rows} expected"
    if rows == 200 and name.endswith(".jsonl"):
        one, other = (sl.fit("power_constant(n_tokens)", runs).natural for runs in (clean, table))
        np.testing.assert_allclose(one, other, rtol=1e-9)
    return ""


@needs_corpus
@pytest.mark.parametrize("entry", [row for row in entries() if row["file"] != BIG], ids=lambda row: row["file"])
def test_an_entry_is_answered_as_its_index_says(entry: dict[str, str]) -> None:
    why = fault(entry)
    if entry["file"] in NOT_YET:
        assert why, "met now: take it out of NOT_YET"
    else:
        assert not why, why


@needs_corpus
def test_every_entry_is_met_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """The million rows are one of them; their test is below."""
    kinds = Counter(row["category"] for row in entries())
    met = Counter(row["category"] for row in entries() if row["file"] == BIG or not fault(row))
    told = ", ".join(f"{kind} {met[kind]} of {count}" for kind, count in kinds.items())
    with capsys.disabled():
        print(f"\nbad inputs: {met.total()} of {kinds.total()} as indexed ({told})")
    assert kinds.total() == 179
    assert kinds.total() - met.total() == len(NOT_YET)


@needs_corpus
def test_no_payload_ran_and_nothing_was_written_outside() -> None:
    for row in entries():
        if row["file"] != BIG:
            answer(row["file"])
    assert not [path for path in OUTSIDE if path.exists()]


MEASURE = r"""
import re, resource, sys
from pathlib import Path
from scalelaw.readers import read_runs
from scalelaw.errors import ScalelawError
try:
    said = len(read_runs(sys.argv[1]))
except ScalelawError as error:
    said = error.code
used = resource.getrusage(resource.RUSAGE_SELF)
status = Path("/proc/self/status")  # on Linux ru_maxrss also remembers the process that this one was forked from
peak = int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) if status.exists() else used.ru_maxrss // 1024
print(said, peak // 1024, used.ru_utime + used.ru_stime)
"""


def measured(path: Path) -> tuple[str, int, float]:
    """What reading a file in a process of its own says, its peak memory in MB and its seconds of a core, all told."""
    done = subprocess.run([sys.executable, "-c", MEASURE, path], check=True, capture_output=True, text=True)
    said, megabytes, seconds = done.stdout.split()
    return said, int(megabytes), float(seconds)


@needs_corpus
@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_within_200_megabytes_and_5_seconds(name: str) -> None:
    """Interpreter and NumPy included, which alone take some 60 MB."""
    said, megabytes, seconds = measured(corpus() / name)
    assert said.startswith("E_"), said
    assert megabytes < 200, megabytes
    assert seconds < 5, seconds


@needs_corpus
def test_a_million_rows_are_read_in_ten_seconds_and_a_gigabyte() -> None:
    """Seconds of one core, so that other work on the machine does not count."""
    rng, path = np.random.default_rng(9), corpus() / BIG
    N = np.exp(rng.uniform(np.log(2e7), np.log(2e9), 1_000_000))
    D = N * np.exp(rng.uniform(np.log(4), np.log(160), len(N)))
    with path.open("w") as stream:
        stream.write("run_id,n_params,n_tokens,flops,loss\n")
        rows = zip(N.tolist(), D.tolist(), strict=True)
        stream.writelines(f"r{i},{int(n)},{int(d)},{6 * n * d:.6e},2.500000\n" for i, (n, d) in enumerate(rows))
    said, megabytes, seconds = measured(path)
    assert said == "1000000"
    assert megabytes < 1000, megabytes
    assert seconds < 10, seconds


HOSTILE = [row["file"] for row in entries() if row["file"].startswith("s_") and row["expect"] != "error"]
SECRETS = ("0123456789abcdef0123456789abcdef01234567", "hunter2")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """One table with every hostile name and column of the corpus, and the names."""
    rows = list(csv.reader((corpus() / "clean.csv").read_text().splitlines()))
    names = []
    for name in HOSTILE:
        if name.endswith(".csv") and (corpus() / name).is_file():
            with (corpus() / name).open(encoding="utf-8", newline="") as stream:
                names.append(next(row["run_id"] for row in csv.DictReader(stream)))
    names += [".", "..", "a/b", "a\\b", "n" * 300]
    for row, name in zip(rows[1:], names, strict=False):
        row[0] = name
    path = tmp_path_factory.mktemp("hostile") / "runs.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*rows[0], '"><svg onload=alert(1)>'])
        writer.writerows([*row, "1"] for row in rows[1:])
    return path, names


@needs_corpus
def test_hostile_names_stay_names(hostile: tuple[Path, list[str]]) -> None:
    path, names = hostile
    table = sl.read_runs(path)
    assert len(set(table.run_id)) == 40
    for found, name in zip(table.run_id, names, strict=False):
        assert found == name if len(name) <= 200 else len(found) < 200, name
    assert sl.fit("chinchilla", table).estimate == pytest.approx(answer("clean.csv").fit.estimate, rel=1e-9)  # type: ignore[union-attr]


@needs_corpus
def test_a_name_reaches_no_terminal_with_control_characters(hostile: tuple[Path, list[str]], tmp_path: Path) -> None:
    path, _ = hostile
    law = tmp_path / "law.json"
    commands: list[list[str]] = [
        ["runs", str(path)],
        *(["runs", str(path), "--format", form] for form in ("json", "csv")),
        ["fit", str(path), "--save", str(law)],
        ["fit", str(path), "--exclude", "loss >= largest(20)"],
        ["check", "runs", str(path), "--only", "influence", "--only", "independence", "--format", "csv"],
        ["backtest", str(path)],
        ["backtest", str(path), "--format", "csv"],
        ["predict", str(law), "--n-params", "1e9", "--n-tokens", "1e10"],
    ]
    for words in commands:
        result = CliRunner().invoke(app, words)
        assert result.exception is None, (words, result.exception)
        bad = [c for c in result.stdout + result.stderr if not c.isprintable() and c != "\n"]
        assert not bad, (words, bad)


@needs_corpus
def test_an_error_about_a_hostile_name_holds_no_control_characters(tmp_path: Path) -> None:
    text = (corpus() / "s_ansi_run_name.csv").read_text()
    path = tmp_path / "twice.csv"
    path.write_text(text + text.splitlines()[1].replace("2.7", "3.7") + "\n")
    done = subprocess.run([sys.executable, "-m", "scalelaw.cli", "fit", path], capture_output=True, text=True)
    assert done.returncode == 4
    assert "owned" in done.stderr
    assert "E_CONFLICT" in done.stderr
    assert "\x1b" not in done.stderr
    assert "\x07" not in done.stderr


@needs_corpus
def test_formulas_of_spreadsheets_are_exported_as_text(hostile: tuple[Path, list[str]], tmp_path: Path) -> None:
    path, _ = hostile
    table = sl.read_runs(path)
    written = sl.write_runs(table, tmp_path / "runs.csv")
    listed = CliRunner().invoke(app, ["runs", str(path), "--format", "csv"]).stdout
    for text in (written.read_text(encoding="utf-8"), listed):
        cells = [cell for row in csv.reader(text.splitlines(keepends=True)) for cell in row]
        for cell in cells:
            assert not re.match(r"[=@\t\r]|[+-](?![0-9.]+(e[+-]?[0-9]+)?$)", cell), cell
    assert sl.read_runs(written).run_id == table.run_id
    assert any(cell.startswith("'=HYPERLINK") for cell in cells)


@needs_corpus
def test_reports_of_hostile_names_run_and_load_nothing(hostile: tuple[Path, list[str]], tmp_path: Path) -> None:
    """In every format: no element, handler or address that came with a name."""
    from html.parser import HTMLParser

    from reports import fit_report, write_report

    class Seen(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.tags, self.handlers = Counter[str](), list[str]()

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.tags[tag] += 1
            self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def made(runs: Path, name: str) -> dict[str, str]:
        fitted = sl.fit("chinchilla", sl.read_runs(runs))
        folder = tmp_path / name
        folder.mkdir()
        report = fit_report(fitted, sl.uncertainty(fitted))
        paths = write_report(report, folder / "page.html", ["html", "md", "json", "tex", "csv", "svg"])
        assert all(path.is_relative_to(folder) for path in paths)
        return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in paths}

    plain, found = made(corpus() / "clean.csv", "plain"), made(hostile[0], "hostile")
    assert sorted(found) == sorted(plain)
    for name in plain:
        if name.endswith((".html", ".svg")):
            seen = []
            for text in (plain[name], found[name]):
                parser = Seen()
                parser.feed(text)
                seen.append((parser.tags["script"], parser.tags["img"], parser.tags["iframe"], parser.handlers))
            assert seen[0] == seen[1], name
        if name.endswith(".json"):
            json.loads(found[name])
        assert "\x1b" not in found[name], name
        assert "\u202e" not in found[name] or name.endswith((".json", ".csv")), name
        if not name.endswith((".json", ".csv")):
            assert "<script>document.title" not in found[name], name
            assert "\\input{/etc/passwd}" not in found[name] or name.endswith(".html"), name
    assert any("HYPERLINK" in text for text in found.values()), "no hostile name is in any report: nothing was tested"


@needs_corpus
def test_no_secret_of_a_log_is_in_anything_made_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables, fits, reports, surveys, caches, errors and tracebacks."""
    cache_folder = tmp_path / "cache"
    monkeypatch.setenv("SCALELAW_CACHE", str(cache_folder))
    log = corpus() / "s_secret_in_log.jsonl"
    table = sl.read_runs(log, curve="all")
    assert "config/WANDB_API_KEY" in table.extras
    sl.write_runs(table, tmp_path / "runs.csv")
    fitted = sl.fit("power_constant(n_tokens)", table)
    fitted.save(tmp_path / "law.json")
    said = [repr(table), str(survey_runs(log)), str(fitted)]
    runner = CliRunner()
    commands = [
        f"runs {log}",
        f"runs {log} --format json",
        f"fit {log}",
        f"fit {log} --loss config/url",
        f"fit {log} --loss config/WANDB_API_KEY",
        f"report {tmp_path}/law.json --out {tmp_path}/page.html --formats html,md,json,tex",
    ]
    for words in commands:
        result = runner.invoke(app, words)
        said += [result.stdout, result.stderr, str(result.exception)]
    line = log.read_text().splitlines()[0]
    for cut in range(0, len(line), 7):
        for text in (line[:cut] + "\n" + line, line[:cut] + line, line[cut:] + "\n" + line, line + "\n" + line[:cut]):
            (tmp_path / "cut.jsonl").write_text(text)
            done = answer_to(tmp_path / "cut.jsonl")
            said.append(done)
            (tmp_path / "cut.jsonl").unlink()
    written = [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 5
    for secret in SECRETS:
        assert not [text[:300] for text in (*said, *written) if secret in text], secret


def answer_to(path: Path) -> str:
    try:
        return repr(sl.read_runs(path, curve="all"))
    except ScalelawError as error:
        return str(error)
