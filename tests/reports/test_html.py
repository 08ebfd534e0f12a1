"""The page is self-contained, and hostile names stay text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace

import pytest

from reports import Report, plotly_bundle
from reports.data import to_json
from reports.html import script_json, to_html
from tests.reports.conftest import HOSTILE
from tests.reports.hostility import TAGS, Page


@pytest.fixture(scope="module", params=["report", "hostile_report"])
def page(request: pytest.FixtureRequest) -> Page:
    return Page(to_html(request.getfixturevalue(request.param)))


def test_no_element_or_handler_comes_from_the_data(page: Page):
    assert {tag for tag, _ in page.elements} <= TAGS
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert [tag for tag, _ in page.elements].count("script") == 3


def test_nothing_is_loaded_from_anywhere(page: Page):
    for _, attributes in page.elements:
        assert "src" not in attributes
        assert attributes.get("href", "#").startswith("#")
    assert page.csp.startswith("default-src 'none'; script-src 'sha256-")


def test_no_address_stands_outside_the_bundle(report: Report):
    data, bundle, own = Page(to_html(report)).scripts
    content = to_html(report).replace(bundle, "")
    assert len(bundle) > 1_000_000
    assert not re.search(r"https?://", content + data + own)


def test_the_policy_allows_exactly_the_pages_own_scripts(page: Page):
    _, *scripts = page.scripts
    digests = {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts}
    assert set(re.findall(r"'sha256-([^']+)'", page.csp)) == digests


def test_hostile_names_are_shown_as_they_are(hostile_report: Report):
    shown = "".join(Page(to_html(hostile_report)).text)
    assert HOSTILE[1] in shown
    assert HOSTILE[0] in shown


def test_figures_hold_no_markup_from_names(hostile_report: Report):
    """plotly reads tags in its texts: in hovers and titles a name must come escaped."""
    data = json.loads(Page(to_html(hostile_report)).scripts[0])
    texts = [text for f in data["figures"].values() for trace in f["data"] for text in trace.get("text", [])]
    titles = [f["layout"]["xaxis"]["title"]["text"] for f in data["figures"].values()]
    assert texts
    assert not [text for text in texts + titles if re.search("<(?!br>)", text)]


def test_hostile_names_survive_json(hostile_report: Report):
    sections = json.loads(to_json(hostile_report))["sections"]
    (excluded,) = (section for section in sections if section["name"] == "excluded")
    assert {row["reason"] for row in excluded["rows"]} == {HOSTILE[1]}


@pytest.mark.parametrize("text", HOSTILE)
def test_json_in_a_script_cannot_end_it(text: str):
    written = script_json({"name": text})
    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written) == {"name": text}


def test_the_foot_names_the_files_beside_the_page(report: Report):
    assert "Beside it: law.json, law_figures/." in to_html(report, ["law.json", "law_figures/"])


def test_a_page_of_something_under_way_loads_itself_again(report: Report):
    assert '<meta http-equiv="refresh" content="5">' in to_html(replace(report, refresh_s=5))
    assert "refresh" not in {attributes.get("http-equiv") for _, attributes in Page(to_html(report)).elements}


def test_the_same_report_gives_the_same_page(report: Report):
    assert to_html(report) == to_html(report)


def test_a_damaged_bundle_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv("SCALELAW_CACHE", str(tmp_path))
    damaged = tmp_path / f"{plotly_bundle.VERSION}-{plotly_bundle.FILE}"
    damaged.write_text("alert(1)")
    assert len(plotly_bundle.source()) > 3_000_000


def test_a_closed_network_is_a_sentence_and_no_failure(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv("SCALELAW_CACHE", str(tmp_path))
    monkeypatch.setattr(plotly_bundle, "_by_pooch", lambda path: False)
    monkeypatch.setattr(plotly_bundle.shutil, "which", lambda name: None)
    assert "full bundle" in plotly_bundle.fetch()
    assert not list(tmp_path.iterdir())
