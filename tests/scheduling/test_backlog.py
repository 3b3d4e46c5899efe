"""Lines that are kept back."""

from __future__ import annotations

import random
import tracemalloc
from collections import deque

import pytest

from imagefetch.scheduling.backlog import BATCH, IN_MEMORY, Backlog
from imagefetch.urls import Line


def test_first_come_first_served_for_each_site(monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever order lines come and go, and however few fit into memory."""
    monkeypatch.setattr("imagefetch.scheduling.backlog.IN_MEMORY", 30)
    dice = random.Random(3)
    backlog = Backlog()
    known: dict[str, deque[Line]] = {}
    for number in range(20_000):
        site = f"http://{dice.choice('aaaabbc')}"
        if dice.random() < (0.6 if number < 12_000 else 0.2):
            line = Line(number, f"{site}/ä{number}\x00")
            backlog.put(site, line)
            known.setdefault(site, deque()).append(line)
        elif known.get(site):
            assert backlog.take(site) == known[site].popleft()
        assert len(backlog) == sum(map(len, known.values()))
        assert (site in backlog) is bool(known.get(site))
    with pytest.raises(KeyError):
        Backlog().take("http://a")
    backlog.close()


def test_its_memory_is_bounded() -> None:
    """At 300 bytes a line at most, for as many as memory's share; the others cost none."""
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
