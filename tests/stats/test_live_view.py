"""The live view, read from the screen of a terminal."""

from __future__ import annotations

import io
import re
import signal
import termios
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from imagefetch.scheduling.circuit_breakers.waiting_hosts import BlockedLines
from imagefetch.stats.live_view import render
from imagefetch.stats.sketches import FrequentKeys
from imagefetch.stats.snapshot import Snapshot
from tests.conftest import HOSTS, ROOT, command, environment
from tests.support.server import Server, serving
from tests.support.terminal import Terminal

COLOUR = re.compile(rb"\x1b\[[0-9;]*3[0-7]m")


@pytest.fixture
def site() -> Iterator[Server]:
    with serving(HOSTS[:3]) as server:
        yield server


def run(
    folder: Path, site: Server, columns: int = 100, env: Mapping[str, str] | None = None
) -> Terminal:
    """Start a run of 40 lines on a terminal, 10 of which wait until the gate is open."""
    urls = [site.url(f"/image/{n}", HOSTS[n % 3]) for n in range(20)]
    urls += [site.url(f"/status/404/{n}", HOSTS[1]) for n in range(10)]
    urls += [site.url(f"/held/{n}") for n in range(10)]
    (folder / "urls.txt").write_text("".join(f"{url}\n" for url in urls))
    variables = {**environment(), "TERM": "xterm-256color", **(env or {})}
    variables = {name: value for name, value in variables.items() if name != "COLUMNS"}
    return Terminal(command(folder, {}), variables, ROOT, columns, 30)


def view_of(shown: list[str]) -> list[str]:
    """Return the lines of the screen from the progress bar on."""
    first = next((n for n, line in enumerate(shown) if re.search(r"\d+% \d+ / ~?\d+$", line)), None)
    return [] if first is None else shown[first:]


def test_the_view_stays_below_the_log_until_a_second_interrupt(
    tmp_path: Path, site: Server
) -> None:
    """It shows progress, counts and hosts; log lines above it are intact. It follows the width of
    the terminal. After Ctrl-C it says that the run is ending. After a second one the run ends,
    the view is gone, and the terminal is restored."""
    with closing(run(tmp_path, site)) as terminal:
        terminal.until(lambda: " 75% 30 / 40" in "\n".join(terminal.shown), "30 of 40 done")
        terminal.until(lambda: "10 in flight" in "\n".join(terminal.shown), "10 in flight")
        view = view_of(terminal.shown)
        assert view[0].startswith("━━━━━")
        assert re.match(r"[\d.]+ images/s   [\d.]+ MB/s   \d:\d\d:\d\d left$", view[1])
        assert view[2].startswith("20 kept   10 failed   10 in flight   0 waiting to retry")
        assert re.match(r"busiest hosts +lines +failing hosts +failed +of$", view[3])
        assert re.match(rf"{HOSTS[1]} +17 +{HOSTS[1]} +10 +17$", view[4])
        terminal.resize(44, 30)
        below = re.compile(r"failing hosts +failed +of$")
        terminal.until(lambda: any(map(below.match, terminal.shown)), "tables one below the other")
        terminal.process.send_signal(signal.SIGINT)
        terminal.until(lambda: any("ending: requests" in s for s in terminal.shown), "ending")
        assert not terminal.screen.cursor.hidden
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait() == 3
        assert view_of(terminal.shown) == []
        assert not any("in flight" in line for line in terminal.shown)
        assert not terminal.screen.cursor.hidden
        assert terminal.screen.cursor.attrs.fg == "default"
        assert terminal.modes == termios.tcgetattr(terminal._end)
        # The line is longer than the screen is wide.
        last = "imagefetch: ended early: stopped at once; 30 of 40 lines done; run the same command"
        assert f"{last} to resume".replace(" ", "") in "".join(terminal.shown).replace(" ", "")
        site.gate.set()


