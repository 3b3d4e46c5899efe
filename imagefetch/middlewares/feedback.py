"""Downloader middleware that reports the outcome of each request to the scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from imagefetch import errors
from imagefetch.scheduling.outcomes import Outcome

if TYPE_CHECKING:
    from imagefetch.scheduling.scheduler import HostScheduler

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


class OutcomeMiddleware:
    """Reports outcomes. It is nearest to the downloader, so that it sees each request end."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> OutcomeMiddleware:
        return cls(crawler)

    def process_response(self, request: Request, response: Response) -> Response:
        outcome = STATUSES.get(response.status, Outcome.RESPONDED)
        self._scheduler.note(request, outcome, unreachable=False)
        return response

    def process_exception(self, request: Request, exception: Exception) -> None:
        outcome = FAILURES.get(type(exception), Outcome.OTHER)  # type: ignore[arg-type]
        self._scheduler.note(request, outcome, unreachable=isinstance(exception, NO_CONNECTION))

    @property
    def _scheduler(self) -> HostScheduler:
        return cast("HostScheduler", self.crawler.engine.scheduler)
