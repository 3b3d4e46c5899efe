"""Rules for settings that are numbers, sizes or times, with or without a unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

COUNTS: dict[str, int | Decimal] = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
"""Decimal prefixes."""

SIZES: dict[str, int | Decimal] = {
    **COUNTS,
    "b": 1,
    **{f"{prefix}b": factor for prefix, factor in COUNTS.items() if prefix},
    **{f"{prefix}ib": 2 ** (10 * power) for power, prefix in enumerate("kmgt", 1)},
}
"""Units of sizes, in bytes: k, M, G and T are decimal, with or without B; KiB, MiB, … are
binary."""

TIMES: dict[str, int | Decimal] = {
    "": 1,
    "ms": Decimal("0.001"),
    "s": 1,
    "m": 60,
    "min": 60,
    "h": 3_600,
    "d": 86_400,
}
"""Units of time, in seconds."""

NUMBER = re.compile(
    r"([+-]?[0-9][0-9_]*(?:\.[0-9]*)?(?:e[+-]?[0-9]{1,3})?|[+-]?\.[0-9]+) ?([a-z]*)"
)


def read_number(value: Any, units: Mapping[str, int | Decimal]) -> Decimal:
    """Return *value*, a number or text with one of *units*, as a number.

    :raises ValueError, TypeError, ArithmeticError: if it is not a number
    """
    if isinstance(value, int | float):
        return Decimal(str(float(value) if isinstance(value, float) else int(value)))
    match = NUMBER.fullmatch(value.strip().casefold()) if isinstance(value, str) else None
    if match is None or match[2] not in units:
        raise ValueError
    return Decimal(match[1]) * units[match[2]]


@dataclass(frozen=True)
class Number:
    """A number from *low* to *high*, whole by default."""

    low: float
    high: float
    whole: bool = True
    units: Mapping[str, int | Decimal] = field(default_factory=lambda: COUNTS, repr=False)

    @property
    def allowed(self) -> str:
        return f"a {'whole ' if self.whole else ''}number from {self.low:,} to {self.high:,}"

    def read(self, value: Any) -> int | float:
        number = read_number(value, self.units)
        whole = number == number.to_integral_value()
        parsed = int(number) if whole else float(number)
        if not self.low <= parsed <= self.high or (self.whole and not whole):
            raise ValueError
        return value if isinstance(value, float) and not self.whole else parsed


def size(low: float, high: float) -> Number:
    """Return the rule for a size, bounds in bytes."""
    return Number(low, high, units=SIZES)


def seconds(low: float, high: float) -> Number:
    """Return the rule for a time, bounds in seconds."""
    return Number(low, high, whole=False, units=TIMES)
