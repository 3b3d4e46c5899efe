"""Progress of a run: log lines, the time left, the length of the list."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from pathlib import Path

import pytest

from imagefetch.lists.count import LOOKED_AT, count_lines, estimate_lines
from imagefetch.lists.list_file import ListFile
from imagefetch.scheduling.circuit_breakers.waiting_hosts import BlockedLines
from imagefetch.stats.progress import in_one_line
from imagefetch.stats.snapshot import Snapshot
from imagefetch.utils.formatting import binary_size, duration, moment, number, share, size, spell
from tests.conftest import RunCrawl
from tests.support.server import Server


def test_a_log_line_has_all_figures() -> None:
    """Estimates and unknown values are marked."""
    known = Snapshot(50, 100, False, 40, 10, 8, 3, 5.0, 4.0, 2.5e6)
    assert in_one_line(known) == (
        "[50/100] 40 kept, 10 not, 3 waiting to retry; 5 lines/s, 2.5 MB/s, 0:00:10 left"
    )
    assert in_one_line(Snapshot(50, 100, True)).startswith("[50/~100] ")
    fleet = Snapshot(50, 100, False, 40, 10, bytes_rate=None, workers=3)
    assert in_one_line(fleet) == "[50/100] 40 kept, 10 not; 0 lines/s, 3 workers"
    assert in_one_line(Snapshot(50)) == ("[50/?] 0 kept, 0 not; 0 lines/s, 0.0 MB/s")


@pytest.mark.parametrize("rate", [0.0, 5e-324, 1e-6])
def test_the_time_left_is_unknown_in_a_pause(rate: float) -> None:
    """The time left is unknown, even if a little of the rate remains."""
    paused = Snapshot(50, 100, lines_rate=rate)
    assert paused.left is None
    assert in_one_line(paused).endswith("; 0 lines/s, 0.0 MB/s")


def test_waiting_lines_take_at_least_until_they_are_due() -> None:
    """The time left is at least that of the retries; if nothing else is left, the line says so."""
    quick = Snapshot(95, 100, retrying=5, lines_rate=100.0, least_left=20.0)
    assert quick.left == 20.0
    assert replace(quick, lines_rate=0.1).left == 50.0
    assert replace(quick, lines_rate=0.1, only_waits=True).left == 20.0
    assert in_one_line(replace(quick, only_waits=True)).endswith(
        "0:00:20 left, waiting for retries"
    )
    blocked = replace(quick, blocked=BlockedLines(12, 2, 7.2, 30.0))
    assert blocked.left == 30.0
    assert in_one_line(blocked).endswith(
        "0:00:30 left, 12 lines wait for 2 hosts that can't be connected to, tried again in 0:00:08"
    )
    assert str(BlockedLines(1, 1, 0.0, 0.0)).startswith("1 line waits for 1 host that can't")


def progress_lines(log: str) -> list[str]:
    """Return the progress lines of a log."""
    return [line for line in log.splitlines() if "[imagefetch.stats.progress]" in line]


def test_the_time_left_is_no_less_than_a_retry_takes(crawl: RunCrawl, server: Server) -> None:
    """Even if the other lines were fast."""
    lines = [server.url(f"/image/{n}.jpg") for n in range(50)]
    lines += [server.url(f"/later/1/503/{n}.jpg") for n in range(3)]
    done = crawl(lines, RETRY_DELAY=4, PROGRESS_INTERVAL=0.6)
    waits = re.compile(r"3 waiting to retry; .*, 0:00:0[1-5] left, waiting for retries$")
    assert any(map(waits.search, progress_lines(done.log))), progress_lines(done.log)


def test_lines_that_wait_for_a_host_are_logged(
    crawl: RunCrawl, server: Server, dead_port: int
) -> None:
    """The log counts the lines that wait for the host, and says when it is tried again; it does not
    mention the host's limit."""
    dead = [f"http://127.0.0.1:{dead_port}/{n}.jpg" for n in range(30)]
    alive = [server.url(f"/image/{n}.jpg") for n in range(5)]
    done = crawl(
        [*dead, *alive],
        *("-s", "BREAKER_FAILURES=3", "-s", "RETRY_TIMES=2", "-s", "CONCURRENT_REQUESTS=4"),
        RETRY_DELAY=1.5,
        PROGRESS_INTERVAL=0.5,
    )
    match = re.search(
        r", (\d+) lines wait for 1 host that can't be connected to, tried again in 0:00:0[0-4]$",
        "\n".join(progress_lines(done.log)),
        re.MULTILINE,
    )
    assert match is not None, done.log
    assert 20 <= int(match[1]) <= 30


