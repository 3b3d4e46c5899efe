"""Draws the live view of a `Snapshot` on a terminal."""

from __future__ import annotations

import atexit
import logging
import math
from typing import IO, cast

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from imagefetch.stats.run_stats import FAILED, LINES
from imagefetch.stats.sketches import FrequentKeys
from imagefetch.stats.snapshot import Snapshot
from imagefetch.utils.formatting import duration
from imagefetch.utils.text import escape

HOSTS_SHOWN = 4
WIDE = 76
"""Columns of the terminal from which both tables of hosts are side by side."""


def terminal_view() -> View | None:
    """Return the live view if standard error is a terminal that can move its cursor, else None."""
    console = Console(stderr=True)
    if console.is_terminal and not console.is_dumb_terminal:
        return View(console)
    return None


class View:
    """A live view at the bottom of the terminal; log lines are printed above it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        # No refresh from a thread: the statistics change in the event loop.
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False
        )
        self._redirected: list[tuple[logging.StreamHandler[IO[str]], IO[str]]] = []

    def start(self) -> None:
        for handler in logging.root.handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream.isatty():
                self._redirected.append((handler, handler.stream))
                handler.setStream(cast("IO[str]", _LogAboveView(self.console)))
        self._live.start()
        # rich hides the cursor; after a kill it would stay hidden.
        self.console.show_cursor(True)
        atexit.register(self.stop)  # a second Ctrl-C ends the run without calling `stop`

    def show(self, snapshot: Snapshot) -> None:
        self._live.update(render(snapshot, self.console), refresh=True)

    def stop(self) -> None:
        """Remove the view and restore the log handlers. A second call does nothing."""
        atexit.unregister(self.stop)
        self._live.stop()
        for handler, stream in self._redirected:
            handler.setStream(stream)
        self._redirected.clear()


class _LogAboveView:
    """A text stream that prints complete lines above the view."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._incomplete = ""

    def write(self, text: str) -> int:
        *lines, self._incomplete = (self._incomplete + text).split("\n")
        if lines:
            complete = Text.from_ansi("\n".join(lines))
            self.console.print(complete, soft_wrap=True, highlight=False)
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def render(snapshot: Snapshot, console: Console) -> RenderableType:
    """Return *snapshot* drawn to fit the size of *console*."""
    width, height = console.size
    total = "?" if snapshot.total is None else f"{'~' * snapshot.estimated}{snapshot.total:,}"
    count = f"{snapshot.done:,} / {total}"
    share = snapshot.done / snapshot.total if snapshot.total else 0.0
    # The total may be estimated too low, or the list may have grown: not above 100 %.
    percent = f"{min(99 if share < 1 else 100, math.floor(share * 100)):3d}%"
    bar = Table.grid(padding=(0, 1))
    bar.add_column(ratio=1)
    bar.add_row(
        ProgressBar(
            total=snapshot.total,
            completed=snapshot.done,
            pulse=snapshot.total is None,
            complete_style="cyan",
            finished_style="green",
        ),
        Text(percent if snapshot.total else "", "bold"),
        Text(count, no_wrap=True),
    )
    bar.expand = True
    parts: list[RenderableType] = [bar, _joined(_rates(snapshot), width)]
    parts.append(_joined(_counts(snapshot), width))
    for lines in filter(None, (snapshot.blocked, snapshot.paused)):
        parts.append(Text(str(lines), "yellow", no_wrap=True, overflow="ellipsis"))
    if snapshot.ending:
        text = "ending: requests in flight are finished; Ctrl-C again ends at once"
        parts.append(Text(text, "yellow", no_wrap=True, overflow="ellipsis"))
    if len(snapshot.hosts.sums) > 1 and width >= 40 and height >= 16:
        parts.append(_hosts(snapshot.hosts, width))
    return Group(*parts)


def _rates(snapshot: Snapshot) -> list[Text]:
    size = [] if snapshot.bytes_rate is None else [f"{snapshot.bytes_rate / 1e6:,.1f}"]
    return [
        _fact(f"{snapshot.images_rate:,.1f}", "images/s", "bold"),
        *(_fact(megabytes, "MB/s", "bold") for megabytes in size),
        _fact(duration(snapshot.left), "left", "bold cyan"),
        *([Text(snapshot.waits, "yellow")] if snapshot.waits else []),
    ]


def _counts(snapshot: Snapshot) -> list[Text]:
    counts = [
        (snapshot.kept, "kept", "bold green"),
        (snapshot.failed, "failed", "bold red" if snapshot.failed else "bold"),
        (snapshot.in_flight, "in flight", "bold"),
        (snapshot.retrying, "waiting to retry", "bold yellow"),
        (snapshot.workers, "workers", "bold"),
    ]
    return [_fact(f"{n:,}", name, style) for n, name, style in counts if n is not None]


def _fact(value: str, name: str, style: str) -> Text:
    return Text.assemble((value, style), " ", name)


def _joined(facts: list[Text], width: int) -> Text:
    """Join as many of *facts* as fit into one line."""
    line = Text(no_wrap=True, overflow="ellipsis")
    for fact in facts:
        if line.cell_len and line.cell_len + 3 + fact.cell_len > width:
            break
        line.append_text(Text("   ") if line.cell_len else Text()).append_text(fact)
    return line


def _hosts(hosts: FrequentKeys, width: int) -> RenderableType:
    busiest = _table("busiest hosts", hosts, LINES, "lines")
    failing = _table("failing hosts", hosts, FAILED, "failed")
    if failing is None or busiest is None:
        return busiest or failing or Text()
    if width < WIDE:
        return Group(busiest, failing)
    both = Table.grid(padding=(0, 3), expand=True)
    both.add_column(ratio=1)
    both.add_column(ratio=1)
    both.add_row(busiest, failing)
    return both


def _table(title: str, hosts: FrequentKeys, key: int, column: str) -> Table | None:
    table = Table(box=None, padding=(0, 1), pad_edge=False, expand=True, header_style="dim")
    table.add_column(title, ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(column, justify="right", no_wrap=True)
    if key == FAILED:
        table.add_column("of", justify="right", no_wrap=True)
    for host, sums in hosts.top(HOSTS_SHOWN, key):
        more = [Text(f"{sums[LINES]:,.0f}")] if key == FAILED else []
        table.add_row(Text(escape(host)), Text(f"{sums[key]:,.0f}"), *more)
    return table if table.row_count else None
