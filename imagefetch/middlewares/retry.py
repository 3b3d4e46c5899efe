"""Downloader middleware that decides whether and when a request is retried.

The scheduler holds the lines that wait for a retry, so that they take no slot.
"""

from __future__ import annotations

import random

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.retry import RetryMiddleware, get_retry_request
from scrapy.http import Response

from imagefetch.errors import Problem, RetryAfterTooLong, rejection_of
from imagefetch.meta import CONTINUED, FOR_REQUEST, PROBLEM, RETRY_IN, UNCOUNTED, VERDICT
from imagefetch.scheduling.rate_limits.refusals import Verdict

# Random variation of a delay, as a share of it, so that lines of one host that failed at the
# same time are not retried at the same time.
JITTER = 0.25


class WaitingRetryMiddleware(RetryMiddleware):
    """Retries transient errors. What happens to a request that was refused because of a limit
    of its host is decided by the scheduler, which knows the host.

    Settings: RETRY_TIMES, RETRY_HTTP_CODES, RETRY_DELAY, RETRY_MAX_DELAY.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler.settings)
        self.crawler = crawler
        self.delay = crawler.settings.getfloat("RETRY_DELAY")
        self.max_delay = crawler.settings.getfloat("RETRY_MAX_DELAY")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> WaitingRetryMiddleware:
        return cls(crawler)

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        """Retry a status of RETRY_HTTP_CODES, and one for which the host named a time."""
        if VERDICT in getattr(request.meta.get(FOR_REQUEST), "meta", ()):
            return response  # of a file that a line waits for: the line waits for the host
        verdict = request.meta.pop(VERDICT, None)
        problem = rejection_of(response.status)
        is_retried = response.status in self.retry_http_codes or response.status == 403
        if verdict is not None and is_retried:
            return self._refused(request, verdict) or response
        if problem is None or response.status not in self.retry_http_codes:
            return response
        return self._retry_request(request, problem) or response

    def _refused(self, request: Request, verdict: Verdict) -> Request | None:
        """Return *request* to be sent again, which costs its line no try; None to give it up."""
        if verdict is Verdict.TOO_LONG:
            request.meta[PROBLEM] = RetryAfterTooLong()
        waits = verdict in {Verdict.WAIT, Verdict.WAIT_ALONE}
        if not waits or request.meta.get("dont_retry", False):
            return None
        retry_request = request.replace(dont_filter=True)
        uncounted = request.meta.get(UNCOUNTED, 0) + 1
        retry_request.meta[UNCOUNTED] = uncounted
        if verdict is Verdict.WAIT_ALONE:
            retry_request.meta[RETRY_IN] = backoff(uncounted, self.delay, self.max_delay)
        return retry_request

    def process_exception(self, request: Request, exception: Exception) -> Request | None:  # type: ignore[override]
        """Retry a transient `Failure`."""
        verdict = request.meta.pop(VERDICT, None)
        if verdict is not None:
            return self._refused(request, verdict)
        if isinstance(exception, Problem) and exception.transient:
            return self._retry_request(request, exception)
        return None

    def _retry_request(self, request: Request, problem: Problem) -> Request | None:
        if request.meta.get("dont_retry", False):
            return None
        assert self.crawler.spider is not None
        free = request.meta.get(CONTINUED, 0)
        retry_request = get_retry_request(
            request,
            spider=self.crawler.spider,
            reason=problem.reason,
            max_retry_times=request.meta.get("max_retry_times", self.max_retry_times) + free,
            give_up_log_level="DEBUG",  # the row names the reason
        )
        if retry_request is not None:
            tries = max(1, retry_request.meta["retry_times"] - free)
            retry_request.meta[RETRY_IN] = backoff(tries, self.delay, self.max_delay)
        return retry_request


def backoff(retry: int, delay: float, max_delay: float) -> float:
    """Return the seconds to wait before the *retry*-th retry, the first being 1.

    *delay* doubles from one retry to the next, ± `JITTER`, which also applies when
    *max_delay* is reached.
    """
    doubled = delay * 2.0 ** min(retry - 1, 64)
    return min(doubled, max_delay / (1 + JITTER)) * random.uniform(1 - JITTER, 1 + JITTER)
