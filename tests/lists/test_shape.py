"""Files that are not lists of one URL per line."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagefetch.errors import BadInput
from imagefetch.lists.shape import check_readable, warning_of
from tests.conftest import RunCrawl
from tests.support.server import Server

URL = "http://a.example/plain"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f'id,url,caption\n1,"{URL}?1","a dog, running"\n2,"{URL}?2","a ""cat"""\n', "CSV"),
        (f"a dog\t{URL}?1\na cat\t{URL}?2\n", "tab-separated columns"),
        (f'{{"url": "{URL}?1"}}\n{{"url": "{URL}?2"}}\n', "JSON"),
        (f'[\n  "{URL}?1",\n  "{URL}?2",\n  "{URL}?3"\n]\n', "URLs in quotes"),
        (f'"{URL}?1"\n"{URL}?2"\n', "URLs in quotes"),
        (f"<{URL}?1>\n<{URL}?2>\n", "URLs in quotes"),
        ("<!doctype html>\n<html>\n<p>gone</p>\n", "HTML or XML"),
        (f"url,caption\n{URL}?1,a dog\n{URL}?2,a cat\n", "CSV"),
        (f"Image Link;Name\n{URL}?1;a\n{URL}?2;b\n", "CSV"),
        (f"1;{URL}\n2;{URL}\n", "CSV"),
    ],
)
def test_a_list_of_no_urls_is_refused(tmp_path: Path, text: str, what: str) -> None:
    """If its format can be named; one line says what it looks like."""
    path = tmp_path / "list.txt"
    path.write_text(text)
    with pytest.raises(
        BadInput, match=rf"list\.txt: looks like {what}; a list has one URL per line"
    ):
        check_readable(path)


@pytest.mark.parametrize(
    "text",
    [
        f"{URL}?a,b\n{URL}?c,d\n",
        f"url\n{URL}\n",
        f"no url, at all\n{URL}\n",
        "a.example/1.jpg\n//a.example/2.jpg\n",
        "no url at all\n",
        f"{URL}\n{{}}\n{{}}\n",
        "ftp://a.example/1,2\nftp://a.example/3,4\n",
    ],
)
def test_what_may_be_a_list_is_one(tmp_path: Path, text: str) -> None:
    """Lines that are not URLs get a row each; the list is accepted."""
    path = tmp_path / "list.txt"
    path.write_text(text)
    check_readable(path)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"{URL}?1|{URL}?2\n{URL}?3, {URL}?4\n", "several URLs in a line"),
        (f"{URL}?a=1&amp;b=2\n", "URLs escaped for HTML"),
        (f"{URL}?1,a dog\n{URL}?2,a cat\n", "CSV"),
        (f"{URL}?a,b\n{URL}?c;d\n", None),
        (f"{URL}?u=http%3A%2F%2Fb.example\n{URL}/http://b.example/\n", None),
        (f"{URL}/a b.jpg\n", None),
    ],
)
def test_what_is_odd_is_told(tmp_path: Path, text: str, what: str | None) -> None:
    """If most lines, though valid URLs, look like another format, a warning says so."""
    path = tmp_path / "list.txt"
    path.write_text(text)
    told = warning_of(path)
    assert (told is None) if what is None else (told is not None and f"looks like {what}" in told)


def test_it_is_told_before_a_request_goes_out(crawl: RunCrawl, server: Server) -> None:
    """As a warning, or with exit status 2, before any request is sent."""
    url = server.url("/image/1")
    done = crawl([f"{url}?1|{url}?2"])
    assert done.log.index("several URLs in a line") < done.log.index("Finished")
    assert "WARNING" in next(line for line in done.log.splitlines() if "several URLs" in line)
    hits = dict(server.hits)
    done = crawl([f"a dog\t{url}?1", f"a cat\t{url}?2"])
    assert done.status == 2
    assert done.log.startswith("imagefetch: ")
    assert done.log.count("\n") == 1
    assert server.hits == hits
