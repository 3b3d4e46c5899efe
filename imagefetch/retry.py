"""Downloader middleware: is a request sent again, and when?"""

from __future__ import annotations

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.retry import RetryMiddleware, get_retry_request
from scrapy.http import Response

from imagefetch.errors import Problem, rejection_of
from imagefetch.meta import RETRY_IN


class WaitingRetryMiddleware(RetryMiddleware):
    """Tries again what may pass, after a wait that holds no slot.

    Settings: RETRY_TIMES, RETRY_HTTP_CODES, RETRY_DELAY.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler.settings)
        self.crawler = crawler
        self.delay = crawler.settings.getfloat("RETRY_DELAY")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> WaitingRetryMiddleware:
        return cls(crawler)

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        problem = rejection_of(response.status)
        if problem is None or response.status not in self.retry_http_codes:
            return response
        return self._again(request, problem) or response

    def process_exception(self, request: Request, exception: Exception) -> Request | None:  # type: ignore[override]
        if isinstance(exception, Problem) and exception.transient:
            return self._again(request, exception)
        return None

    def _again(self, request: Request, problem: Problem) -> Request | None:
        assert self.crawler.spider is not None
        if request.meta.get("dont_retry", False):
            return None
        again = get_retry_request(
            request,
            spider=self.crawler.spider,
            reason=problem.reason,
            max_retry_times=request.meta.get("max_retry_times", self.max_retry_times),
            give_up_log_level="DEBUG",  # the row tells
        )
        if again is not None:
            again.meta[RETRY_IN] = self.delay
        return again
