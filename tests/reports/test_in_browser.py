"""A real browser with no network draws every kind of report, which answers the mouse and prints, wide, narrow, dark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reports import Report, write_report
from reports.base import Line, Points
from tests.reports.browser import CHROMIUM, Browser, Page

KINDS = ("compare", "fit", "plan", "replication", "sweep", "hostile")
WIDE, PHONE, SHEET = 1280, 390, 680
"""Widths in CSS pixels of a screen, a phone, and A4 between margins of 15 mm."""
CONTRAST = 4.5
"""Between a word and what is behind it: level AA of WCAG 2."""

HOVERED = """(name, trace, i) => new Promise((done) => {
  const plot = document.getElementById(`plot-${name}`);
  plot.scrollIntoView({ block: "center" });
  const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect(), own = plot._fullData[trace];
  requestAnimationFrame(() => {
    const at = plot.getBoundingClientRect();
    done([at.left + xaxis._offset + xaxis.d2p(own.x[i]), at.top + yaxis._offset + yaxis.d2p(own.y[i])]);
  });
})"""
KEYS = """(name) => [...document.querySelectorAll(`#plot-${name} .legend .legendtoggle`)].map((key) => {
  const { left, top, width, height } = key.getBoundingClientRect();
  return [left + width / 2, top + height / 2];
})"""
SHOWN = """(name) => {
  const { _fullData, _fullLayout } = document.getElementById(`plot-${name}`);
  const parts = [..._fullData, ...(_fullLayout.shapes ?? [])];
  return parts.filter((part) => part.showlegend && part.visible === true).length;
}"""
FAINT = """(least) => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const found = channels(getComputedStyle(node).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = words.nextNode(); node; node = words.nextNode()) {
    const holder = node.parentElement;
    if (!node.data.trim() || holder.closest("script, style") || !holder.getClientRects().length) continue;
    const style = getComputedStyle(holder);
    const [ink, paper] = [holder.closest("svg") ? style.fill : style.color, behind(holder)];
    const [low, high] = [light(channels(ink)), light(paper)].sort((a, b) => a - b);
    if ((high + 0.05) / (low + 0.05) < least) faint.push(`${node.data.trim()}: ${ink} on ${paper}`);
  }
  return faint;
}"""
TORN = """() => [
  ...[...document.querySelectorAll("figure")].filter((each) => getComputedStyle(each).breakInside !== "avoid"),
  ...[...document.querySelectorAll("table, .plot")].filter((each) => each.offsetWidth > innerWidth + 1),
  ...[...document.querySelectorAll(".plot .main-svg")].filter(
    (each) => each.getBoundingClientRect().bottom > each.closest(".plot").getBoundingClientRect().bottom + 1),
].map((each) => each.closest("section").id)"""
"""What a sheet would cut, or what would hide its caption."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH: pages are not drawn")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def reports(every_kind: dict[str, Report], hostile_report: Report) -> dict[str, Report]:
    return every_kind | {"hostile": hostile_report}


