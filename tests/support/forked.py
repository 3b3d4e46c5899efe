"""Crawls and reports of jobs that share a store, in forks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.conftest import LOOPBACK, Crawl, environment
from tests.support import forks, kill


def scrapy(*words: str, **variables: str) -> tuple[int, str]:
    """Run ``scrapy`` with *words*; return its exit status, and what it wrote."""
    done = forks.run(["scrapy", *words], env={**environment(), **variables})
    return done.returncode, done.stdout + done.stderr


def places(folder: Path, store: Path, **settings: Any) -> list[str]:
    """Return the words that name list, report and store of the job in *folder*."""
    words = ["-a", f"urls={folder / 'urls.txt'}", "-a", f"report={folder / 'REPORT.csv'}"]
    settings = {"FILES_STORE": store, "ALLOWED_NETWORKS": LOOPBACK, **settings}
    return words + [word for name, value in settings.items() for word in ("-s", f"{name}={value}")]


def crawl(
    folder: Path,
    store: Path,
    *words: str,
    spider: str = "images",
    kill_at: str = "",
    **settings: Any,
) -> Crawl:
    """Run a crawl of ``urls.txt`` in *folder*; other keyword arguments are settings."""
    settings = {
        "RETRY_TIMES": 0,
        "HTML_REPORT": False,
        "PROGRESS": "off",
        "CONCURRENT_REQUESTS": 2,
        **(kill.SETTINGS if kill_at else {}),
        **settings,
    }
    given = places(folder, store, **settings)
    status, log = scrapy("crawl", spider, *given, *words, KILL_AT=kill_at or ":0")
    return Crawl(status, log, folder)


def report(folder: Path, store: Path, *words: str) -> Crawl:
    """Run ``scrapy report``; its ``log`` is what it told."""
    return Crawl(*scrapy("report", *places(folder, store), *words), folder)
