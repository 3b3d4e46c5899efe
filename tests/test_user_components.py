"""Middlewares, pipelines, extensions and signal handlers of users are called as Scrapy documents.

Of each kind there is one with plain methods and one with coroutines; they return and raise all
that they may.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.conftest import HOSTS, Crawl, RunCrawl
from tests.support.server import Server

PARTS = "tests.support.traced"
LINES = 12
DEAD = 11
"""The line whose host refuses connections."""
STOPPED = 12
"""The line whose download a signal handler stops."""

DOWN = ["Outer request", "ODD request", "Inner request"]
UP = ["Inner response", "ODD response", "Outer response"]


def failing(error: str, first: int = 0, last: int = 3) -> list[str]:
    return [f"{name} {error}" for name in ("Inner", "ODD", "Outer")][first:last]


MIDDLEWARES = {
    1: DOWN + UP,
    2: DOWN[:2] + UP,  # a response: no more process_request, no download
    3: DOWN[:2] + DOWN + UP,  # a request: scheduled
    4: DOWN[:2] + failing("IgnoreRequest"),
    5: DOWN[:2] + failing("LookupError"),
    6: DOWN[:2] + failing("LookupError", 0, 2) + UP,  # a response in place of the error
    7: DOWN[:2] + failing("LookupError", 0, 2) + DOWN + UP,  # a request in place of it
    8: DOWN + UP[:2] + DOWN + UP,
    9: DOWN + UP[:2],  # an error of process_response goes to the errback
    10: DOWN + UP,
    DEAD: DOWN + failing("ConnectionRefused"),
    STOPPED: DOWN + failing("StopDownload"),
}
"""The calls of the middlewares, by line."""

REASONS = {
    2: "internal-error",  # not the response that the spider expects
    4: "request-dropped",
    5: "internal-error",
    6: "internal-error",
    9: "request-dropped",
    10: "internal-error",
    DEAD: "connection-refused",
    STOPPED: "request-dropped",
}


@pytest.fixture
def lines(server: Server, dead_port: int) -> list[str]:
    pictures = [server.url(f"/image/{n}.jpg") for n in range(LINES)]
    pictures[DEAD - 1] = f"http://127.0.0.1:{dead_port}/x.jpg"
    return pictures


def traced(crawl: RunCrawl, lines: list[str], odd: str, trace: Path, **more: object) -> Crawl:
    middlewares = {f"{PARTS}.Outer": 200, f"{PARTS}.{odd}": 400, f"{PARTS}.Inner": 700}
    return crawl(
        lines,
        DOWNLOADER_MIDDLEWARES=json.dumps(middlewares),
        ITEM_PIPELINES=json.dumps({f"{PARTS}.Sync": 100, f"{PARTS}.Async": 900}),
        EXTENSIONS=json.dumps({f"{PARTS}.Trace": 500}),
        TRACE=trace,
        RETRY_TIMES=0,
        **more,
    )


@pytest.mark.parametrize("delay", [0, 0.01])
@pytest.mark.parametrize("odd", ["Odd", "AsyncOdd"])
def test_components_of_a_user_are_called_as_documented(
    crawl: RunCrawl, lines: list[str], tmp_path: Path, odd: str, delay: float
) -> None:
    """With and without a delay between requests, for which requests are sent in another way."""
    done = traced(crawl, lines, odd, tmp_path / "trace", DOWNLOAD_DELAY=delay)
    assert done.status == 0, done.log
    done.check(LINES)
    reasons = {line: row["Reason"] for line, row in done.by_line.items() if row["Reason"]}
    assert reasons == REASONS
    calls = [json.loads(line) for line in (tmp_path / "trace").read_text().splitlines()]
    by_line: dict[int, list[str]] = defaultdict(list)
    for name, what, line in calls:
        if name in {"Outer", odd, "Inner"}:
            by_line[line].append(f"{'ODD' if name == odd else name} {what}")
    assert by_line == MIDDLEWARES

    pipelines = [call for call in calls if call[0] in {"Sync", "Async"}]
    assert pipelines[:2] == [["Sync", "open", 0], ["Async", "open", 0]]
    assert pipelines[-2:] == [["Sync", "close", 0], ["Async", "close", 0]]
    for line in range(1, LINES + 1):
        items = [name for name, what, number in pipelines if what == "item" and number == line]
        assert items == ["Sync", "Async"]

    sent = Counter((what, line) for name, what, line in calls if name == "Signal")
    downloaded = {1, 3, 7, 8, 9, 10}  # 8 is downloaded twice
    received = (downloaded | {2, 6}) - {9}
    every = set(range(1, LINES + 1))
    expected = Counter(
        {
            **{("request_scheduled", line): 1 + (line in {3, 7, 8}) for line in every},
            **{(name, 0): 1 for name in ("engine_started", "spider_opened", "spider_closed")},
            **{("item_scraped", line): 1 for line in every},
            **{("row_written", line): 1 for line in every},
            **{
                (name, line): 1 + (line == 8)
                for line in downloaded | {DEAD, STOPPED}
                for name in ("request_reached_downloader", "request_left_downloader")
            },
            **{("response_downloaded", line): 1 + (line == 8) for line in downloaded},
            **{("headers_received", line): 1 + (line == 8) for line in downloaded | {STOPPED}},
            **{("bytes_received", line): 1 + (line == 8) for line in downloaded},
            **{("response_received", line): 1 for line in received},
            **{("from_anyone", line): 1 for line in received},
        }
    )
    once = [line for what, line in sent if what == "once"]
    assert len(once) == 1
    assert once[0] in received
    assert sent - Counter({("once", once[0]): 1}) == expected
    assert done.log.count("a handler that raises\n") == len(received)
    assert done.log.count("a handler that raises later\n") == LINES


THROTTLED = {
    "AUTOTHROTTLE_ENABLED": True,
    "AUTOTHROTTLE_START_DELAY": 0.05,
    "AUTOTHROTTLE_MAX_DELAY": 0.05,
    "AUTOTHROTTLE_TARGET_CONCURRENCY": 1e-6,  # any latency asks for more than the maximum
}
OWN = {"DOWNLOAD_SLOTS": json.dumps({"of a user": {"delay": 0.03}, "127.0.0.2": {"delay": 0.04}})}

INTO_SLOT = {"DOWNLOADER_MIDDLEWARES": json.dumps({f"{PARTS}.IntoSlot": 400})}


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"DOWNLOAD_DELAY": 0.01}, {"127.0.0.1": 0.01, "127.0.0.2": 0.01}),
        (THROTTLED, {"127.0.0.1": 0.05, "127.0.0.2": 0.05}),
        ({**OWN, **INTO_SLOT}, {"of a user": 0.03}),
        ({**OWN, "DOWNLOAD_DELAY": 0.01}, {"127.0.0.1": 0.01, "127.0.0.2": 0.04}),
    ],
    ids=["delay", "throttled", "slot of a middleware", "slot of a host"],
)
def test_delays_apply_to_the_slots_that_extensions_see(
    crawl: RunCrawl,
    hosts: Server,
    tmp_path: Path,
    settings: dict[str, object],
    found: dict[str, float],
) -> None:
    """DOWNLOAD_DELAY, AutoThrottle, and DOWNLOAD_SLOTS by host or by ``download_slot``."""
    done = crawl(
        [f"http://{host}:{hosts.port}/image/x.jpg" for host in HOSTS[:2]],
        EXTENSIONS=json.dumps({f"{PARTS}.WatchSlots": 500}),
        TRACE=tmp_path / "trace",
        DOWNLOAD_DELAY_JITTER=0,
        **settings,
    )
    assert done.status == 0, done.log
    done.check(2)
    seen = json.loads((tmp_path / "trace").read_text())
    assert len(seen) == 2
    assert dict(seen) == found
