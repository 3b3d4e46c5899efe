"""Tests of imagefetch.utils.text."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefetch.utils.text import (
    SanitizingFormatter,
    escape,
    hide_credentials,
    hide_credentials_of,
    unescape,
)
from tests.conftest import HOSTS, ROOT, RunCrawl, examples
from tests.support.raw_responses import sends
from tests.support.server import Server

TEXT = st.lists(st.sampled_from(["\\", "u", "001b", "\x1b", "\\u001b"]) | st.text()).map("".join)


def seconds_of(work: Callable[[], object]) -> float:
    """Return the CPU seconds of *work*, the minimum of three runs."""
    found = []
    for _ in range(3):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return min(found)


@given(TEXT)
@examples(300)
def test_any_text_comes_back(text: str) -> None:
    """`unescape` restores any text; escaped text contains no control characters."""
    assert unescape(escape(text)) == text
    assert not any(c in escape(text) for c in "\r\n\x1b\x7f\x9b\u2028\u202e")


@pytest.mark.parametrize("text", ["", "a\\b", "C:\\users", "tab\there", "名", "é", "👩\u200d🚀"])
def test_text_without_control_characters_stays(text: str) -> None:
    """Text without control characters is not changed."""
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
    """Credentials before the host are hidden; other text with an ``@`` is not."""
    assert hide_credentials(text) == hidden


def test_credentials_of_a_url_may_hold_anything() -> None:
    """In a single URL, credentials may contain blanks."""
    assert hide_credentials_of("http://me:p w@a.example/b") == "http://***@a.example/b"
    assert hide_credentials_of("http:/me:p /w@a.example/b") == "http:/***@a.example/b"
    assert hide_credentials_of("a line with an @") == "a line with an @"


SECRETS = st.text(st.sampled_from("/?#@:%[]&=pw\\"), min_size=1).map(lambda text: f"hush{text}hush")


@given(SECRETS, st.sampled_from(["http://", "http:/", "http:\\\\", "http:", "//", "", "HTTP://"]))
@examples(300)
def test_no_password_is_left_of_a_malformed_url(secret: str, scheme: str) -> None:
    """For any scheme and any characters, the whole password up to the last ``@`` is hidden."""
    for url in (f"{scheme}bob:{secret}@a.example/b.jpg", f"{scheme}:{secret}@a.example"):
        nested = "http://proxy.example/?u="
        for text in (url, nested + url, nested + quote(url, safe=""), f"<GET {url}> '{url}'"):
            assert "hush" not in hide_credentials(text)
            assert "hush" not in hide_credentials_of(text)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("http:/bob:pw@a.example/x", "http:/***@a.example/x"),
        ("http:\\\\bob:pw@a.example/x", "http:\\\\***@a.example/x"),
        ("bob:pw@a.example/x", "***@a.example/x"),
        ("HTTP://bob:pw@a.example", "HTTP://***@a.example"),
        ("http://p.example/?u=http://bob:pw@h/", "http://p.example/?u=http://***@h/"),
        ("http://bob%3Apw%40a.example", "http://***@a.example"),
        ("http%253A%252F%252Fbob%253Apw%2540h", "http%253A%252F%252F***@h"),
        ("'ftp://bob:p w@h:21/x'", "'ftp://***@h:21/x'"),
        ("http://a.example/x@2x.jpg", "http://a.example/x@2x.jpg"),
    ],
)
def test_urls_that_are_malformed(text: str, hidden: str) -> None:
    """Only possible credentials are hidden."""
    assert hide_credentials(text) == hidden


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("http://a/?X-Amz-Signature=ab%2F&X-Amz-Credential=c&n=1",
         "http://a/?X-Amz-Signature=***&X-Amz-Credential=***&n=1"),
        ("http://a/?sig=ab#access_token=c", "http://a/?sig=***#access_token=***"),
        ("http://a/?u=http%3A%2F%2Fb%2F%3Fkey%3Dc&n=1",
         "http://a/?u=http%3A%2F%2Fb%2F%3Fkey%3D***&n=1"),
        ("http://a/?monkeying=1&keyword=2&author=3&passage=4",
         "http://a/?monkeying=1&keyword=2&author=3&passage=4"),
        ("{'FTP_PASSWORD': 'it is',\n 'COOKIES_ENABLED': False}",
         "{'FTP_PASSWORD': ***,\n 'COOKIES_ENABLED': False}"),
        ("{'A': {'Cookie': 'b', 'Accept': 'c'}, 'API_KEYS': ['d', ('e', 'f')]}",
         "{'A': {'Cookie': ***, 'Accept': 'c'}, 'API_KEYS': ***}"),
        ("{'SECRET_KEY': 'a '\n  'b', 'N': 1}", "{'SECRET_KEY': ***, 'N': 1}"),
        ("{b'Authorization': [b'Basic YQ==']}", "{b'Authorization': ***}"),
        ("http_pass = 'a b', n=1", "http_pass = ***, n=1"),
        ("Authorization: Basic YQ==\nAccept: b", "Authorization: ***\nAccept: b"),
        ("x-amz-security-token:abc", "x-amz-security-token:***"),
        ("KeyError: 'a'", "KeyError: 'a'"),
        ("[(b'Cookie', b'a'), ('B', 'c')]", "[(b'Cookie', ***), ('B', 'c')]"),
        ("['a.auth.B', 'a.C']", "['a.auth.B', 'a.C']"),
    ],
)  # fmt: skip
def test_values_are_hidden_by_their_names(text: str, hidden: str) -> None:
    """Values of secret parameters, settings and headers are hidden, in every notation."""
    assert hide_credentials(text) == hidden


def test_hiding_takes_time_in_proportion() -> None:
    """The time is linear in the length: untrusted text can't stall the log."""
    parts = (":", "//", "a:/", "%40", "'a':(", "key=", "'", "[(", "'key':'", "a=(", "?key", "x-")
    for part in parts:
        cost = []
        for size in (2**12, 2**15):
            text = part * (size // len(part)) + "key@'"
            cost.append(seconds_of(partial(hide_credentials, text)))
        assert cost[1] < 20 * cost[0] + 0.05, part


def test_records_of_any_kind() -> None:
    """Message and traceback are sanitized; the line ends of the record are kept."""
    formatter = SanitizingFormatter(logging.Formatter("%(levelname)s %(message)s"))
    try:
        raise ValueError("http://me:pw@a/\x1b[2J")
    except ValueError as error:
        told = (type(error), error, error.__traceback__)
    record = logging.LogRecord("a", 40, "", 0, "%s\nb", ("//me:pw@b\x9b",), told)
    text = formatter.format(record)
    assert text.startswith("ERROR //***@b\\u009b\nb\nTraceback")
    assert text.endswith("\nValueError: http://***@a/\\u001b[2J")


def test_nothing_in_a_log_tells_a_password(crawl: RunCrawl, hosts: Server, dead_port: int) -> None:
    """Not even at DEBUG, where each request, redirect, retry and error is logged."""
    there = hosts.url("/image/b", f"me:secret@{HOSTS[1]}").encode()
    hosts.raw["/raw/a"] = sends(b"HTTP/1.1 302 X\r\nLocation: " + there + b"\r\n\r\n")
    paths = ["/image/a", "/hops/2/a", "/raw/a", "/later/1/503/a", "/status/404/a", "/type/a"]
    lines = [hosts.url(path, f"me:secret@{HOSTS[0]}") for path in paths]
    lines += [f"http://me:secret@{HOSTS[0]}:{dead_port}/", "http://me:secret@[::1/", "\x1b[2J\x9b"]
    env = {"http_proxy": f"http://me:secret@{HOSTS[0]}:{dead_port}", "no_proxy": HOSTS[0]}
    lines += [hosts.url("/image/c", HOSTS[2]), hosts.url("/status/404/?X-Amz-Signature=secret")]
    lines += [
        f"http:/me:secret@{HOSTS[0]}/",
        f"http:\\\\me:secret@{HOSTS[0]}/",
        "me:secret@nowhere/",
    ]
    lines += [f"http://me:{part}secret@{HOSTS[0]}/" for part in ("1/", "1#", "1?", "@", ":", "x/")]
    lines += [hosts.url(f"/image/d?u=http%3A%2F%2Fme%3Asecret%40{HOSTS[0]}%2F")]
    settings = {
        "FTP_PASSWORD": "the secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "DEFAULT_REQUEST_HEADERS": '{"Authorization": "Basic secret", "X-Api-Key": "secret"}',
        "BREAKER_FAILURES": 0,  # else the run would end, since its proxy is down
    }
    done = crawl(lines, env=env, LOG_LEVEL="DEBUG", RETRY_TIMES=1, HTML_REPORT=True, **settings)
    assert done.status == 0, done.log
    assert "***@127.0.0.1" in done.log
    assert "'FTP_PASSWORD': ***" in done.log
    assert "secret" not in done.log
    page = (done.folder / "REPORT.html").read_text()
    assert "secret" not in page
    assert not {"\x1b", "\x9b"} & set(done.log)
    done.check(len(lines))
    assert done.by_line[9]["URL"] == lines[8]
    assert b"\x1b\x9b" not in done.report.read_bytes()


def test_a_traceback_tells_no_password() -> None:
    """Tracebacks of uncaught exceptions are sanitized, in all threads."""
    code = (
        "import threading\nfrom imagefetch.utils.text import hide_in_tracebacks\n"
        "hide_in_tracebacks()\n"
        "def fail(): raise ValueError('ftp://me:secret@nowhere \\x1b[2J')\n"
        "thread = threading.Thread(target=fail)\nthread.start()\nthread.join()\nfail()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("\nValueError: ftp://***@nowhere \\u001b[2J\n") == 2


def test_a_store_s_password_is_told_nowhere(crawl: RunCrawl, dead_port: int) -> None:
    """Not in logged settings, not in a library's error, not on the page, not in the command
    shown there."""
    store = f"ftp://me:secret word@127.0.0.1:{dead_port}/images"
    done = crawl(["no URL"], LOG_LEVEL="DEBUG", FILES_STORE=store, HTML_REPORT=True)
    assert f"ftp://***@127.0.0.1:{dead_port}/images" in done.log
    assert f"ftp://***@127.0.0.1:{dead_port}/images" in (done.folder / "REPORT.html").read_text()
    assert "secret" not in done.log + (done.folder / "REPORT.html").read_text()


def test_what_components_say_as_they_are_built(crawl: RunCrawl, tmp_path: Path) -> None:
    """Log lines before the spider is opened are sanitized, too."""
    (tmp_path / "talking.py").write_text(
        "import logging\nclass Talking:\n    def __init__(self):\n"
        "        logging.warning('built with %s', 'ftp://me:secret@nowhere')\n"
    )
    done = crawl(
        ["no URL"],
        env={"PYTHONPATH": str(tmp_path)},
        fork=False,
        SPIDER_MIDDLEWARES='{"talking.Talking": 1}',
        EXTENSIONS='{"talking.Talking": 1}',
        ADDONS='{"talking.Talking": 1}',
    )
    assert done.log.count("built with ftp://***@nowhere") == 3
    assert "secret" not in done.log


def test_an_escaped_row_is_its_lines_own(crawl: RunCrawl) -> None:
    """A resumed run recognizes lines that were escaped."""
    # A list without any URL is refused.
    lines = ["\x1b[2J", "\\u001b[2J", "'\x7f", "=\\u001b", "ftp://a.example/"]
    assert [row["URL"] for _, row in sorted(crawl(lines).by_line.items())] == lines
    again = crawl(lines)
    assert "nothing to do" in again.log
    assert not list(again.folder.glob("REPORT.*.csv"))
