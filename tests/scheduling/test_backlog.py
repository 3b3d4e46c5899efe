"""Tests the backlog of lines."""

from __future__ import annotations

import random
import tracemalloc
from collections import deque

import pytest

from imagefetch.line import NO_COLUMNS, Line
from imagefetch.scheduling.backlog import BATCH, IN_MEMORY, Backlog


def test_each_origin_has_a_fifo_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """For any order of puts and takes, with few lines in memory."""
    monkeypatch.setattr("imagefetch.scheduling.backlog.IN_MEMORY", 30)
    dice = random.Random(3)
    backlog = Backlog()
    known: dict[str, deque[Line]] = {}
    for number in range(20_000):
        origin = f"http://{dice.choice('aaaabbc')}"
        if dice.random() < (0.6 if number < 12_000 else 0.2):
            line = Line(number, f"{origin}/ä{number}\x00")
            backlog.put(origin, line)
            known.setdefault(origin, deque()).append(line)
        elif known.get(origin):
            assert backlog.take(origin) == known[origin].popleft()
        assert len(backlog) == sum(map(len, known.values()))
        assert (origin in backlog) is bool(known.get(origin))
    with pytest.raises(KeyError):
        Backlog().take("http://a")
    backlog.close()


def test_lines_come_back_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also from the disk: with part, record, and what was repaired."""
    monkeypatch.setattr("imagefetch.scheduling.backlog.IN_MEMORY", 1)
    lines = [
        Line(
            7,
            "a.example/\ud800",
            part,
            {"sku": "ü\n"} if part else NO_COLUMNS,
            repaired="http://x/",
        )
        for part in (None, 1, 2, 3)
    ]
    backlog = Backlog()
    for line in lines:
        backlog.put("http://a", line)
    assert [backlog.take("http://a") for _ in lines] == lines
    backlog.close()


def test_its_memory_is_bounded() -> None:
    """At most 300 bytes a line in memory; lines on disk take no memory."""
    lines = [Line(n, f"http://a.example/{n:080}") for n in range(IN_MEMORY * 4)]
    tracemalloc.start()
    backlog = Backlog()
    for line in lines:
        backlog.put("http://a.example", Line(line.number, line.text + "x"))
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(backlog) == IN_MEMORY * 4
    assert IN_MEMORY * 100 < used < (IN_MEMORY + 4 * BATCH) * 300
    backlog.close()
