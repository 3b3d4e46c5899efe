"""Defines the programs that are compared, and their command lines.

Each gets the same list, sends up to five requests per line if it can, and keeps the original
bytes.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent

# Concurrent downloads of the programs that have an option for them.
AT_ONCE = 64

BATCHES = (1_000, 500, 250, 100)
"""Sizes in the original article."""


@dataclass(frozen=True)
class Task:
    """Input of a program."""

    urls: list[str]
    folder: Path
    """Used by one run only."""
    authority: Path
    """The certificate authority to trust, PEM."""

    @property
    def list(self) -> Path:
        return self.folder / "urls.txt"

    @property
    def out(self) -> Path:
        """Folder for the images."""
        return self.folder / "out"


@dataclass(frozen=True)
class Program:
    """One way to fetch a list."""

    name: str
    at_once: int
    command: Callable[[Task], list[str]]
    needs: str | None = None
    """Name of an executable."""
    report: bool = False
    """Whether it writes a row for each line."""
    one_by_one: bool = False

    @property
    def installed(self) -> bool:
        return self.needs is None or shutil.which(self.needs) is not None


def environment(authority: Path) -> dict[str, str]:
    """Return this process's environment, in which clients trust *authority*, use no proxy, and
    cache bytecode, as on a user's machine."""
    env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    trusted = {"SSL_CERT_FILE": str(authority), "REQUESTS_CA_BUNDLE": str(authority)}
    project = {"PYTHONPATH": str(ROOT), "SCRAPY_SETTINGS_MODULE": "imagefetch.settings"}
    return {**env, **trusted, **project}


def crawl_command(folder: Path, settings: Mapping[str, object]) -> list[str]:
    """Return the command that fetches ``urls.txt`` in *folder* into ``out`` there."""
    command = [sys.executable, "-m", "scrapy", "crawl", "images"]
    command += ["-a", f"urls={folder / 'urls.txt'}", "-a", f"report={folder / 'REPORT.csv'}"]
    settings = {"FILES_STORE": folder / "out", "ALLOWED_NETWORKS": "127.0.0.0/8", **settings}
    for name, value in settings.items():
        command += ["-s", f"{name}={value}"]
    return command


def imagefetch(at_once: int | None = None) -> Program:
    """Return imagefetch as shipped, or with a number of concurrent requests."""

    def command(task: Task) -> list[str]:
        names = ("CONCURRENT_REQUESTS", "CONCURRENT_REQUESTS_PER_DOMAIN")
        settings = {} if at_once is None else dict.fromkeys(names, at_once)
        return crawl_command(task.folder, settings)

    name = "imagefetch as shipped" if at_once is None else f"imagefetch, {at_once} at once"
    return Program(name, at_once or 0, command, report=True)


def aiohttp_script(batch: int, *, nap: bool) -> Program:
    def command(task: Task) -> list[str]:
        return [*_module("originals"), "aiohttp", str(task.list), str(task.out), "--batch",
                str(batch), *["--nap"] * nap]  # fmt: skip

    name = f"aiohttp script, batches of {batch:,}{', naps' * nap}"
    return Program(name, batch, command, report=True)


def _requests(task: Task) -> list[str]:
    return [*_module("originals"), "requests", str(task.list), str(task.out)]


def _stock(task: Task) -> list[str]:
    return [*_module("stock"), str(task.list), str(task.out), str(AT_ONCE)]


def _curl(task: Task) -> list[str]:
    task.out.mkdir()
    config = task.folder / "curl.txt"
    config.write_text("".join(f'url = "{url}"\nremote-name\n' for url in task.urls))
    return ["curl", "-Z", "--parallel-max", str(AT_ONCE), "--retry", "4", "-sS", "--fail",
            "--output-dir", str(task.out), "--cacert", str(task.authority),
            "-K", str(config)]  # fmt: skip


def _aria2c(task: Task) -> list[str]:
    return ["aria2c", "-q", "-i", str(task.list), "-d", str(task.out), "-j16", "-x1", "-s1",
            "-m5", "--file-allocation=none", "--no-conf",
            f"--ca-certificate={task.authority}"]  # fmt: skip


def _wget2(task: Task) -> list[str]:
    return ["wget2", "-q", "--no-config", "-i", str(task.list), "-P", str(task.out),
            f"--max-threads={AT_ONCE}", "-t5", f"--ca-certificate={task.authority}"]  # fmt: skip


def _img2dataset(task: Task) -> list[str]:
    processes = os.cpu_count() or 1
    shard = -(-len(task.urls) // processes)
    return ["img2dataset", "--url_list", str(task.list), "--output_folder", str(task.out),
            "--output_format", "files", "--resize_mode", "no", "--skip_reencode", "True",
            "--retries", "4", "--processes_count", str(processes),
            "--thread_count", str(AT_ONCE // processes),
            "--number_sample_per_shard", str(shard)]  # fmt: skip


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{name}"]


PROGRAMS = [
    imagefetch(),
    *(imagefetch(n) for n in (1, 16, AT_ONCE, *reversed(BATCHES))),
    aiohttp_script(AT_ONCE, nap=False),
    *(aiohttp_script(batch, nap=nap) for nap in (False, True) for batch in BATCHES),
    Program("requests script", 1, _requests, report=True, one_by_one=True),
    Program("Scrapy's FilesPipeline", AT_ONCE, _stock),
    Program("curl -Z", AT_ONCE, _curl, needs="curl"),
    Program("aria2c", 16, _aria2c, needs="aria2c"),
    Program("wget2", AT_ONCE, _wget2, needs="wget2"),
    Program("img2dataset", AT_ONCE, _img2dataset, needs="img2dataset"),
]
