"""Formats numbers, sizes and times for display."""

from __future__ import annotations

import math


def count(number: float) -> str:
    """Return *number* with thousands separators."""
    return f"{number:,.0f}"


def lines(number: float) -> str:
    """Return a number of lines: ``1 line``, ``2 lines``."""
    return f"{count(number)} line{'' if number == 1 else 's'}"


def files(number: float) -> str:
    """Return a number of files: ``1 file``, ``2 files``."""
    return f"{count(number)} file{'' if number == 1 else 's'}"


def cells(number: float) -> str:
    """Return a number of cells: ``1 cell``, ``2 cells``."""
    return f"{count(number)} cell{'' if number == 1 else 's'}"


def size(amount: float) -> str:
    """Return *amount* of bytes in a decimal unit: ``1.5 MB``."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if amount < 999.5 or unit == "TB":
            return f"{amount:,.0f} {unit}" if unit == "bytes" else f"{number(amount)} {unit}"
        amount /= 1000
    raise AssertionError


def binary_size(number: float) -> str:
    """Return *number* of bytes in a binary unit: ``64 KiB``."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if number < 1024 or unit == "TiB":
            return f"{number:,.0f} {unit}"
        number /= 1024
    raise AssertionError


def share(part: float, whole: float) -> str:
    """Return *part* of *whole* in percent; a small share is ``< 0.1 %``, not ``0 %``."""
    if not whole:
        return "0 %"
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "< 0.1 %"
    return f"{percent:.0f} %" if percent in {0, 100} else f"{min(percent, 99.9):.1f} %"


def duration(seconds: float | None) -> str:
    """Return *seconds* as ``0:03:12``, with days if there are any; ``?`` for None."""
    if seconds is None:
        return "?"
    minutes, second = divmod(math.ceil(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{f'{days:,} d ' * (days > 0)}{hour}:{minute:02}:{second:02}"


def moment(seconds: float) -> str:
    """Return *seconds* as a short label: ``90 s``, ``5 min``, ``2 h``."""
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit and not seconds % (unit / 2):
            return f"{seconds / unit:,g} {name}"
    return f"{seconds:,g} s"


def spell(milliseconds: float) -> str:
    """Return *milliseconds* in a unit that fits: ``128 ms``, ``4.1 s``."""
    if milliseconds < 9.95:
        return f"{milliseconds:,.1f} ms" if milliseconds % 1 else f"{milliseconds:,.0f} ms"
    return f"{milliseconds:,.0f} ms" if milliseconds < 1000 else f"{number(milliseconds / 1000)} s"


def number(value: float) -> str:
    """Return *value* with three significant digits, or more if its integer part has more."""
    return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"
