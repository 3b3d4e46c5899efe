"""Fixtures: a server on loopback, and crawls run as a user runs them."""

from __future__ import annotations

import csv
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from scrapy.settings import Settings

from imagefetch.output.report.csv_rows import decode
from tests.support import forks
from tests.support.server import Server, serving

ROOT = Path(__file__).parent.parent
LOOPBACK = "127.0.0.0/8"
HOSTS = [f"127.0.0.{n}" for n in range(1, 21)]

Row = dict[str, str]

# How many times as many examples are drawn as in a short run.
FUZZ_FACTOR = int(os.environ.get("FUZZ_FACTOR", "1"))

# How long an example takes, or to draw it, is the machine's affair.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)
hypothesis.settings.load_profile("patient")


def examples(number: int) -> hypothesis.settings:
    """Return settings for a test that draws so many examples, or `FUZZ_FACTOR` times as many."""
    return hypothesis.settings(max_examples=number * FUZZ_FACTOR)


@dataclass
class Crawl:
    """A finished ``scrapy crawl images``."""

    status: int
    log: str
    """What it wrote on standard error."""
    folder: Path

    @property
    def report(self) -> Path:
        return self.folder / "REPORT.csv"

    @property
    def images(self) -> Path:
        return self.folder / "images"

    @property
    def rows(self) -> list[Row]:
        """The report's rows in its own order."""
        with self.report.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        return [dict(zip(header, decode(row), strict=True)) for row in rows]

    @property
    def by_line(self) -> dict[int, Row]:
        """The report's rows by line; fails where a line has two."""
        rows = self.rows
        named = {int(row["Line"]): row for row in rows}
        assert len(named) == len(rows), "a line has more than one row"
        return named

    def files(self) -> set[str]:
        """Every file below the store, partial ones too."""
        found = (p for p in self.images.rglob("*") if not p.is_dir())
        return {str(p.relative_to(self.images)) for p in found}

    def check(self, lines: int) -> None:
        """Assert the invariant: a row a line, and the files that rows name, whole."""
        named = self.by_line
        assert len(named) == lines
        assert self.files() == {row["File"] for row in named.values() if row["File"]}
        for row in named.values():
            if row["File"]:
                body = (self.images / row["File"]).read_bytes()
                assert hashlib.sha256(body).hexdigest() == row["SHA-256"]
                assert str(len(body)) == row["Bytes"]
            else:
                assert row["Reason"], row


RunCrawl = Callable[..., Crawl]


def command(folder: Path, settings: Mapping[str, object]) -> list[str]:
    """Return the command line of a crawl of ``urls.txt`` in *folder*."""
    words = [sys.executable, "-m", "scrapy", "crawl", "images"]
    settings = {"FILES_STORE": folder / "images", "ALLOWED_NETWORKS": LOOPBACK, **settings}
    words += ["-a", f"urls={folder / 'urls.txt'}", "-a", f"report={folder / 'REPORT.csv'}"]
    for name, value in settings.items():
        words += ["-s", f"{name}={value}"]
    return words


def environment() -> dict[str, str]:
    """Return this process's, proxies left out: they would see the traffic."""
    return {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}


def project(**changed: Any) -> Settings:
    """Return the project's settings, some changed as by ``-s``."""
    settings = Settings()
    settings.setmodule("imagefetch.settings")
    settings.setdict({"ALLOWED_NETWORKS": LOOPBACK, **changed}, priority="cmdline")
    return settings


def run_crawl(
    folder: Path,
    *words: str,
    env: Mapping[str, str] | None = None,
    fork: bool = True,
    **settings: object,
) -> Crawl:
    """Run a crawl of ``urls.txt`` in *folder*; other keyword arguments are settings.

    It runs in a fork (`tests.support.forks`), or in a new process as a user's does.
    """
    python, _, *module = [*command(folder, {"RETRY_DELAY": 0.05, **settings}), *words]
    variables = {**environment(), **(env or {})}
    if fork:
        done = forks.run(module, env=variables)
    else:
        done = subprocess.run(
            [python, "-m", *module],
            cwd=ROOT,
            env=variables,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    return Crawl(done.returncode, done.stderr, folder)


@pytest.fixture
def crawl(tmp_path: Path) -> RunCrawl:
    """Run a crawl over some lines; the other arguments are those of `run_crawl`."""

    def run(lines: Iterable[str], *words: str, **arguments: Any) -> Crawl:
        (tmp_path / "urls.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
        return run_crawl(tmp_path, *words, **arguments)

    return run


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of one host."""
    with serving(HOSTS[:1]) as running:
        yield running


@pytest.fixture
def hosts() -> Iterator[Server]:
    """A server of twenty hosts."""
    with serving(HOSTS) as running:
        yield running


@pytest.fixture(scope="session")
def dead_port() -> Iterator[int]:
    """A port that nothing listens at, and that nothing will be given meanwhile."""
    import socket

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
