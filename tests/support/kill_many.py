"""SIGKILL at random moments of one list, each time gone on with. Run by hand:

    python -m tests.support.kill_many [--kills 1000] [--lines 20000] [--seed 1]

At the end each line has one row, each row's file is whole, and nothing else is in the store.
It takes about a second a kill. The moments are spread over the whole of a run: start, downloads,
and the moves and rows in between.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from subprocess import TimeoutExpired

from imagefetch.fleet.worker.fork_client import Fork, fork_server
from imagefetch.fleet.worker.task import Order
from imagefetch.job.audit import audit, describe
from imagefetch.lists.list_file import ListFile
from tests.conftest import HOSTS, LOOPBACK, ROOT, environment
from tests.support.server import Server, serving

KINDS = ["/image/", "/image/", "/image/", "/image/", "/size/90000/", "/status/404/", "/hops/1/"]


def lines(server: Server, count: int, draw: random.Random) -> list[str]:
    """Return URLs of several hosts and kinds; one in ten is an earlier line's."""
    made: list[str] = []
    for number in range(count):
        if made and draw.random() < 0.1:
            made.append(draw.choice(made))
        else:
            made.append(server.url(f"{draw.choice(KINDS)}{number}.jpg", draw.choice(HOSTS)))
    return made


def begin(folder: Path) -> Fork:
    settings = {
        "FILES_STORE": folder / "images",
        "ALLOWED_NETWORKS": LOOPBACK,
        "HTML_REPORT": False,
        "PROGRESS": "off",
        "RETRY_DELAY": 0.05,
    }
    words = ["crawl", "images", "-a", f"urls={folder / 'urls.txt'}"]
    words += ["-a", f"report={folder / 'REPORT.csv'}"]
    for name, value in settings.items():
        words += ["-s", f"{name}={value}"]
    told = {**environment(), "SCRAPY_SETTINGS_MODULE": "imagefetch.settings"}
    with (folder / "log").open("ab") as log:
        return fork_server.fork(Order(words, 3_600, str(ROOT), told), log.fileno())


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def rows(folder: Path) -> int:
    report = folder / "REPORT.csv"
    return max(0, report.read_bytes().count(b"\n") - 1) if report.exists() else 0


def kill_many(folder: Path, kills: int, count: int, draw: random.Random) -> int:
    """Kill so many runs; return how many got their signal before they ended."""
    longest, killed = 1.0, 0
    for number in range(kills):
        process = begin(folder)
        try:
            process.wait(draw.uniform(0, longest))
        except TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        process.close()
        done = rows(folder)
        ahead = done / count > (number + 1) / kills
        longest = max(0.2, min(5.0, longest * (0.97 if ahead else 1.03)))
        if number % 50 == 49:
            say(f"{number + 1} kills, {done} rows")
    return killed


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    draw = random.Random(given.seed)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, serving(HOSTS) as server:
        folder = Path(scratch)
        (folder / "urls.txt").write_text("\n".join(lines(server, given.lines, draw)))
        killed = kill_many(folder, given.kills, given.lines, draw)
        status = begin(folder).wait()
        fork_server.end()
        found = audit(ListFile(folder / "urls.txt"), folder / "REPORT.csv", folder / "images")
        left = [path.name for path in (folder / "images").glob(".part/*/*")]
        say(describe(found))
        say(
            f"{killed} of {given.kills} killed before they ended, {server.hits.total()} requests, "
            f"{time.monotonic() - begun:.0f} s; left among partial files: {left or 'nothing'}"
        )
        whole = (found.missing, found.strays, found.partial, len(left)) == (0, 0, 0, 0)
        return 0 if status == 0 and whole and not found.broken else 1


if __name__ == "__main__":
    sys.exit(main())
