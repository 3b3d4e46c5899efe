"""What is kept while there is room for it: the least recently used goes first."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """A mapping whose values have weights, of *most* in all."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.weight = 0
        """Of all."""
        self._values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Key) -> Value | None:
        """Return what is kept under *key*; None if nothing is."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key][0]

    def put(self, key: Key, value: Value, weight: int) -> None:
        """Keep *value*, be there room for anything else or not."""
        if key in self._values:
            self.weight -= self._values.pop(key)[1]
        self._values[key] = value, weight
        self.weight += weight
        while self.weight > self.most and len(self._values) > 1:
            self.weight -= self._values.popitem(last=False)[1][1]