@pytest.fixture(scope="module")
def pages(reports: dict[str, Report], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    return {kind: write_report(report, folder / f"{kind}.html", ["html"])[0] for kind, report in reports.items()}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def page(kind: str, browser: Browser, pages: dict[str, Path]) -> Iterator[Page]:
    page = browser.open(pages[kind])
    yield page
    page.close()


def test_every_figure_is_drawn_and_nothing_is_said_or_asked_for(page: Page, kind: str, reports: dict[str, Report]):
    drawn = page.run("[...document.querySelectorAll('.plot')].map((plot) => [plot.id, plot._fullData.length])")
    layers = {figure.name: sum(hasattr(layer, "x") for layer in figure.layers) for figure in reports[kind].figures}
    assert {name.removeprefix("plot-"): traces for name, traces in drawn} == layers
    assert page.messages == []
    assert all(address.startswith("file:") for address in page.addresses)


def test_no_element_came_from_a_name(page: Page):
    foreign = json.dumps("img, iframe, object, embed, form, main a[href]:not([href^='#'])")
    assert page.run(f"document.querySelectorAll({foreign}).length") == 0
    names = "[...document.querySelectorAll('*')].flatMap((each) => each.getAttributeNames())"
    assert page.run(f"{names}.filter((name) => name.startsWith('on'))") == []


def test_hovering_a_point_shows_its_text(page: Page, kind: str, reports: dict[str, Report]):
    for figure in reports[kind].figures:
        traces = [layer for layer in figure.layers if hasattr(layer, "x")]
        texts = {text for layer in traces for text in getattr(layer, "hover", ())}
        told = [(i, layer) for i, layer in enumerate(traces) if isinstance(layer, Points | Line) and layer.hover]
        if not told:
            continue
        trace, layer = told[-1]
        place = page.run(f"({HOVERED})({json.dumps(figure.name)}, {trace}, {len(layer.x) // 2})")
        page.mouse("Moved", 1, 1)
        page.mouse("Moved", *place)
        label = f"document.querySelector('#plot-{figure.name} .hovertext')"
        page.wait_for(f"{label} !== null")
        lines = page.run(f"[...{label}.querySelectorAll('text.nums tspan.line')].map((line) => line.textContent)")
        shown = "\n".join(lines or [page.run(f"{label}.querySelector('text.nums').textContent")])
        assert shown.replace(" ", " ") in texts, figure.name
        page.mouse("Moved", 1, 1)


def test_clicking_a_key_hides_what_it_stands_for_and_again_shows_it(page: Page, kind: str, reports: dict[str, Report]):
    labels = {f.name: sum(bool(getattr(layer, "label", "")) for layer in f.layers) for f in reports[kind].figures}
    assert {name: page.run(f"({SHOWN})({name!r})") for name in labels} == labels
    assert {name: len(page.run(f"({KEYS})({name!r})")) for name in labels} == labels
    named = [name for name, count in labels.items() if count]
    for hidden in (1, 0):
        for name in named:
            page.run(f"document.getElementById('plot-{name}').scrollIntoView({{block: 'center'}})")
            page.click(*page.run(f"({KEYS})({name!r})")[0])
        for name in named:
            page.wait_for(f"({SHOWN})({name!r}) === {labels[name] - hidden}")
    assert page.messages == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_word_stands_out_from_its_paper(page: Page, dark: bool):
    page.show(dark=dark)
    paper = page.run("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") != dark
    assert page.run(f"({FAINT})({CONTRAST})") == []
    page.show(dark=False)


def test_nothing_scrolls_sideways_on_a_phone(page: Page):
    page.resize(PHONE, 844)
    assert page.run("document.documentElement.scrollWidth") == PHONE
    page.resize(WIDE, 900)
    assert page.messages == []


def test_a_printed_page_is_light_and_whole(page: Page):
    """Also from a dark screen: black on white, figures in one piece, no table wider than the sheet."""
    page.run("dispatchEvent(new Event('beforeprint'))")
    page.show(dark=True, printed=True)
    page.resize(SHEET, 900)
    assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.run(f"({FAINT})({CONTRAST})") == []
    assert page.run(f"({TORN})()") == []
    assert page.pdf().startswith(b"%PDF")
    page.run("dispatchEvent(new Event('afterprint'))")
    page.show()
    page.resize(WIDE, 900)


def test_the_browser_tells_of_an_error_and_of_an_address(browser: Browser, tmp_path: Path):
    """What the tests above find absent is seen where it is present."""
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<p style='color: #999'>faint</p><script>fetch('http://example.invalid/'); throw Error('oops')</script>"
    )
    page = browser.open(bad)
    page.wait_for("true")
    assert any("oops" in message for message in page.messages)
    assert any(address.startswith("http://example.invalid") for address in page.addresses)
    assert len(page.run(f"({FAINT})({CONTRAST})")) == 1
    page.close()
