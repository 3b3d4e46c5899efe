"""Downloader middleware that reports the outcome of each request to the scheduler."""

from __future__ import annotations

import time

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from imagefetch import errors
from imagefetch.context import context_of
from imagefetch.meta import FOR_REQUEST, VERDICT
from imagefetch.middlewares.rate_limit_headers import rate_limit_hint
from imagefetch.scheduling.concurrency.request_outcome import Outcome
from imagefetch.scheduling.rate_limits.refusals import RateLimitHint

# Errors that mean that a host can't be connected to, whatever the request.
NO_CONNECTION = (
    errors.ConnectionRefused,
    errors.HostUnreachable,
    errors.ConnectTimeout,
    errors.DNSFailure,
)

# Statuses and errors that overload of the host may cause.
STATUSES = {429: Outcome.REFUSED, 503: Outcome.OVERLOADED}
FAILURES: dict[type[errors.Problem], Outcome] = {
    errors.ConnectionRefused: Outcome.RESET,
    errors.ConnectionReset: Outcome.RESET,
    errors.ConnectTimeout: Outcome.TIMED_OUT,
    errors.ResponseTimeout: Outcome.TIMED_OUT,
    errors.DownloadTimeout: Outcome.TIMED_OUT,
}


class FeedbackMiddleware:
    """Reports outcomes, and what responses tell of further requests. It is nearest to the
    downloader, so that it sees each request end."""

    def __init__(self, crawler: Crawler) -> None:
        self.context = context_of(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> FeedbackMiddleware:
        return cls(crawler)

    def process_response(self, request: Request, response: Response) -> Response:
        if FOR_REQUEST in request.meta:
            self._record_told(request.meta[FOR_REQUEST], response)
            return response
        outcome = STATUSES.get(response.status, Outcome.RESPONDED)
        self._record(
            request, outcome, rate_limit_hint(response.status, response.headers, time.time())
        )
        return response

    def process_exception(self, request: Request, exception: Exception) -> None:
        outcome = FAILURES.get(type(exception), Outcome.OTHER)  # type: ignore[arg-type]
        self._record(request, outcome, unreachable=isinstance(exception, NO_CONNECTION))

    def _record_told(self, request: Request, response: Response) -> None:
        """Record what *response*, for a file that *request* waits for, tells."""
        told = rate_limit_hint(response.status, response.headers, time.time())
        verdict = told and self.context.scheduler.record_told(request, told)
        if verdict is not None:
            request.meta[VERDICT] = verdict

    def _record(
        self,
        request: Request,
        outcome: Outcome,
        told: RateLimitHint | None = None,
        *,
        unreachable: bool = False,
    ) -> None:
        verdict = self.context.scheduler.record_outcome(
            request, outcome, told, unreachable=unreachable
        )
        if verdict is not None:
            request.meta[VERDICT] = verdict
