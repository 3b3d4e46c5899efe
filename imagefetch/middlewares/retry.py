"""Downloader middleware: is a request sent again, and when?

The wait itself is the scheduler's: a line that waits holds no slot.
"""

from __future__ import annotations

import random
import time
from datetime import UTC
from email.utils import parsedate_to_datetime

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.retry import RetryMiddleware, get_retry_request
from scrapy.http import Response

from imagefetch.errors import Problem, RetryAfterTooLong, rejection_of
from imagefetch.meta import PROBLEM, RETRY_IN

# Of a wait, drawn anew each time, so that the lines of one host that failed
# together don't come back together.
JITTER = 0.25


class WaitingRetryMiddleware(RetryMiddleware):
    """Tries again what may pass.

    Settings: RETRY_TIMES, RETRY_HTTP_CODES, RETRY_DELAY, RETRY_MAX_DELAY,
    RETRY_AFTER_MAX.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler.settings)
        self.crawler = crawler
        self.delay = crawler.settings.getfloat("RETRY_DELAY")
        self.max_delay = crawler.settings.getfloat("RETRY_MAX_DELAY")
        self.retry_after_max = crawler.settings.getfloat("RETRY_AFTER_MAX")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> WaitingRetryMiddleware:
        return cls(crawler)

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        """Try again a status of RETRY_HTTP_CODES, not before Retry-After says."""
        problem = rejection_of(response.status)
        if problem is None or response.status not in self.retry_http_codes:
            return response
        header = (response.headers.get("Retry-After") or b"").decode("latin-1")
        asked = retry_after(header, time.time())
        if asked is not None and asked > self.retry_after_max:
            request.meta[PROBLEM] = RetryAfterTooLong()
            return response
        return self._again(request, problem, asked) or response

    def process_exception(self, request: Request, exception: Exception) -> Request | None:  # type: ignore[override]
        """Try again a transient `Failure`."""
        if isinstance(exception, Problem) and exception.transient:
            return self._again(request, exception, None)
        return None

    def _again(self, request: Request, problem: Problem, asked: float | None) -> Request | None:
        if request.meta.get("dont_retry", False):
            return None
        assert self.crawler.spider is not None
        again = get_retry_request(
            request,
            spider=self.crawler.spider,
            reason=problem.reason,
            max_retry_times=request.meta.get("max_retry_times", self.max_retry_times),
            give_up_log_level="DEBUG",  # the row tells
        )
        if again is not None:
            wait = backoff(again.meta["retry_times"], self.delay, self.max_delay)
            again.meta[RETRY_IN] = wait if asked is None else spread(asked)
        return again


def backoff(retry: int, delay: float, max_delay: float) -> float:
    """Return the seconds to wait before the *retry*-th retry, the first being 1.

    *delay* doubles from one retry to the next, give or take `JITTER`, which is
    still there where *max_delay* is reached.
    """
    doubled = delay * 2.0 ** min(retry - 1, 64)
    return min(doubled, max_delay / (1 + JITTER)) * random.uniform(1 - JITTER, 1 + JITTER)


def spread(asked: float) -> float:
    """Return *asked* seconds and a little more: never less than the server asked for."""
    return asked * random.uniform(1, 1 + JITTER / 5)


def retry_after(header: str, now: float) -> float | None:
    """Return the seconds that a Retry-After header asks for (RFC 9110, section 10.2.3).

    *now* is the time since the epoch, seconds. None where it asks for no wait at all:
    zero, a date in the past, or what is neither a date nor a number of seconds. Such a
    line waits as one without the header does, so that its retries don't come at once.
    """
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:20]) or None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if date.tzinfo is None:  # "-0000" in the header: UTC, says RFC 5322
        date = date.replace(tzinfo=UTC)
    try:
        wait = date.timestamp() - now
    except (ValueError, OverflowError):
        return None
    return wait if wait > 0 else None
