"""Bounds the memory of counts by key: Manku and Motwani, "Approximate Frequency Counts over Data
Streams", 2002."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


def without_rarest(
    values: Mapping[Key, Value], frequency: Callable[[Value], float]
) -> dict[Key, Value]:
    """Return *values* without the rarer half of the keys, or more if many are equally rare.

    The count of a key that is added again later is a lower bound.
    """
    floor = sorted(map(frequency, values.values()))[len(values) // 2]
    return {key: value for key, value in values.items() if frequency(value) > floor}