def test_a_finished_run_leaves_its_log_alone(tmp_path: Path, site: Server) -> None:
    """The log contains nothing of the view, no broken lines, and no progress lines, which are for
    logs that are not on a terminal."""
    site.gate.set()
    with closing(run(tmp_path, site, columns=160)) as terminal:
        assert terminal.wait() == 0
        lines = [line for line in terminal.everything if line]
        begins = [n for n, line in enumerate(lines) if re.match(r"\d{4}-\d\d-\d\d ", line)]
        assert re.fullmatch(
            r"[-\d: ]{20}\[scrapy.core.engine\] INFO: Spider closed \(finished\)", lines[-1]
        )
        assert begins[0] == 0
        closing_line = r"[-\d: ]{20}\[scrapy.core.engine\] INFO: Closing spider \(finished\)"
        assert any(re.fullmatch(closing_line, line) for line in lines), "written amid the view"
        summary = next(n for n in begins if lines[n].endswith("INFO: Finished"))
        assert lines[summary + 1 : summary + 4] == [
            "  lines       40",
            lines[summary + 2],
            "  not kept    10 not-found",
        ]
        assert lines[summary + 2].startswith("  kept        30 (")
        assert not any(
            "images/s   " in line or "imagefetch.stats.progress" in line for line in lines
        )


@pytest.mark.parametrize(
    ("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")], ids=["no colours", "a dumb terminal"]
)
def test_environment_variables_are_obeyed(
    tmp_path: Path, site: Server, name: str, value: str
) -> None:
    """With NO_COLOR the view has no colours; on a terminal that can't move its cursor there is no
    view, and no control sequence."""
    site.gate.set()
    with closing(run(tmp_path, site, env={name: value})) as terminal:
        assert terminal.wait() == 0
        assert COLOUR.search(terminal.raw) is None
        assert (b"images/s   " in terminal.raw) == (name == "NO_COLOR")
        assert (b"\x1b" in terminal.raw) == (name == "NO_COLOR")


def drawn(snapshot: Snapshot, width: int, height: int = 30) -> list[str]:
    console = Console(
        file=io.StringIO(), width=width, height=height, force_terminal=True, no_color=True
    )
    with console.capture() as capture:
        console.print(render(snapshot, console))
    return re.sub(r"\x1b\[[0-9;]*m", "", capture.get()).splitlines()


def test_the_view_fits_any_terminal() -> None:
    """No line is wider than the terminal; on a small one, hosts are left out first."""
    hosts = FrequentKeys(10, 5)
    for n in range(8):
        hosts.of(f"{'x' * 80}{n}.example\x1b[2J")[:2] = [n + 1, n]
    snapshot = Snapshot(
        1_234_567, 10_000_000, True, 1_200_000, 34_567, 128, 99_999, 250, 240, 3e7, hosts, True
    )
    for width in (20, 30, 40, 60, 75, 76, 120, 300):
        lines = drawn(snapshot, width)
        assert all(len(line.rstrip()) <= width for line in lines), lines
        assert not any("\x1b" in line for line in lines)
    assert len(drawn(snapshot, 20)) < len(drawn(snapshot, 60))
    assert len(drawn(snapshot, 100, height=10)) == 4
    assert drawn(snapshot, 100)[0].rstrip().endswith("12% 1,234,567 / ~10,000,000")


def test_unknown_values_are_not_invented() -> None:
    """Without a total there is neither a percentage nor a time left; the percentage is never above
    100, and 100 only at the end."""
    first, second, *_ = drawn(Snapshot(50, None), 60)
    assert first.rstrip().endswith("50 / ?")
    assert "%" not in first
    assert "? left" in second
    assert "100%" in drawn(Snapshot(120, 100, True), 60)[0]
    assert " 99%" in drawn(Snapshot(9_999, 10_000), 60)[0]


def test_waits_are_shown() -> None:
    """The view shows retries if nothing else is left, and hosts that can't be connected to."""
    waits = Snapshot(95, 100, retrying=5, lines_rate=9.0, least_left=20.0, only_waits=True)
    assert drawn(waits, 80)[1].rstrip().endswith("0:00:20 left   waiting for retries")
    blocked = Snapshot(50, 100, blocked=BlockedLines(12, 2, 7.2, 30.0))
    shown = "12 lines wait for 2 hosts that can't be connected to, tried again in 0:00:08"
    assert drawn(blocked, 80)[3].rstrip() == shown
    assert all(len(line.rstrip()) <= 30 for line in drawn(blocked, 30))
