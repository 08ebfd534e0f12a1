"""Text that Debian's packages bring: found where it is, plain, and its absence explained."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import pytest

from runners.corpora import _debian, man, prose
from runners.corpora.man import ManPages
from runners.corpora.prose import Handbook, plain
from scalelaw.errors import DataError

PAGE = """<?xml version="1.0"?><html><head><title>11.7. LDAP</title><link rel="home" href="index.html" /></head><body>
<div id="banner"><a href="x">Download the ebook</a></div><p id="title"><a>Product <b>Site</b></a></p>
<ul class="docnav top"><li><a>Prev</a></li></ul><div class="section"><h2>11.7. LDAP</h2><p>
\t\t\tOpenLDAP &amp; friends<br />speak <em>protocols</em>.
\t\t</p><pre>
  # indented
</pre></div><ul class="docnav"><li>Next</li></ul></body></html>"""


def test_a_page_is_its_text_without_navigation() -> None:
    lines = plain(PAGE).splitlines()
    assert [line for line in lines if line] == [
        "11.7. LDAP", "OpenLDAP & friends", "speak protocols.", "  # indented",
    ]  # fmt: skip
    assert not any(first == second == "" for first, second in itertools.pairwise(lines))


def test_the_book_is_read_and_its_absence_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prose, "FOLDER", tmp_path)
    with pytest.raises(DataError, match="apt-get install debian-handbook") as caught:
        Handbook().tokens("train")
    assert caught.value.code == "E_NO_CORPUS"
    for number in range(80):
        (tmp_path / f"{number}.html").write_text(PAGE.replace("friends", f"friend {number}"))
    book = Handbook()
    assert book.facts()["documents"] == 80
    assert b"<" not in book.tokens("train").tobytes()


def test_manual_pages_are_unpacked_and_those_that_only_name_another_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = tmp_path / "man" / "man2"
    pages.mkdir(parents=True)
    (pages / "open.2.gz").write_bytes(gzip.compress(b".TH open 2\n"))
    (pages / "creat.2.gz").write_bytes(gzip.compress(b".so man2/open.2\n"))
    (pages / "LICENSE").write_text("not a page")
    monkeypatch.setattr(man, "files_of", lambda package: list(pages.iterdir()) if package == "manpages" else [])
    assert list(ManPages().documents.values()) == [b".TH open 2\n"]
    monkeypatch.setattr(man, "files_of", lambda package: [])
    with pytest.raises(DataError, match="apt-get install manpages manpages-dev") as caught:
        ManPages().tokens("train")
    assert caught.value.code == "E_NO_CORPUS"


def test_versions_and_files_come_from_the_package_manager_s_records(tmp_path: Path) -> None:
    (tmp_path / "info").mkdir()
    (tmp_path / "status").write_text(
        "Package: other\nStatus: ok\nVersion: 9\n\nPackage: book\nStatus: install ok\nSection: doc\nVersion: 11.2-1\n"
    )
    (tmp_path / "info" / "book.list").write_text("/.\n/usr/share/doc/book/a.html\n")
    assert _debian.version_of("book", tmp_path) == "book 11.2-1"
    assert _debian.version_of("none", tmp_path) == "none"
    assert _debian.version_of("book", tmp_path / "elsewhere") == "book"
    assert list(_debian.files_of("book", tmp_path)) == [Path("/."), Path("/usr/share/doc/book/a.html")]
    assert list(_debian.files_of("none", tmp_path)) == []
