"""Tests of imagefetch.utils.bounded.lru_cache."""

from __future__ import annotations

from imagefetch.utils.bounded.lru_cache import LRUCache


def test_the_least_recently_used_goes_first() -> None:
    """Values are evicted beyond the total weight; the newest is always kept."""
    kept: LRUCache[str, int] = LRUCache(10)
    kept.put("a", 1, 4)
    kept.put("b", 2, 4)
    assert kept.get("a") == 1
    kept.put("c", 3, 4)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (1, None, 3)
    kept.put("a", 5, 1)
    assert (kept.get("a"), kept.weight, len(kept)) == (5, 5, 2)
    kept.put("d", 4, 100)
    assert (kept.get("d"), kept.weight, len(kept)) == (4, 100, 1)
    kept.put("e", 6, 1)
    assert (kept.get("d"), kept.get("e"), kept.weight) == (None, 6, 1)
