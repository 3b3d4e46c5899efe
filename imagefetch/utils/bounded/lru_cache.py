"""An LRU cache bounded by the total weight of its values."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class LRUCache(Generic[Key, Value]):
    """An LRU cache whose values have weights, at most *max_weight* in total."""

    def __init__(self, max_weight: int) -> None:
        self.max_weight = max_weight
        self.weight = 0
        """The total weight of all values."""
        self._values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Key) -> Value | None:
        """Return the value of *key*; None if there is none."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key][0]

    def put(self, key: Key, value: Value, weight: int) -> None:
        """Store *value*, evicting others if necessary; it is kept even if it exceeds the limit."""
        if key in self._values:
            self.weight -= self._values.pop(key)[1]
        self._values[key] = value, weight
        self.weight += weight
        while self.weight > self.max_weight and len(self._values) > 1:
            self.weight -= self._values.popitem(last=False)[1][1]
