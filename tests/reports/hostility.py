"""What a report must look like when names in its runs want to be more than text; shared by the renderers' tests."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

TAGS = {"html", "head", "meta", "title", "style", "body", "header", "main", "footer", "nav", "section", "script"}
TAGS |= {"h1", "h2", "p", "a", "b", "code", "ul", "li", "div", "figure", "figcaption"}
TAGS |= {"table", "thead", "tbody", "tr", "th", "td"}
DRAWN = {"svg", "metadata", "RDF", "Work", "type", "format", "creator", "Agent", "title", "defs", "style", "g", "path"}
DRAWN |= {"use", "clipPath", "rect", "image"}
COMMANDS = {"begin", "end", "centering", "small", "caption", "label", "toprule", "midrule", "bottomrule", "linewidth"}
COMMANDS |= {"textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater", "textbar"}
COMMANDS |= {"textquotedbl", "textasciigrave", "dots", "times", "infty", "to", "mathrm", "mbox", "usepackage"}
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


class Page(HTMLParser):
    """Every element with its attributes, the text outside scripts, and the scripts."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.scripts: list[str] = []
        self.inside_script = False
        self.feed(content)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside_script = tag == "script"
        self.scripts += [""] * self.inside_script

    def handle_endtag(self, tag):
        self.inside_script = False

    def handle_data(self, data):
        if self.inside_script:
            self.scripts[-1] += data
        else:
            self.text.append(data)

    @property
    def csp(self) -> str:
        policies = [a["content"] for _, a in self.elements if a.get("http-equiv") == "Content-Security-Policy"]
        assert len(policies) == 1
        return str(policies[0])


def assert_page_is_harmless(content: str) -> None:
    """No element, handler or address but the page's own."""
    page = Page(content)
    assert {tag for tag, _ in page.elements} <= TAGS
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert [tag for tag, _ in page.elements].count("script") == 3
    for _, attributes in page.elements:
        assert "src" not in attributes
        assert str(attributes.get("href", "#")).startswith("#")
    assert not UNSEEN.search("".join(page.text))
    data = json.loads(page.scripts[0])
    assert not set("<>&") & set(page.scripts[0])
    texts = [text for f in data["figures"].values() for trace in f["data"] for text in trace.get("text", [])]
    titles = [f["layout"][axis]["title"]["text"] for f in data["figures"].values() for axis in ("xaxis", "yaxis")]
    assert not [text for text in texts + titles if re.search("<(?!br>)", text) or UNSEEN.search(text)]


def assert_drawing_is_harmless(content: bytes) -> None:
    """Shapes alone: no script, link, foreign object or handler."""
    for element in ElementTree.fromstring(content).iter():
        assert element.tag.rpartition("}")[2] in DRAWN
        assert not [name for name in element.attrib if name.rpartition("}")[2].startswith("on")]
        links = [value for name, value in element.attrib.items() if name.endswith("}href")]
        assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)


def assert_markdown_is_harmless(content: str) -> None:
    """No HTML, no link, no image but the report's figures, no code: everything that came in is text."""
    from markdown_it import MarkdownIt

    blocks = MarkdownIt("commonmark", {"html": True}).enable("table").parse(content)
    tokens = [token for block in blocks for token in (block, *(block.children or ()))]
    kinds = {token.type for token in tokens}
    assert not kinds & {"html_block", "html_inline", "link_open", "code_inline", "code_block", "fence", "em_open"}
    images = [str(token.attrs["src"]) for token in tokens if token.type == "image"]
    assert all(re.fullmatch(r"[a-z]+_figures/[a-z0-9_]+\.svg", image) for image in images)
    assert not re.search(r"(?i)https?://|www\.|\S@\S", content)
    assert not UNSEEN.search(content)
    columns = 0
    for line in content.splitlines():
        cells = line.count("|")
        assert not (line.startswith("|") and columns and cells != columns)
        columns = cells if line.startswith("|") else 0


def assert_latex_is_harmless(content: str) -> None:
    """Only the commands of a table, and nothing that TeX would read as one stands unescaped."""
    body = "\n".join(line for line in content.splitlines() if not line.startswith("%"))
    assert set(re.findall(r"\\([A-Za-z]+)", body)) <= COMMANDS
    plain = re.sub(r"\\[{}$&%#_]", "", body)
    depth = 0
    for char in plain:
        depth += (char == "{") - (char == "}")
        assert depth >= 0
    assert depth == 0
    assert plain.count("$") % 2 == 0
    assert not re.search(r"[%~#]", plain)
    assert not UNSEEN.search(content)


def assert_files_are_harmless(files: list[Path]) -> None:
    """Every file of a report, each by its kind."""
    for file in files:
        content = file.read_bytes()
        if file.suffix == ".svg":
            assert_drawing_is_harmless(content)
        elif file.suffix in (".html", ".md", ".tex"):
            check = {".html": assert_page_is_harmless, ".md": assert_markdown_is_harmless}
            check.get(file.suffix, assert_latex_is_harmless)(content.decode())
        elif file.suffix in (".json", ".csv"):
            assert not UNSEEN.search(content.decode())
