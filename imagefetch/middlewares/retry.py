"""Downloader middleware that decides whether and when a request is retried.

The scheduler holds the lines that wait for a retry, so that they take no slot.
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

# Random variation of a delay, as a share of it, so that lines of one host that failed at the
# same time are not retried at the same time.
JITTER = 0.25


class WaitingRetryMiddleware(RetryMiddleware):
    """Retries transient errors.

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
        """Retry a status of RETRY_HTTP_CODES, not before the time of Retry-After."""
        problem = rejection_of(response.status)
        if problem is None or response.status not in self.retry_http_codes:
            return response
        header = (response.headers.get("Retry-After") or b"").decode("latin-1")
        requested_delay = retry_after(header, time.time())
        if requested_delay is not None and requested_delay > self.retry_after_max:
            request.meta[PROBLEM] = RetryAfterTooLong()
            return response
        return self._retry_request(request, problem, requested_delay) or response

    def process_exception(self, request: Request, exception: Exception) -> Request | None:  # type: ignore[override]
        """Retry a transient `Failure`."""
        if isinstance(exception, Problem) and exception.transient:
            return self._retry_request(request, exception, None)
        return None

    def _retry_request(
        self, request: Request, problem: Problem, requested_delay: float | None
    ) -> Request | None:
        if request.meta.get("dont_retry", False):
            return None
        assert self.crawler.spider is not None
        retry_request = get_retry_request(
            request,
            spider=self.crawler.spider,
            reason=problem.reason,
            max_retry_times=request.meta.get("max_retry_times", self.max_retry_times),
            give_up_log_level="DEBUG",  # the row names the reason
        )
        if retry_request is not None:
            wait = backoff(retry_request.meta["retry_times"], self.delay, self.max_delay)
            retry_request.meta[RETRY_IN] = (
                wait if requested_delay is None else spread(requested_delay)
            )
        return retry_request


def backoff(retry: int, delay: float, max_delay: float) -> float:
    """Return the seconds to wait before the *retry*-th retry, the first being 1.

    *delay* doubles from one retry to the next, ± `JITTER`, which also applies when
    *max_delay* is reached.
    """
    doubled = delay * 2.0 ** min(retry - 1, 64)
    return min(doubled, max_delay / (1 + JITTER)) * random.uniform(1 - JITTER, 1 + JITTER)


def spread(seconds: float) -> float:
    """Return *seconds* plus jitter: never less than the server requested."""
    return seconds * random.uniform(1, 1 + JITTER / 5)


def retry_after(header: str, now: float) -> float | None:
    """Return the delay of a Retry-After header in seconds (RFC 9110, section 10.2.3).

    *now* is the time since the epoch, seconds. Return None for zero, a date in the past, and
    a value that is neither a date nor a number of seconds: such a line waits like one without
    the header, so that it is not retried at once.
    """
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:20]) or None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if date.tzinfo is None:  # "-0000" in the header means UTC (RFC 5322)
        date = date.replace(tzinfo=UTC)
    try:
        wait = date.timestamp() - now
    except (ValueError, OverflowError):
        return None
    return wait if wait > 0 else None
