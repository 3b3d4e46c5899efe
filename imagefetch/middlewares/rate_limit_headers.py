"""Reads from a response's headers for how long its host wants no further request.

- Retry-After: seconds or a date (RFC 9110, section 10.2.3).
- RateLimit, RateLimit-Remaining, RateLimit-Reset: seconds (the drafts of
  draft-ietf-httpapi-ratelimit-headers: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/).
- X-RateLimit-Remaining, X-RateLimit-Reset, and X-Rate-Limit-…: no standard. The reset is in
  seconds, or the seconds or milliseconds since the epoch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from scrapy.http import Headers

from imagefetch.scheduling.rate_limits.refusals import RateLimitHint
from imagefetch.utils.http_date import time_of

# A date has whole seconds: the moment it stands for may be nearly a second later.
DATE_RESOLUTION = 1.0

# Numbers of seconds from which a reset counts as a time since the epoch (the year 2001), and
# from which it counts as milliseconds.
EPOCH = 1e9
EPOCH_MS = 1e12

# Statuses that refuse the request because of a limit, but only if they tell a time.
MAY_REFUSE = {403, 503}

PREFIXES = ("RateLimit", "X-RateLimit", "X-Rate-Limit")

# A parameter of the field RateLimit: "limit=10, remaining=0, reset=5" in earlier drafts,
# '"default";r=0;t=5' in later ones.
PARAMETER = re.compile(r"(?:^|[;,\s])(r|t|remaining|reset)\s*=\s*(\d{1,18})")


def rate_limit_hint(status: int, headers: Headers, now: float) -> RateLimitHint | None:
    """Return what a response tells of further requests; None if nothing.

    *now*: seconds since the epoch.
    """
    if status == 429:
        return RateLimitHint(
            True, _retry_after(headers, now) or _reset(headers, now, exhausted=False)
        )
    if status in MAY_REFUSE:
        seconds = _retry_after(headers, now) or _reset(headers, now)
        return None if seconds is None else RateLimitHint(True, seconds)
    if any(b"Rate" in name for name in headers):
        seconds = _reset(headers, now)
        return None if seconds is None else RateLimitHint(False, seconds)
    return None


def retry_after(header: str, now: float) -> float | None:
    """Return the delay of a Retry-After header in seconds (RFC 9110, section 10.2.3).

    *now* is the time since the epoch, seconds. Return None for zero, a date in the past, and
    a value that is neither a date nor a number of seconds: such a line waits like one without
    the header, so that it is not retried at once.
    """
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:20]) or None
    date = time_of(text)
    return date - now if date is not None and date > now else None


def _retry_after(headers: Headers, now: float) -> float | None:
    """Return the seconds of Retry-After. A date is compared with the host's own clock if the
    response has it, since the clock of either side may be wrong."""
    text = _text(headers, "Retry-After")
    clock = time_of(_text(headers, "Date"))
    seconds = retry_after(text, now if clock is None else clock)
    if seconds is None or text.strip().isdigit():
        return seconds
    return seconds + DATE_RESOLUTION


def _reset(headers: Headers, now: float, *, exhausted: bool = True) -> float | None:
    """Return the seconds until a limit is reset; None if there is none in the headers.

    *exhausted*: only of a limit of which nothing remains.
    """
    found = [
        reset
        for remaining, reset in _limits(headers, now)
        if reset > 0 and (remaining == 0 or not (exhausted or remaining))
    ]
    return max(found, default=None)


def _limits(headers: Headers, now: float) -> Iterator[tuple[float | None, float]]:
    """Yield each limit: what remains of it, None if unknown, and the seconds until its reset."""
    for prefix in PREFIXES:
        reset = _seconds(_text(headers, f"{prefix}-Reset"), now)
        if reset is not None:
            yield _number(_text(headers, f"{prefix}-Remaining")), reset
    text = _text(headers, "RateLimit")
    for item in text.split(",") if '"' in text or "r=" in text else [text]:
        found = {name[0:3]: float(value) for name, value in PARAMETER.findall(item)}
        reset = found.get("t", found.get("res"))
        if reset is not None:
            yield found.get("r", found.get("rem")), reset


def _seconds(text: str, now: float) -> float | None:
    """Return a reset in seconds from *now*; it may be a number or a date."""
    number = _number(text)
    if number is None:
        return retry_after(text, now)
    if number >= EPOCH_MS:
        number /= 1000
    return number - now if number >= EPOCH else number


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _text(headers: Headers, name: str) -> str:
    return (headers.get(name) or b"").decode("latin-1")[:200]
