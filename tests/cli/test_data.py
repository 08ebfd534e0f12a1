"""`scalelaw data`, and published laws on the command line: what a user without network or runs can do."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scalelaw.cli.main import app
from scalelaw.datasets import datasets
from scalelaw.published import published_laws

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of its own, and no network: the tests use none."""
    monkeypatch.setenv("SCALELAW_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SCALELAW_DATA", raising=False)


def scalelaw(*words: str) -> Result:
    """The command's answer."""
    return CliRunner().invoke(app, list(words))


def test_the_list_holds_every_data_set_and_says_what_is_here() -> None:
    told = {row["name"]: row for row in json.loads(scalelaw("data", "list", "--format", "json").stdout)["data_sets"]}
    assert set(told) == set(datasets())
    assert told["epoch-chinchilla"]["here"] == "no"
    assert told["markov"]["here"] == "ships"
    assert all(name in scalelaw("data", "list").stdout for name in told)


@pytest.mark.parametrize("name", datasets())
def test_everything_of_a_data_set_is_told(name: str) -> None:
    item = datasets()[name]
    done = scalelaw("data", "info", name)
    assert done.exit_code == 0, done.output
    for part in (item.licence, item.citation, *(file.sha256 for file in item.files), *item.columns):
        assert part in " ".join(done.stdout.split())
    assert [file["sha256"] for file in json.loads(scalelaw("data", "info", name, "--format", "json").stdout)["files"]]


def test_a_copy_fills_the_cache_and_then_everything_runs(tmp_path: Path) -> None:
    if not SHARED.is_dir():
        pytest.skip("published run tables are not beside this checkout (../shared/data)")
    done = scalelaw("data", "get", "epoch-chinchilla", "--from", str(SHARED))
    assert done.exit_code == 0, done.output
    assert Path(done.stdout.strip()).is_relative_to(tmp_path / "cache")
    assert "cite Besiroglu" in done.stderr
    fitted = scalelaw(
        *("fit", "data:epoch-chinchilla", "--exclude", "loss >= largest(5)", "--objective", "log_huber"),
        *("--interval", "wald", "--format", "json", "--quiet"),
    )
    answer = json.loads(fitted.stdout)
    assert answer["estimate"]["alpha"] == pytest.approx(0.347310, abs=1e-6)


def test_a_shipped_table_is_read_by_name_in_every_command_that_takes_runs() -> None:
    done = scalelaw("runs", "data:markov", "--format", "json")
    assert done.exit_code == 0, done.output
    assert scalelaw("laws", "against", "hoffmann-2022", "data:markov", "--quiet").exit_code == 0


def test_every_published_law_is_listed_and_shown_in_full() -> None:
    listed = scalelaw("laws", "list", "--published").stdout
    for law in published_laws().values():
        assert law.name in listed
        shown = " ".join(scalelaw("laws", "show", law.name).stdout.split())
        for part in (law.form, law.paper, *law.coefficients):
            assert part in shown


def test_the_words_of_before_still_show_a_law() -> None:
    assert scalelaw("laws", "chinchilla").stdout == scalelaw("laws", "show", "chinchilla").stdout
    assert scalelaw("laws", "hoffmann-2022").stdout == scalelaw("laws", "show", "hoffmann-2022").stdout
    assert scalelaw("laws").stdout == scalelaw("laws", "list").stdout
    assert "Did you mean hoffmann-2022" in str(scalelaw("laws", "hoffman-2022").exception)


def test_a_prediction_of_a_published_law_has_no_interval_and_says_why() -> None:
    words = ("predict", "--law", "hoffmann-2022", "-N", "70e9", "-D", "1.4e12")
    told = json.loads(scalelaw(*words, "--format", "json").stdout)
    assert told["estimate"] == pytest.approx(1.9366, abs=5e-5)
    assert told["interval"] is None
    assert "no runs stand behind" in told["why_no_interval"]
    assert {item["code"] for item in told["findings"]} >= {"W_RANGE"}
    text = scalelaw(*words).stdout
    for part in ("1.9366", "nats/token", "none:", "58.8 times above", "arXiv 2203.15556"):
        assert part in text


def test_a_plan_of_a_published_law_is_its_closed_form() -> None:
    words = ("plan", "--law", "hoffmann-2022", "--flops", "5.76e23", "--format", "json")
    answer = {row["quantity"]: row["estimate"] for row in json.loads(scalelaw(*words).stdout)["answer"]}
    G = (0.34 * 406.4 / (0.28 * 410.7)) ** (1 / 0.62)
    assert answer["n_params"] == pytest.approx(G * (5.76e23 / 6) ** (0.28 / 0.62), rel=1e-10)
    assert 6 * answer["n_params"] * answer["n_tokens"] == pytest.approx(5.76e23, rel=1e-10)


@pytest.mark.parametrize(
    "question",
    [
        ("--target-loss", "2.1"),
        ("--gpus", "512xH100", "--days", "30"),
        ("--flops", "1e21", "--serve", "1T"),
        ("--flops", "1e21", "--unique-tokens", "10B"),
        ("--flops", "1e21", "--n-params", "1B"),
    ],
)
def test_any_question_can_be_asked_of_a_published_law(question: tuple[str, ...]) -> None:
    done = scalelaw("plan", "--law", "hoffmann-2022", *question, "--format", "csv")
    assert done.exit_code == 0, done.output
    answer = {row["quantity"]: float(row["estimate"]) for row in csv.DictReader(io.StringIO(done.stdout))}
    N, D = answer["n_params"], answer["n_tokens"]
    assert answer["loss"] == pytest.approx(1.69 + 406.4 / N**0.34 + 410.7 / D**0.28, rel=1e-9)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("predict", "law.json", "--law", "hoffmann-2022"), "two laws"),
        (("predict", "-N", "1e9"), "Which law"),
        (("plan", "--law", "hoffmann-2022", "--times", "10"), "has none"),
        (("plan", "--law", "hoffmann-2022", "--flops", "1e21", "--approach", "2"), "need the runs"),
        (("plan", "--law", "hoffmann-2022", "--target-loss", "1.6"), "no spending goes below 1.69"),
        (("plan", "--law", "muennighoff-2023", "--flops", "1e21"), "needs unique_tokens"),
        (("plan", "--law", "kaplan-2020-params", "--flops", "1e21"), "no compute-optimal allocation"),
        (("plan", "--law", "hoffmann-2022-isoflop", "--flops", "1e21"), "cannot be evaluated"),
        (("data", "get", "pythia"), "lies nowhere in this form"),
    ],
)
def test_what_cannot_be_answered_is_told_with_the_next_step(words: tuple[str, ...], said: str) -> None:
    assert said in str(scalelaw(*words).exception)


def test_runs_beside_a_published_law_as_data() -> None:
    done = scalelaw("laws", "against", "hoffmann-2022", "data:python", "--format", "json", "--quiet")
    told = json.loads(done.stdout)
    assert len(told["residuals"]) == told["runs"] == 21
    assert told["offset"]["low"] < told["offset"]["estimate"] < told["offset"]["high"]
    assert {item["code"] for item in told["findings"]} >= {"W_RANGE", "I_TOKENIZER"}
    rows = list(
        csv.DictReader(
            io.StringIO(scalelaw("laws", "against", "hoffmann-2022", "data:python", "-q", "--format", "csv").stdout)
        )
    )
    assert len(rows) == 21