def test_figures_of_a_resumed_run_add_up(crawl: RunCrawl, server: Server) -> None:
    """Lines of earlier runs count as done, kept and not kept."""
    lines = [server.url(path) for path in ("/image/1.jpg", "/status/404/2.jpg")]
    crawl(lines)
    lines += [server.url(f"/slow/1500/{n}.jpg") for n in range(3)]
    done = crawl(lines, PROGRESS_INTERVAL=0.3)
    assert any("[2/5] 1 kept, 1 not, " in line for line in progress_lines(done.log)), (
        progress_lines(done.log)
    )


def test_a_host_with_a_delay_takes_its_time(crawl: RunCrawl, server: Server) -> None:
    """The time left includes the delay."""
    lines = [server.url(f"/image/{n}.jpg") for n in range(8)]
    done = crawl(lines, DOWNLOAD_DELAY=0.5, RANDOMIZE_DOWNLOAD_DELAY=0, PROGRESS_INTERVAL=0.3)
    assert any(re.search(r"0:00:0[2-5] left$", line) for line in progress_lines(done.log)), (
        progress_lines(done.log)
    )


def test_lines_come_at_growing_intervals(crawl: RunCrawl, server: Server) -> None:
    """Each interval is twice the one before."""
    lines = [server.url(f"/slow/100/{n}.jpg") for n in range(30)]
    done = crawl(lines, CONCURRENT_REQUESTS=1, PROGRESS_INTERVAL=0.1)
    logged = [line for line in done.log.splitlines() if "[imagefetch.stats.progress]" in line]
    assert 3 <= len(logged) <= 7, logged  # after 0.1, 0.3, 0.7, 1.5, 3.1, 6.3 seconds, …


def test_the_length_of_a_list_is_estimated_then_counted(tmp_path: Path) -> None:
    """A short list is counted; the length of a long one is estimated from its beginning, unless
    it is compressed; counting can be cancelled."""
    short, long, packed = (tmp_path / name for name in ("short.txt", "long.txt", "long.txt.gz"))
    text = "".join(f"http://a.example/{n:06}.jpg\n" for n in range(5 * LOOKED_AT))
    short.write_text("# a comment\n\nhttp://a.example/1\nhttp://a.example/2\n")
    long.write_text(text)
    packed.write_bytes(gzip.compress(text.encode()))
    assert estimate_lines(ListFile(short)) == (2, False)
    assert estimate_lines(ListFile(long)) == (5 * LOOKED_AT, True)
    assert estimate_lines(ListFile(packed)) == (None, True)
    assert count_lines(ListFile(packed), lambda: False) == 5 * LOOKED_AT
    assert count_lines(ListFile(long), lambda: True) is None
    packed.write_bytes(packed.read_bytes()[:-2_000])
    assert count_lines(ListFile(packed), lambda: False) is None


def test_numbers_are_written_as_people_read_them() -> None:
    """In a suitable unit; small shares are not 0 %, large ones not 100 %."""
    assert [size(n) for n in (0, 999, 1_000, 1_234_567, 2e13)] == [
        "0 bytes",
        "999 bytes",
        "1 kB",
        "1.23 MB",
        "20 TB",
    ]
    assert [binary_size(2**n) for n in (0, 10, 16, 25)] == ["1 B", "1 KiB", "64 KiB", "32 MiB"]
    parts = [(0, 5), (1, 10_000), (1, 3), (9_999, 10_000), (5, 5), (0, 0)]
    assert [share(*part) for part in parts] == [
        "0 %",
        "< 0.1 %",
        "33.3 %",
        "99.9 %",
        "100 %",
        "0 %",
    ]
    assert [duration(n) for n in (0, 59.2, 3_600, 90_061, None)] == [
        "0:00:00",
        "0:01:00",
        "1:00:00",
        "1 d 1:01:01",
        "?",
    ]
    assert [moment(n) for n in (0, 30, 90, 600, 5_400, 86_400)] == [
        "0 s",
        "30 s",
        "1.5 min",
        "10 min",
        "1.5 h",
        "1 d",
    ]
    assert [spell(n) for n in (0.25, 8, 128, 4_096)] == ["0.2 ms", "8 ms", "128 ms", "4.1 s"]
    assert [number(n) for n in (0.5, 12.34, 1_234.5)] == ["0.5", "12.3", "1,234"]
