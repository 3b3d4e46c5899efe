"""Tests of imagefetch.harmless."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefetch.harmless import (
    HarmlessFormatter,
    escape,
    hide_credentials,
    hide_credentials_of,
    unescape,
)
from tests.answers import sends
from tests.conftest import HOSTS, RunCrawl, examples
from tests.server import Server

TEXT = st.lists(st.sampled_from(["\\", "u", "001b", "\x1b", "\\u001b"]) | st.text()).map("".join)


@given(TEXT)
@examples(300)
def test_any_text_comes_back(text: str) -> None:
    """And while it is escaped, nothing in it is obeyed by a terminal."""
    assert unescape(escape(text)) == text
    assert not any(c in escape(text) for c in "\r\n\x1b\x7f\x9b\u2028\u202e")


@pytest.mark.parametrize("text", ["", "a\\b", "C:\\users", "tab\there", "名", "é", "👩\u200d🚀"])
def test_harmless_text_stays(text: str) -> None:
    """Nothing is escaped that need not be."""
    assert escape(text) == text


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("http://me:pw@a.example/b", "http://***@a.example/b"),
        ("<GET https://me@a.example:80/>", "<GET https://***@a.example:80/>"),
        ("from //me:p@w@a/ to s3://k:s@b/", "from //***@a/ to s3://***@b/"),
        ("'http://me:it's@a.example'", "'http://***@a.example'"),
        ('http://me:<"@a.example', "http://***@a.example"),
        ("http://a.example/@b", "http://a.example/@b"),
        ("http://a.example?me@b", "http://a.example?me@b"),
        ("http://a.example and me@b", "http://a.example and me@b"),
    ],
)
def test_credentials_are_hidden(text: str, hidden: str) -> None:
    """Those before the host, and nothing that only looks like them."""
    assert hide_credentials(text) == hidden


def test_credentials_of_a_url_may_hold_anything() -> None:
    """What is a URL as a whole is known where it ends."""
    assert hide_credentials_of("http://me:p w@a.example/b@c") == "http://***@a.example/b@c"
    assert hide_credentials_of("a line with an @") == "a line with an @"


def test_records_of_any_kind() -> None:
    """Message and traceback are made harmless; the record's own lines stay lines."""
    formatter = HarmlessFormatter(logging.Formatter("%(levelname)s %(message)s"))
    try:
        raise ValueError("http://me:pw@a/\x1b[2J")
    except ValueError as error:
        told = (type(error), error, error.__traceback__)
    record = logging.LogRecord("a", 40, "", 0, "%s\nb", ("//me:pw@b\x9b",), told)
    text = formatter.format(record)
    assert text.startswith("ERROR //***@b\\u009b\nb\nTraceback")
    assert text.endswith("\nValueError: http://***@a/\\u001b[2J")


def test_nothing_in_a_log_tells_a_password(crawl: RunCrawl, hosts: Server, dead_port: int) -> None:
    """Not even at DEBUG, where each request, redirect, retry and error is told of."""
    there = hosts.url("/image/b", f"me:secret@{HOSTS[1]}").encode()
    hosts.raw["/raw/a"] = sends(b"HTTP/1.1 302 X\r\nLocation: " + there + b"\r\n\r\n")
    paths = ["/image/a", "/hops/2/a", "/raw/a", "/later/1/503/a", "/status/404/a", "/type/a"]
    lines = [hosts.url(path, f"me:secret@{HOSTS[0]}") for path in paths]
    lines += [f"http://me:secret@{HOSTS[0]}:{dead_port}/", "http://me:secret@[::1/", "\x1b[2J\x9b"]
    env = {"http_proxy": f"http://me:secret@{HOSTS[0]}:{dead_port}", "no_proxy": HOSTS[0]}
    lines += [hosts.url("/image/c", HOSTS[2])]
    done = crawl(lines, env=env, LOG_LEVEL="DEBUG", RETRY_TIMES=1)
    assert done.status == 0, done.log
    assert "***@127.0.0.1" in done.log
    assert "secret" not in done.log
    assert not {"\x1b", "\x9b"} & set(done.log)
    done.check(len(lines))
    assert done.by_line[9]["URL"] == lines[8]
    assert b"\x1b\x9b" not in done.report.read_bytes()


def test_an_escaped_row_is_its_lines_own(crawl: RunCrawl) -> None:
    """A run that goes on knows lines again that were escaped."""
    lines = ["\x1b[2J", "\\u001b[2J", "'\x7f", "=\\u001b"]
    assert [row["URL"] for _, row in sorted(crawl(lines).by_line.items())] == lines
    again = crawl(lines)
    assert "nothing to do" in again.log
    assert not list(again.folder.glob("REPORT.*.csv"))
