"""The live view on a terminal: it knows nothing but a `Snapshot`."""

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
from imagefetch.stats.sketches import Tally
from imagefetch.stats.snapshot import Snapshot
from imagefetch.utils.formatting import duration
from imagefetch.utils.text import escape

HOSTS_SHOWN = 4
WIDE = 76
"""Columns from which both tables of hosts stand side by side."""


def terminal_view() -> View | None:
    """Return the view for the terminal that standard error is; None if it is none."""
    console = Console(stderr=True)
    if console.is_terminal and not console.is_dumb_terminal:
        return View(console)
    return None


class View:
    """Stands below whatever else is written on the terminal, log lines included."""

    def __init__(self, console: Console) -> None:
        self.console = console
        # Only what `show` is given is drawn: figures change in the event loop alone.
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False
        )
        self._moved: list[tuple[logging.StreamHandler[IO[str]], IO[str]]] = []

    def start(self) -> None:
        for handler in logging.root.handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream.isatty():
                self._moved.append((handler, handler.stream))
                handler.setStream(cast("IO[str]", _Above(self.console)))
        self._live.start()
        # Hidden, it would stay so after a kill.
        self.console.show_cursor(True)
        atexit.register(self.stop)  # a second Ctrl-C ends a run without closing it

    def show(self, snapshot: Snapshot) -> None:
        self._live.update(render(snapshot, self.console), refresh=True)

    def stop(self) -> None:
        """Leave the terminal as it was; done once."""
        atexit.unregister(self.stop)
        self._live.stop()
        for handler, stream in self._moved:
            handler.setStream(stream)
        self._moved.clear()


class _Above:
    """A stream whose lines appear above the view."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        if lines:
            whole = Text.from_ansi("\n".join(lines))
            self.console.print(whole, soft_wrap=True, highlight=False)
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def render(snapshot: Snapshot, console: Console) -> RenderableType:
    """Return *snapshot* as what fits on *console*."""
    width, height = console.size
    total = "?" if snapshot.total is None else f"{'~' * snapshot.estimated}{snapshot.total:,}"
    count = f"{snapshot.done:,} / {total}"
    share = snapshot.done / snapshot.total if snapshot.total else 0.0
    # A guess, or a list that grew meanwhile, is no reason to say more than all.
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
    parts: list[RenderableType] = [bar, _joined(_pace(snapshot), width)]
    parts.append(_joined(_counts(snapshot), width))
    if snapshot.parked is not None:
        parts.append(Text(str(snapshot.parked), "yellow", no_wrap=True, overflow="ellipsis"))
    if snapshot.ending:
        text = "ending: what is under way is finished; Ctrl-C again ends at once"
        parts.append(Text(text, "yellow", no_wrap=True, overflow="ellipsis"))
    if len(snapshot.hosts.sums) > 1 and width >= 40 and height >= 16:
        parts.append(_hosts(snapshot.hosts, width))
    return Group(*parts)


def _pace(snapshot: Snapshot) -> list[Text]:
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
        (snapshot.under_way, "under way", "bold"),
        (snapshot.retrying, "waiting to retry", "bold yellow"),
        (snapshot.workers, "workers", "bold"),
    ]
    return [_fact(f"{n:,}", name, style) for n, name, style in counts if n is not None]


def _fact(value: str, name: str, style: str) -> Text:
    return Text.assemble((value, style), " ", name)


def _joined(facts: list[Text], width: int) -> Text:
    """Put as many of *facts* into one line as there is room for."""
    line = Text(no_wrap=True, overflow="ellipsis")
    for fact in facts:
        if line.cell_len and line.cell_len + 3 + fact.cell_len > width:
            break
        line.append_text(Text("   ") if line.cell_len else Text()).append_text(fact)
    return line


def _hosts(hosts: Tally, width: int) -> RenderableType:
    busiest = _table("busiest hosts", hosts, LINES, "lines")
    sickest = _table("sickest hosts", hosts, FAILED, "failed")
    if sickest is None or busiest is None:
        return busiest or sickest or Text()
    if width < WIDE:
        return Group(busiest, sickest)
    both = Table.grid(padding=(0, 3), expand=True)
    both.add_column(ratio=1)
    both.add_column(ratio=1)
    both.add_row(busiest, sickest)
    return both


def _table(title: str, hosts: Tally, place: int, column: str) -> Table | None:
    table = Table(box=None, padding=(0, 1), pad_edge=False, expand=True, header_style="dim")
    table.add_column(title, ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(column, justify="right", no_wrap=True)
    if place == FAILED:
        table.add_column("of", justify="right", no_wrap=True)
    for host, sums in hosts.top(HOSTS_SHOWN, place):
        more = [Text(f"{sums[LINES]:,.0f}")] if place == FAILED else []
        table.add_row(Text(escape(host)), Text(f"{sums[place]:,.0f}"), *more)
    return table if table.row_count else None
