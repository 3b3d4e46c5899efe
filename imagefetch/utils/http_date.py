"""Reads dates in HTTP headers."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime


def time_of(text: str) -> float | None:
    """Return an HTTP-date in seconds since the epoch; None if *text* is none."""
    try:
        date = parsedate_to_datetime(text)
        if date.tzinfo is None:  # "-0000" in the header means UTC (RFC 5322)
            date = date.replace(tzinfo=UTC)
        return date.timestamp()
    except (ValueError, OverflowError):
        return None
