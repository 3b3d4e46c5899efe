"""Scrapy's downloader keeps a slot for each host, a minute or two beyond its last request: in
that time, a quick run comes to tens of thousands of hosts."""

from __future__ import annotations

from typing import Any

# Slots from which on those that nothing is lost with are removed; 1.5 KB each.
SLOTS = 1_000


def forget_slots(slots: dict[str, Any], most: int) -> int:
    """Remove those of *slots* that have no request and no delay to keep, if there are more
    than *most*; return how many there may be until it is worth while again."""
    if len(slots) <= most:
        return most
    for name in [name for name, slot in slots.items() if not (slot.active or slot.delay)]:
        slots.pop(name).close()
    return max(SLOTS, 2 * len(slots))
