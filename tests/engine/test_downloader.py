"""Tests of the short way through Scrapy's downloader."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import pytest
import scrapy
from scrapy.core import engine
from scrapy.core.downloader import Downloader
from scrapy.core.downloader.handlers import DownloadHandlers

from imagefetch.engine.downloader import DirectDownloader
from tests.conftest import HOSTS, RunCrawl
from tests.support.server import Server

USED = {"fetch", "active", "needs_backout", "close"}
"""What Scrapy's engine uses of a downloader."""

USED_ELSEWHERE = {
    "active",  # telnet console, engine status
    "get_slot_key",  # queues, the scheduler
    "slots",  # AutoThrottle
    "_delay",  # AutoThrottle
    "middleware",  # `Crawler.get_downloader_middleware`
}
"""What other components of Scrapy use of it."""


def test_the_interface_of_a_downloader_that_is_relied_on() -> None:
    """DOWNLOADER is a documented setting without a documented interface. If this fails, Scrapy
    has changed it: read `scrapy.core.engine` and `scrapy.core.downloader` again."""
    used = set(re.findall(r"self\.downloader\.(\w+)", inspect.getsource(engine)))
    assert used == USED
    folder = Path(scrapy.__file__).parent
    sources = (path.read_text("utf-8") for path in folder.rglob("*.py"))
    found = {name for text in sources for name in re.findall(r"\bdownloader\.(\w+)", text)}
    imported = {path.stem for path in folder.rglob("*.py")} | {"Downloader", "Slot", "handlers"}
    assert found - imported == {*USED, *USED_ELSEWHERE} - imported
    for name in {*USED, "get_slot_key"} - {"active"}:
        assert callable(getattr(DirectDownloader, name))
    parameters = inspect.signature(Downloader._enqueue_request).parameters
    assert list(parameters) == ["self", "request"]
    assert inspect.iscoroutinefunction(Downloader._enqueue_request)
    assert Downloader.DOWNLOAD_SLOT == "download_slot"
    assert list(inspect.signature(DownloadHandlers._get_handler).parameters) == ["self", "scheme"]


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, []),
        ({"DOWNLOAD_DELAY": 0.01}, HOSTS[:2]),
        ({"DOWNLOAD_SLOTS": json.dumps({HOSTS[1]: {"delay": 0.01}})}, HOSTS[1:2]),
        ({"ROBOTSTXT_OBEY": True}, HOSTS[:2]),  # requests that the scheduler doesn't know
    ],
    ids=["none", "a delay", "a host's delay", "robots.txt"],
)
def test_only_requests_that_something_delays_take_a_slot_of_scrapy(
    crawl: RunCrawl, hosts: Server, settings: dict[str, object], found: list[str], tmp_path: Path
) -> None:
    done = crawl(
        [f"http://{host}:{hosts.port}/image/x.jpg" for host in HOSTS[:2]],
        EXTENSIONS=json.dumps({"tests.support.traced.SlotNames": 500}),
        TRACE=tmp_path / "trace",
        **settings,
    )
    assert done.status == 0, done.log
    done.check(2)
    assert json.loads((tmp_path / "trace").read_text()) == found


def test_a_downloader_of_scrapy_may_be_used_instead(crawl: RunCrawl, hosts: Server) -> None:
    lines = [f"http://{host}:{hosts.port}/image/x.jpg" for host in HOSTS[:2]]
    done = crawl(lines, DOWNLOADER="scrapy.core.downloader.Downloader")
    assert done.status == 0, done.log
    done.check(2)
