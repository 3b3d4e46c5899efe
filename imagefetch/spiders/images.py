"""Defines the spider, which makes one request per line and one record per request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Any

from scrapy import Request, Spider
from scrapy import signals as scrapy_signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from scrapy.http import Response
from scrapy.settings import BaseSettings
from scrapy.utils.defer import deferred_from_coro
from twisted.python.failure import Failure as TwistedFailure

from imagefetch import errors, signals
from imagefetch.config import components
from imagefetch.config.idle_components import leave_out
from imagefetch.config.needed_components import check_components
from imagefetch.context import RunContext
from imagefetch.download.response import FileResponse
from imagefetch.images.acceptance import Acceptance
from imagefetch.items import ImageRecord
from imagefetch.job.report_repair.superseded_rows import compact
from imagefetch.job.row_check import RowCheck
from imagefetch.job.run import Job, begin
from imagefetch.line import Line
from imagefetch.lists.list_file import Unused
from imagefetch.lists.plain import READ_ERRORS
from imagefetch.meta import KEY, LINE, RECORD, SENT_TO_PIPELINES
from imagefetch.output.file_names import NameTemplate
from imagefetch.output.ownership.owner import Ownership
from imagefetch.output.report.exporter import begin_report
from imagefetch.pages.base import ImagePage
from imagefetch.pages.host_policies import apply_host_policies
from imagefetch.scheduling.requests import RequestFactory
from imagefetch.spiders.preflight import fit_descriptors, warn
from imagefetch.spiders.records import Records
from imagefetch.utils.formatting import files
from imagefetch.utils.processes.eager_coroutines import eager
from imagefetch.utils.processes.shutdown import note_stop, stop_run
from imagefetch.utils.stat_names import REMOVED


class ImagesSpider(Spider):
    """Fetches the images of the list ``urls``, and writes ``report``."""

    name = "images"
    acceptance: Acceptance
    context: RunContext

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        """:raises BadInput: if a setting of components is not a dictionary"""
        super().update_settings(settings)
        components.merge(settings)
        leave_out(settings, cls)

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job
        self.run = run = job.run
        self.report = str(run.report)  # FEEDS refers to it as %(report)s
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
        apply_host_policies(crawler.settings)
        crawler.settings.set("FILES_STORE", spider.run.store, priority="spider")
        spider._set_crawler(crawler)
        fit_descriptors(crawler.settings)
        crawler.signals.connect(spider.idle, signal=scrapy_signals.spider_idle)
        crawler.signals.connect(spider.failed, signal=scrapy_signals.spider_error)
        crawler.signals.connect(spider.dropped, signal=signals.line_dropped)
        crawler.signals.connect(spider.row_check.row_written, signal=signals.row_written)
        spider.acceptance = Acceptance(crawler)
        spider.context = spider._new_context()
        return spider

    def _new_context(self) -> RunContext:
        run, row_offsets = self.job.run, self.job.journal.row_offsets
        layout = self.job.preparation.layout
        ownership = Ownership(run.report, run.store, run.owner)
        names = NameTemplate(self.settings["FILES_NAME"], layout.columns)
        return RunContext(
            self.job,
            ownership,
            row_offsets,
            RequestFactory(self.parse, self.errback, ownership.partial),
            Records(self.crawler, self.acceptance, names, run.report, row_offsets, layout=layout),
        )

    async def start(self) -> AsyncIterator[Any]:
        try:
            self.context.ownership.begin()
            await self.acceptance.begin()
            self._commit()
            begin_report(self.run.report, self.job.preparation.layout)
            warn(self.settings, self.run.list)
            if self.job.journal.done:
                self.logger.info(
                    "continuing: %s of %s lines done",
                    f"{self.job.journal.done:,}",
                    f"{self.job.journal.total:,}",
                )
            is_done = self.job.journal.is_done
            unused = Unused()
            pending = (line for line in self.run.list.lines(unused) if not is_done(line))
            is_plain = type(self).start is ImagesSpider.start  # a subclass may leave out requests
            first = self._first_request if is_plain else None
            async for line in self.context.scheduler.lines(pending, first):
                yield self._first_request(line)
            self.row_check.whole = True
            if told := str(unused):
                self.logger.warning("%s: %s", self.run.urls, told)
        except errors.LocalError as error:
            stop_run(self.crawler, error)
        except READ_ERRORS as error:
            self.logger.error("%s: the list can't be read to its end: %s", self.run.urls, error)
            raise CloseSpider("list-unreadable") from error

    def _commit(self) -> None:
        """Apply the prepared changes, now that everything else that the run needs is there.

        :raises ReportError: if the file system refuses
        """
        try:
            self.job.preparation.commit()
        except OSError as error:
            raise errors.ReportError(f"{self.report}: {error.strerror}") from error
        except errors.BadInput as error:
            raise errors.ReportError(str(error)) from error

    def _first_request(self, line: Line) -> Request:
        self.row_check.handed_out(line)
        return self.request_for(line)

    def request_for(self, line: Line) -> Request:
        """Return the request for *line*, which was just read."""
        try:
            request = self.context.requests.download(line)
        except errors.Failure as failure:
            return self.context.requests.failed(line, failure)
        if not self.context.row_offsets.add(request.meta[KEY]):
            return self.context.requests.duplicate(line, request.meta[KEY])
        return request

    def parse(  # type: ignore[override]
        self, response: FileResponse, page: ImagePage
    ) -> ImageRecord | Awaitable[ImageRecord | None] | None:
        """Return the record of a line with a complete response; at once, if nothing is waited
        for, since for a coroutine Scrapy creates a task."""
        return eager(self._parse_page(response, page))

    async def _parse_page(self, response: FileResponse, page: ImagePage) -> ImageRecord | None:
        assert response.request is not None
        record = await self.context.records.of_response(response, page)
        return self._remember(response.request, record)

    def errback(self, failure: TwistedFailure) -> ImageRecord | None:
        """Return the record of a line without a complete response."""
        request: Request = failure.request  # type: ignore[attr-defined]
        return self._remember(request, self.context.records.of_error(request, failure.value))

    def _remember(self, request: Request, record: ImageRecord | None) -> ImageRecord | None:
        """Store *record* in *request*, for `OutputGuard`; return it."""
        if record is not None:
            request.meta[RECORD] = record, request.meta[LINE], record.file
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
        self._hand_over(self.context.records.of_failure(request, errors.InternalError()))

    def dropped(self, request: Request) -> None:
        """Write the row of a line whose request a signal handler dropped."""
        self._hand_over(self.context.records.of_failure(request, errors.RequestDropped()))

    def _hand_over(self, record: ImageRecord | None) -> None:
        if record is not None:
            scraper = self.crawler.engine.scraper
            deferred_from_coro(scraper.start_itemproc_async(record, response=None))

    async def closed(self, reason: str) -> None:
        self.acceptance.close()
        if reason == "finished":
            removed = self.context.ownership.finish()
            if self.run.only:
                removed += compact(self.run.report, self.run.store, self.run.list)
            if removed:
                self.crawler.stats.set_value(REMOVED, removed)
                self.logger.info("%s of earlier runs removed", files(removed))
        self.context.ownership.close()
        await self.context.side_files_closed()  # the lock protects them, too
        self.job.close()
