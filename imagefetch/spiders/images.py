"""Defines the spider, which makes one request per line and one record per request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from scrapy import Request, Spider
from scrapy import signals as scrapy_signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, IgnoreRequest, StopDownload
from scrapy.http import Response
from scrapy.settings import BaseSettings
from scrapy.utils.defer import deferred_from_coro
from twisted.python.failure import Failure as TwistedFailure

from imagefetch import errors
from imagefetch.config import components
from imagefetch.config.needed_components import check_components
from imagefetch.config.setting_rules import RULES
from imagefetch.download.response import FileResponse
from imagefetch.html_report.extension import HtmlReport
from imagefetch.images.acceptance import Acceptance
from imagefetch.images.decoder_pool import Unverified
from imagefetch.items import ImageRecord
from imagefetch.job.resume import compact
from imagefetch.job.row_check import RowCheck
from imagefetch.job.run import Job, begin
from imagefetch.lists.plain import READ_ERRORS, read_lines
from imagefetch.lists.shape import warning_of
from imagefetch.meta import (
    DOWNLOAD,
    DUPLICATE_OF,
    FAILURE,
    KEY,
    LINE,
    PROBLEM,
    RECORD,
    SECONDS,
    SENT_TO_PIPELINES,
    STREAM_TO,
)
from imagefetch.output.csv_rows import read_row
from imagefetch.output.exporter import begin_report
from imagefetch.output.file_names import NameTemplate
from imagefetch.output.ownership.owner import Ownership
from imagefetch.output.partial_files import Download
from imagefetch.pages.base import ImagePage
from imagefetch.urls import Line, key_of, request_url
from imagefetch.utils.descriptors import share
from imagefetch.utils.formatting import files
from imagefetch.utils.shutdown import note_stop, stop_run
from imagefetch.utils.spelling import misspelt
from imagefetch.utils.stat_names import REMOVED

if TYPE_CHECKING:
    from imagefetch.scheduling.scheduler import HostScheduler

# URL of requests for lines that need no download: these pass through the engine, too, so
# that each line ends in its own errback.
NOWHERE = "about:blank"


class ImagesSpider(Spider):
    """Fetches the images of the list ``urls``, and writes ``report``."""

    name = "images"
    acceptance: Acceptance
    names: NameTemplate
    guarded = False
    """Whether the user's spider middlewares process the records."""

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        """:raises BadInput: if a setting of components is not a dictionary"""
        super().update_settings(settings)
        components.merge(settings)

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job
        self.run = run = job.run
        self.report = str(run.report)  # FEEDS refers to it as %(report)s
        self.own = Ownership(run.report, run.store, run.owner)
        self.partial = self.own.partial
        self.row_offsets = job.journal.row_offsets
        self.row_check = RowCheck()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> ImagesSpider:
        """Keyword arguments are those of ``-a``, or ``job`` if they were validated before.

        :raises BadInput: if an argument, a setting, the list or a folder is invalid
        :raises NothingToDo: if every line is done
        """
        if "job" not in kwargs:
            check_components(crawler.settings)
        spider = cls(kwargs.get("job") or begin(crawler.settings, kwargs))
        # On Scrapyd it may be in the folder of the job; the pipeline reads the setting.
        crawler.settings.set("FILES_STORE", spider.run.store, priority="spider")
        spider._set_crawler(crawler)
        spider._fit_descriptors(crawler.settings)
        crawler.signals.connect(spider.idle, signal=scrapy_signals.spider_idle)
        crawler.signals.connect(spider.failed, signal=scrapy_signals.spider_error)
        spider.acceptance = Acceptance(crawler)
        spider.names = NameTemplate(crawler.settings["FILES_NAME"])
        return spider

    def _fit_descriptors(self, settings: BaseSettings) -> None:
        """Lower CONCURRENT_REQUESTS to what the limit of open sockets and files allows."""
        wanted = settings.getint("CONCURRENT_REQUESTS")
        allowed = share(wanted).requests
        if allowed < wanted:
            self.logger.warning(
                "CONCURRENT_REQUESTS is %d, not %d: for more, raise the system's limit of open"
                " files (ulimit -n)",
                allowed,
                wanted,
            )
            settings.set("CONCURRENT_REQUESTS", allowed, priority="cmdline")

    async def start(self) -> AsyncIterator[Any]:
        try:
            self.own.begin()
            await self.acceptance.begin()
            self._commit()
            begin_report(self.run.report)
            self._warn()
            if self.job.journal.done:
                self.logger.info(
                    "continuing: %s of %s lines done",
                    f"{self.job.journal.done:,}",
                    f"{self.job.journal.total:,}",
                )
            scheduler = cast("HostScheduler", self.crawler.engine.scheduler)
            is_done = self.job.journal.is_done
            pending = (line for line in read_lines(self.run.urls) if not is_done(line))
            async for line in scheduler.lines(pending):
                self.row_check.handed_out(line)
                yield self.request_for(line)
            self.row_check.whole = True
        except errors.LocalError as error:
            stop_run(self.crawler, error)
        except READ_ERRORS as error:
            self.logger.error("%s: the list can't be read to its end: %s", self.run.urls, error)
            raise CloseSpider("list-unreadable") from error

    def _warn(self) -> None:
        """Log a warning of misspelt settings and of an unusual list, before anything is fetched."""
        for name, known in misspelt(self.crawler.settings, RULES):
            self.logger.warning(
                "setting %s: there is no such setting; did you mean %s?", name, known
            )
        if (odd := warning_of(self.run.urls)) is not None:
            self.logger.warning("%s", odd)

    def _commit(self) -> None:
        """Apply the prepared changes, now that everything else that the run needs is there.

        :raises ReportError: if the file system refuses
        """
        try:
            self.job.preparation.commit()
        except OSError as error:
            raise errors.ReportError(f"{self.report}: {error.strerror}") from error

    def request_for(self, line: Line) -> Request:
        """Return the request for *line*, which was just read."""
        try:
            request = self.line_request(line)
        except errors.Failure as failure:
            return self._request(NOWHERE, {LINE: line, FAILURE: failure})
        if not self.row_offsets.add(request.meta[KEY]):
            return self.duplicate_request(line, request.meta[KEY])
        return request

    def line_request(self, line: Line, **meta: Any) -> Request:
        """Return a request that downloads *line*.

        :raises Failure: if no request can be made of its text
        """
        try:
            request = self._request(request_url(line.text), {LINE: line, **meta})
        except ValueError as error:  # raised by w3lib or IDNA
            raise errors.InvalidURL from error
        request.meta[KEY] = key_of(request.url)
        request.meta[STREAM_TO] = self.partial
        return request

    @staticmethod
    def given_up(request: Request) -> Request:
        """Let *request* fail with `HostUnavailable` without being sent; return it."""
        request.meta.update({FAILURE: errors.HostUnavailable(), "dont_retry": True})
        return request

    def duplicate_request(self, line: Line, key: bytes) -> Request:
        """Return a request whose record copies that of the first line with *key*."""
        return self._request(NOWHERE, {LINE: line, DUPLICATE_OF: key})

    def _request(self, url: str, meta: dict[str, Any]) -> Request:
        return Request(
            url, callback=cast("Any", self.parse), errback=self.errback, meta=meta, dont_filter=True
        )

    async def parse(  # type: ignore[override]
        self, response: FileResponse, page: ImagePage
    ) -> ImageRecord | None:
        """Return the record of a line with a complete response."""
        assert response.request is not None
        return self._remember(response.request, await self._record_of(response, page))

    async def _record_of(self, response: FileResponse, page: ImagePage) -> ImageRecord | None:
        assert response.request is not None
        request, download = response.request, response.download
        meta = request.meta
        record = self._record(request, str(response.status))
        try:
            partial = download.path is None  # the handler stores no part of an image
            problem = meta.get(PROBLEM) or errors.rejection_of(response.status, partial=partial)
            if "download_stopped" in response.flags:
                problem = errors.RequestDropped()
                record.code = problem.code
            if problem is not None:
                raise problem
            await page.look()
            record = self._complete(_checked(await page.to_item(), meta[LINE]), request)
            picture = page.picture()
            assert download.path is not None
            await self.acceptance.check(record, picture, download.path)
        except errors.Problem as problem:
            rejected = self._record(request, record.code)
            rejected.reason = problem.reason
            return await self._discard(response, rejected)
        except Unverified:
            await self._discard(response, record)
            return None  # a line without a row is fetched again by the next run
        except errors.LocalError as error:
            stop_run(self.crawler, error)
            return None
        except OSError as error:
            stop_run(self.crawler, errors.StoreError(f"{self.partial}: {error.strerror}"))
            return None
        except Exception:
            self.logger.exception("Line %d: error in the page object", meta[LINE].number)
            rejected = self._record(request, errors.InternalError().code)
            rejected.reason = errors.InternalError.reason
            return await self._discard(response, rejected)
        record.file = self.names.name(
            self._first_url(request), picture.extension, record.line, record.sha256
        )
        record.download = download
        return record

    async def errback(self, failure: TwistedFailure) -> ImageRecord | None:
        """Return the record of a line without a complete response."""
        request: Request = failure.request  # type: ignore[attr-defined]
        return self._remember(request, self._errback(request, failure.value))

    def _errback(self, request: Request, error: BaseException | None) -> ImageRecord | None:
        if isinstance(error, errors.LocalError):
            stop_run(self.crawler, error)
            return None
        if DUPLICATE_OF in request.meta:
            return self._duplicate(request.meta)
        if isinstance(error, IgnoreRequest | StopDownload):
            error = errors.RequestDropped()
        elif not isinstance(error, errors.Failure):
            self.logger.error(
                "Line %d: internal error",
                request.meta[LINE].number,
                exc_info=(type(error), error, error.__traceback__) if error else None,
            )
            error = errors.InternalError()
        return self.record_without_answer(request, error)

    def record_without_answer(
        self, request: Request, failure: errors.Failure
    ) -> ImageRecord | None:
        """Return the record of a line that failed; a body received for it is removed."""
        record = self._record(request, failure.code)
        record.reason = failure.reason
        return record if self._remove_body(request) else None

    def _remember(self, request: Request, record: ImageRecord | None) -> ImageRecord | None:
        """Store *record* in *request*, for `OutputGuard`; return it."""
        if record is not None and self.guarded:
            request.meta[RECORD] = record, request.meta[LINE], record.file
        return record

    def _remove_body(self, request: Request) -> bool:
        """Remove the body received for *request*. If that fails, stop the run and return False."""
        download: Download | None = request.meta.pop(DOWNLOAD, None)
        try:
            if download is not None:
                download.discard()
        except errors.StoreError as error:
            stop_run(self.crawler, error)
            return False
        return True

    def _record(self, request: Request, code: str) -> ImageRecord:
        meta = request.meta
        line: Line = meta[LINE]
        record = ImageRecord(line.text, code, line.number)
        record.attempts = meta.get("retry_times", 0)
        if FAILURE not in meta:
            record.attempts += 1
            record.seconds = meta.get(SECONDS)
        return self._complete(record, request)

    def _complete(self, record: ImageRecord, request: Request) -> ImageRecord:
        """Add the attributes that are no columns to *record*."""
        record.key = request.meta.get(KEY)
        return record

    @staticmethod
    def _first_url(request: Request) -> str:
        """Return the URL of the line, from before any redirect."""
        first: str = request.meta.get("redirect_urls", [request.url])[0]
        return first

    def _duplicate(self, meta: dict[str, Any]) -> ImageRecord | None:
        try:
            offset = self.row_offsets.offset(meta[DUPLICATE_OF])
            assert offset is not None  # the scheduler sends it after the first line's row
            first = read_row(Path(self.report), offset)
        except errors.LocalError as error:
            stop_run(self.crawler, error)
            return None
        except (OSError, ValueError) as error:
            stop_run(self.crawler, errors.ReportError(f"{self.report}: can't be read: {error}"))
            return None
        line: Line = meta[LINE]
        return replace(first, url=line.text, line=line.number, attempts=0, seconds=None)

    async def _discard(self, response: FileResponse, record: ImageRecord) -> ImageRecord | None:
        try:
            response.download.discard()
        except errors.StoreError as error:
            stop_run(self.crawler, error)
            return None
        return record

    def idle(self) -> None:
        """:raises CloseSpider: if rows are missing; the run must not count as finished"""
        try:
            self.row_check.check()
        except errors.RowsMissing as error:
            note_stop(self.crawler, error)
            raise CloseSpider(error.reason) from error

    def failed(self, failure: TwistedFailure, response: Response | TwistedFailure | None) -> None:
        """Write the row of a line whose callback or spider middleware raised an exception."""
        request: Request | None = getattr(response, "request", None)
        if request is None or LINE not in request.meta or request.meta.get(SENT_TO_PIPELINES):
            return
        request.meta[SENT_TO_PIPELINES] = True
        self._hand_over(self.record_without_answer(request, errors.InternalError()))

    def dropped(self, request: Request) -> None:
        """Write the row of a line whose request a signal handler dropped."""
        self._hand_over(self.record_without_answer(request, errors.RequestDropped()))

    def _hand_over(self, record: ImageRecord | None) -> None:
        if record is not None:
            scraper = self.crawler.engine.scraper
            deferred_from_coro(scraper.start_itemproc_async(record, response=None))

    async def closed(self, reason: str) -> None:
        self.acceptance.close()
        if reason == "finished":
            removed = self.own.finish()
            if self.run.only:
                removed += compact(self.run.report, self.run.store)
            if removed:
                self.crawler.stats.set_value(REMOVED, removed)
                self.logger.info("%s of earlier runs removed", files(removed))
        self.own.close()
        page = self.crawler.get_extension(HtmlReport)
        if page is not None:
            await page.closed.wait()  # the lock protects the page, too
        self.job.close()


def _checked(item: object, line: Line) -> ImageRecord:
    """Return the *item* of a page object as the record of *line*.

    :raises TypeError: if it is no `ImageRecord`
    """
    if not isinstance(item, ImageRecord):
        raise TypeError(f"the page object returned a {type(item).__name__}, not an ImageRecord")
    item.url, item.line = line.text, line.number
    return item
