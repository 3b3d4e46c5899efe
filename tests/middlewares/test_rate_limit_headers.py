"""Tests what headers tell of further requests."""

from __future__ import annotations

import math
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.http import Headers

from imagefetch.middlewares.rate_limit_headers import rate_limit_hint
from imagefetch.scheduling.rate_limits.refusals import RateLimitHint
from tests.conftest import examples

NOW = 1_800_000_000.0


def date(seconds: float) -> str:
    return formatdate(NOW + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("status", "headers", "told"),
    [
        (429, {}, RateLimitHint(True, None)),
        (429, {"Retry-After": "7"}, RateLimitHint(True, 7)),
        (503, {"Retry-After": "7"}, RateLimitHint(True, 7)),
        (403, {"Retry-After": "7"}, RateLimitHint(True, 7)),
        (503, {}, None),
        (403, {}, None),
        (404, {"Retry-After": "7"}, None),
        (200, {"Retry-After": "7"}, None),
        # Dates have whole seconds, and are compared with the host's own clock.
        (429, {"Retry-After": date(90)}, RateLimitHint(True, 91)),
        (429, {"Retry-After": date(90), "Date": date(80)}, RateLimitHint(True, 11)),
        (429, {"Retry-After": "7", "Date": date(80)}, RateLimitHint(True, 7)),
        (429, {"Retry-After": date(-9)}, RateLimitHint(True, None)),
        (429, {"Retry-After": "-7"}, RateLimitHint(True, None)),
        (503, {"Retry-After": "soon"}, None),
        # Other fields serve likewise; Retry-After comes first.
        (429, {"X-RateLimit-Reset": "7"}, RateLimitHint(True, 7)),
        (429, {"X-RateLimit-Reset": "7", "Retry-After": "3"}, RateLimitHint(True, 3)),
        (429, {"X-RateLimit-Reset": f"{NOW + 7:.0f}"}, RateLimitHint(True, 7)),
        (429, {"X-RateLimit-Reset": f"{(NOW + 7) * 1000:.0f}"}, RateLimitHint(True, 7)),
        (429, {"X-RateLimit-Reset": f"{NOW - 7:.0f}"}, RateLimitHint(True, None)),
        (429, {"X-RateLimit-Reset": "nan"}, RateLimitHint(True, None)),
        (429, {"X-RateLimit-Reset": "-3"}, RateLimitHint(True, None)),
        (429, {"RateLimit-Reset": "0.5"}, RateLimitHint(True, 0.5)),
        (429, {"RateLimit": "limit=10, remaining=0, reset=7"}, RateLimitHint(True, 7)),
        (429, {"RateLimit": '"a";r=0;t=7, "b";r=3;t=90'}, RateLimitHint(True, 7)),
        (429, {"RateLimit": '"a";r=5;t=7', "X-Rate-Limit-Reset": "4"}, RateLimitHint(True, 4)),
        # Other statuses only if nothing remains.
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"}, RateLimitHint(True, 7)),
        (403, {"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "7"}, None),
        (403, {"X-RateLimit-Reset": "7"}, None),
        (200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"}, RateLimitHint(False, 7)),
        (200, {"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "7"}, None),
        (200, {"X-RateLimit-Remaining": "0"}, None),
        (200, {"RateLimit": '"a";r=0;t=7'}, RateLimitHint(False, 7)),
        (200, {"RateLimit": '"a";r=1;t=7'}, None),
    ],
)
def test_what_is_told(status: int, headers: dict[str, str], told: RateLimitHint | None) -> None:
    """By Retry-After, and by the fields of rate limits."""
    found = rate_limit_hint(status, Headers(headers), NOW)
    if told is None or found is None:
        assert found == told
    else:
        assert found.refused == told.refused
        assert found.seconds == pytest.approx(told.seconds)


NAMES = ["Retry-After", "Date", "RateLimit", "RateLimit-Reset", "X-RateLimit-Remaining"]
VALUES = (
    st.text() | st.integers().map(str) | st.floats().map(str) | st.just('"a";r=0;t=' + "9" * 99)
)


@examples(300)
@given(st.integers(100, 599), st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_any_header_is_harmless(status: int, headers: dict[str, str]) -> None:
    """The result is a positive, finite number of seconds, or none."""
    encoded = {name: value.encode("utf-8", "surrogatepass") for name, value in headers.items()}
    told = rate_limit_hint(status, Headers(encoded), NOW)
    if told is not None and told.seconds is not None:
        assert 0 < told.seconds < math.inf
