"""Tests the requests that spider and scheduler create for lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imagefetch.errors import HostUnavailable, InvalidURL, UnsupportedScheme
from imagefetch.line import Line
from imagefetch.meta import DUPLICATE_OF, FAILURE, KEY, LINE, STREAM_TO
from imagefetch.scheduling.requests import NOWHERE, RequestFactory, give_up
from imagefetch.urls import key_of

LINE_3 = Line(3, "http://a.example/ä.jpg")


def callback(response: Any) -> None: ...


def errback(failure: Any) -> None: ...


@pytest.fixture
def requests(tmp_path: Path) -> RequestFactory:
    return RequestFactory(callback, errback, tmp_path)


def test_a_download(requests: RequestFactory, tmp_path: Path) -> None:
    """It has the URL as sent, the key that duplicates share, and the folder of its body."""
    request = requests.download(LINE_3, retry_times=2)
    assert request.url == "http://a.example/%C3%A4.jpg"
    assert (request.callback, request.errback, request.dont_filter) == (callback, errback, True)
    assert request.meta == {
        LINE: LINE_3,
        KEY: key_of(request.url),
        STREAM_TO: tmp_path,
        "retry_times": 2,
    }


@pytest.mark.parametrize(
    ("text", "error"), [("no URL", InvalidURL), ("ftp://a.example/a", UnsupportedScheme)]
)
def test_no_request_can_be_made(
    requests: RequestFactory, text: str, error: type[Exception]
) -> None:
    """The error is that of the line's row."""
    with pytest.raises(error):
        requests.download(Line(1, text))


def test_lines_without_a_download(requests: RequestFactory) -> None:
    """They pass through the engine with the URL of no host, and stream no body."""
    failure = InvalidURL()
    for request, meta in (
        (requests.duplicate(LINE_3, b"key"), {LINE: LINE_3, DUPLICATE_OF: b"key"}),
        (requests.failed(LINE_3, failure), {LINE: LINE_3, FAILURE: failure}),
    ):
        assert (request.url, request.meta) == (NOWHERE, meta)
        assert (request.callback, request.errback) == (callback, errback)


def test_a_request_that_is_given_up(requests: RequestFactory) -> None:
    """It is the same request, which is neither sent nor retried."""
    request = requests.download(LINE_3)
    assert give_up(request, HostUnavailable()) is request
    assert isinstance(request.meta[FAILURE], HostUnavailable)
    assert request.meta["dont_retry"] is True
