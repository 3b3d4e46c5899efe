"""Removes idle slots of Scrapy's downloader.

The downloader keeps a host's slot for a minute or two after its last request. In that time, a
fast run sends requests to tens of thousands of hosts.
"""

from __future__ import annotations

from typing import Any

# Slots, of 1.5 KB each, above which idle ones are removed.
SLOTS = 1_000


def forget_slots(slots: dict[str, Any], most: int) -> int:
    """Remove *slots* without requests and delay, if there are more than *most*.

    Return the *most* for the next call, which keeps the mean cost of a call constant.
    """
    if len(slots) <= most:
        return most
    for name in [name for name, slot in slots.items() if not (slot.active or slot.delay)]:
        slots.pop(name).close()
    return max(SLOTS, 2 * len(slots))
