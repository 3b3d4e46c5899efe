"""Creates the record of a line from its response, from its error, or from its duplicate's row."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, StopDownload

from imagefetch import errors
from imagefetch.download.response import FileResponse
from imagefetch.images.acceptance import Acceptance
from imagefetch.images.decoding.decoder_pool import Unverified
from imagefetch.items import ImageRecord
from imagefetch.job.url_index import RowOffsets
from imagefetch.line import Line
from imagefetch.meta import (
    DOWNLOAD,
    DUPLICATE_OF,
    FAILURE,
    KEY,
    LINE,
    PROBLEM,
    SECONDS,
    STREAM_TO,
    UNCOUNTED,
)
from imagefetch.output.file_names import NameTemplate
from imagefetch.output.partial_files import Download
from imagefetch.output.report.columns import PLAIN, Layout
from imagefetch.output.report.report_file import read_row
from imagefetch.pages.base import ImagePage
from imagefetch.spiders.response_columns import fill_in, first_url
from imagefetch.utils.processes.shutdown import stop_run

logger = logging.getLogger(__name__)


class Records:
    """Creates records. If this machine's files fail, the run ends, and the line gets no record."""

    def __init__(
        self,
        crawler: Crawler,
        acceptance: Acceptance,
        names: NameTemplate,
        report: Path,
        row_offsets: RowOffsets,
        *,
        layout: Layout = PLAIN,
    ) -> None:
        self.crawler = crawler
        self.acceptance = acceptance
        self.names = names
        self.report = report
        self.row_offsets = row_offsets
        self.layout = layout

    async def of_response(self, response: FileResponse, page: ImagePage) -> ImageRecord | None:
        """Return the record of a line with a complete response, which *page* describes.

        None also if the run ends before the image has been decoded: the next run fetches the
        line again.
        """
        assert response.request is not None
        came = time.time()
        try:
            record = await self._of_response(response, page)
        except errors.LocalError as error:
            stop_run(self.crawler, error)
            return None
        if record is not None:
            fill_in(record, response.request, response, came)
        return record

    def of_error(self, request: Request, error: BaseException | None) -> ImageRecord | None:
        """Return the record of a line whose request ended with *error*, or is a duplicate."""
        if isinstance(error, errors.LocalError):
            stop_run(self.crawler, error)
            return None
        if DUPLICATE_OF in request.meta:
            return self._of_duplicate(request.meta)
        if isinstance(error, IgnoreRequest | StopDownload):
            error = errors.RequestDropped()
        elif not isinstance(error, errors.Failure | errors.OptedOut):
            logger.error(
                "%s: internal error",
                request.meta[LINE].place.capitalize(),
                exc_info=(type(error), error, error.__traceback__) if error else None,
            )
            error = errors.InternalError()
        return self.of_failure(request, error)

    def of_failure(self, request: Request, failure: errors.Problem) -> ImageRecord | None:
        """Return the record of a line without a complete response; a body received for it is
        removed."""
        download: Download | None = request.meta.pop(DOWNLOAD, None)
        try:
            if download is not None:
                download.discard()
        except errors.StoreError as error:
            stop_run(self.crawler, error)
            return None
        return _without_file(request, failure.code, failure)

    async def _of_response(self, response: FileResponse, page: ImagePage) -> ImageRecord | None:
        """:raises LocalError: if this machine's files fail"""
        assert response.request is not None
        request, download = response.request, response.download
        line: Line = request.meta[LINE]
        record = _record(request, str(response.status))
        try:
            partial = download.path is None  # the handler stores no part of an image
            rejection = errors.rejection_of(response.status, partial=partial)
            problem = request.meta.get(PROBLEM) or rejection
            if "download_stopped" in response.flags:
                problem = errors.RequestDropped()
                record.code = problem.code
            if problem is not None:
                raise problem
            await page.read_header()
            record = _checked(await page.to_item(), request)
            image = page.image()
            assert download.path is not None
            await self.acceptance.check(record, image, download.path)
        except errors.Problem as problem:
            download.discard()
            return _without_file(request, record.code, problem)
        except Unverified:
            download.discard()
            return None
        except errors.LocalError:
            raise
        except OSError as error:
            raise errors.StoreError(f"{request.meta[STREAM_TO]}: {error.strerror}") from error
        except Exception:
            logger.exception("%s: error in the page object", line.place.capitalize())
            download.discard()
            return _record(request, errors.InternalError().code, errors.InternalError.reason)
        url = first_url(request)
        record.file = self.names.name(
            url,
            image.extension,
            line.number,
            record.sha256,
            part=line.part,
            record=line.record,
        )
        record.file_if_taken = self.names.name_if_taken(record.file, url, image.extension)
        record.download = download
        return record

    def _of_duplicate(self, meta: dict[str, Any]) -> ImageRecord | None:
        """Return a copy of the record of the first line with the same URL, read from its row."""
        try:
            offset = self.row_offsets.offset(meta[DUPLICATE_OF])
            assert offset is not None  # the scheduler sends it after the first line's row
            first = read_row(self.report, offset, self.layout)
        except errors.LocalError as error:
            stop_run(self.crawler, error)
            return None
        except (OSError, ValueError) as error:
            stop_run(self.crawler, errors.ReportError(f"{self.report}: can't be read: {error}"))
            return None
        line: Line = meta[LINE]
        return replace(
            first,
            url=line.text,
            line=line.number,
            part=line.part,
            record=dict(line.record),
            attempts=0,
            seconds=None,
        )


def _record(request: Request, code: str, reason: str = "") -> ImageRecord:
    """Return a record without a file of the line of *request*."""
    meta = request.meta
    line: Line = meta[LINE]
    record = ImageRecord(line.text, code, line.number, reason=reason, part=line.part)
    if line.record:
        record.record = dict(line.record)
    record.attempts = meta.get("retry_times", 0) + meta.get(UNCOUNTED, 0)
    if FAILURE not in meta:
        record.attempts += 1
        record.seconds = meta.get(SECONDS)
    record.key = meta.get(KEY)
    return record


def _without_file(request: Request, code: str, problem: errors.Problem) -> ImageRecord:
    """Return the record of the line of *request*, for which *problem* left no file."""
    record = _record(request, code, problem.reason)
    record.kind = problem.kind if isinstance(problem, errors.NotAnImage) else ""
    record.signal = problem.signal if isinstance(problem, errors.OptedOut) else ""
    return record


def _checked(item: object, request: Request) -> ImageRecord:
    """Return the *item* of a page object as the record of the line of *request*.

    :raises TypeError: if it is no `ImageRecord`
    """
    if not isinstance(item, ImageRecord):
        raise TypeError(f"the page object returned a {type(item).__name__}, not an ImageRecord")
    line: Line = request.meta[LINE]
    item.url, item.line, item.part = line.text, line.number, line.part
    item.record = dict(line.record)
    item.key = request.meta.get(KEY)
    return item
