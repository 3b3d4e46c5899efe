"""Tests that the number of downloader slots is bounded."""

from __future__ import annotations

import pytest
from scrapy import Request
from scrapy.core.downloader import Slot

from imagefetch.scheduling.downloader_slots import forget_slots
from tests.support.steps import steps


def test_idle_slots_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slots with requests, and slots with a delay, stay."""
    monkeypatch.setattr("imagefetch.scheduling.downloader_slots.SLOTS", 10)
    slots = {f"h{number}": Slot(8, 0.0, 0.0) for number in range(20)}
    slots["h1"].active.add(Request("http://h1/"))
    slots["h2"].delay = 5.0
    assert forget_slots(slots, 20) == 20
    assert len(slots) == 20
    assert forget_slots(slots, 19) == 10
    assert slots.keys() == {"h1", "h2"}


def test_each_call_costs_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent of the number of slots that can't be removed."""
    monkeypatch.setattr("imagefetch.scheduling.downloader_slots.SLOTS", 10)

    def add(number: int) -> None:
        slots: dict[str, Slot] = {}
        most = 10
        for name in range(number):
            slots[str(name)] = Slot(8, 5.0, 0.0)
            most = forget_slots(slots, most)

    assert steps(lambda: add(2_000)) < 2.2 * steps(lambda: add(1_000))
