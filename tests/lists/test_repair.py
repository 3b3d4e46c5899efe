"""URLs as pages, tables and programs write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefetch.line import Line
from imagefetch.lists.list_file import ListFile
from imagefetch.lists.options import ListOptions
from imagefetch.lists.repair import pieces, repaired
from imagefetch.urls import PLAIN_URL, standard_url
from tests.conftest import RunCrawl, examples
from tests.support.server import Server

A, B = "http://a.example/1", "http://a.example/2"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (f"\ufeff{A}", A),
        (f"\u200b{A}\u200b", A),
        (f'"{A}"', A),
        (f"'{A}',", A),
        (f"<{A}>", A),
        ("//a.example/1", A),
        ("//127.0.0.1:80/x", "http://127.0.0.1:80/x"),
        ("www.a.example/1", "http://www.a.example/1"),
        (f"{A}?a=1&amp;b=2&#038;c", f"{A}?a=1&b=2&c"),
        (f"{A}?a=1&amp;amp;b=2", f"{A}?a=1&b=2"),
        *((text, "") for text in (A, "a.example/1", "//comment", "// a.example", "www.x", '"no"',
                                  '"', f'"{A}', "http:///x&amp;y", f"{A}?a&ampb", "")),
    ],
    ids=ascii,
)  # fmt: skip
def test_only_what_has_one_reading_is_repaired(text: str, url: str) -> None:
    """Anything else is left to its row."""
    assert repaired(text) == url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{A}|{B}", [A, B]),
        (f"{A}, {B}", [A, B]),
        (f"{A} {B}", [A, B]),
        (f"{A},{B}", None),
        (f"{A} b.jpg", None),
        (f"{A}|b", None),
    ],
)
def test_several_urls_in_a_line(text: str, expected: list[str] | None) -> None:
    """They are parts of it where no URL could have what separates them."""
    assert pieces(text) == (expected or [text])


@examples(300)
@given(st.from_regex(PLAIN_URL, fullmatch=True))
def test_a_plain_url_is_not_repaired(url: str) -> None:
    """It is what it is, also by the URL standard."""
    assert not repaired(url)
    assert pieces(url) == [url]


def test_the_text_stays(tmp_path: Path) -> None:
    """A line has the text as it is written, and the URL that it stands for, unless repairs are
    switched off."""
    path = tmp_path / "urls.txt"
    path.write_text(f"{A}\n<{B}>\n")
    assert [(line.text, line.url) for line in ListFile(path).lines()] == [(A, A), (f"<{B}>", B)]
    off = ListFile(path, ListOptions(repair=False))
    assert list(off.lines()) == [Line(1, A), Line(2, f"<{B}>")]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://straße.example/a.png", "http://xn--strae-oqa.example/a.png"),
        ("http://κλαρα-σωλις.example/", "http://xn----ylba7abgd9bnh0e.example/"),
        ("http://a.example/x/../b/./c", "http://a.example/b/c"),
        ("http://a.example/%2e%2e/x", "http://a.example/x"),
        ("http://a.example\\x\\y.png", "http://a.example/x/y.png"),
    ],
)
def test_urls_are_those_of_the_url_standard(text: str, url: str) -> None:
    """Names are encoded by UTS 46, non-transitional, as browsers do."""
    assert standard_url(text) == url


def test_repaired_urls_are_fetched(crawl: RunCrawl, server: Server) -> None:
    """The report has them as they are written; the summary counts them."""
    url = server.url("/image/1")
    host = url.removeprefix("http:")
    lines = [url, f'"{url}?1"', f"{host}?2", f"{url}?a=1&amp;b=2", f"\u200b{url}?3"]
    lines.append(f"{url}?4|{url}?5")
    done = crawl(lines, HTML_REPORT=False)
    assert done.status == 0
    rows = {(row["Line"], row["Part"]): row for row in done.rows}
    assert [row["URL"] for key, row in sorted(rows.items()) if not key[1]] == lines[:-1]
    assert {row["Response code"] for row in rows.values()} == {"200"}
    assert {key for key in rows if key[1]} == {("6", "1"), ("6", "2")}
    assert server.hits["/image/1?a=1&b=2"] == 1
    assert "repaired    4 lines" in done.log
    assert done.log.index("Finished") > 0
