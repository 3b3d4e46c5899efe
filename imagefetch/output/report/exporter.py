"""Writes REPORT.csv: one row for each line of the list, unbuffered."""

from __future__ import annotations

import asyncio
import csv
import json
import logging
import os
import re
from pathlib import Path
from typing import IO, Any, cast

from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy.exporters import BaseItemExporter, CsvItemExporter, XmlItemExporter
from scrapy.extensions.feedexport import FileFeedStorage

from imagefetch import signals
from imagefetch.context import context_of
from imagefetch.errors import ReportError
from imagefetch.items import ImageRecord
from imagefetch.output.report.carried import carried_cells, count_truncated
from imagefetch.output.report.columns import PLAIN, Layout
from imagefetch.output.report.csv_rows import cells
from imagefetch.output.report.encoding import encode
from imagefetch.output.report.feed_files import FeedFile, unopened
from imagefetch.utils.cells import encode_unquoted
from imagefetch.utils.processes.shutdown import stop_run
from imagefetch.utils.stat_names import TRUNCATED_CELLS
from imagefetch.utils.text import escape

logger = logging.getLogger(__name__)

NOT_XML = re.compile("[\ufffe\uffff]")
"""Characters that are not allowed in XML and that `escape` leaves in place."""


def begin_report(path: Path, layout: Layout = PLAIN) -> None:
    """Make sure that the report exists, with its header, before anything is fetched.

    :raises ReportError: if it can't be written
    """
    try:
        with path.open("ab") as file:
            if file.tell() == 0:
                file.write(layout.header)
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from error


class ReportStorage(FileFeedStorage):
    """A local feed storage that ends the run if the report can't be opened.

    Scrapy would log the error for each row, and report the crawl as finished. Errors of other
    feeds cost one line of the log.
    """

    def __init__(self, uri: str, crawler: Crawler, *, feed_options: dict[str, Any] | None = None):
        super().__init__(uri, feed_options=feed_options)
        if not uri.startswith("file:"):
            self.path = uri  # Scrapy would parse "#" and "%20" in a path as parts of a URL
        self.is_report = (feed_options or {}).get("format", "report") == "report"
        self.crawler = crawler

    @classmethod
    def from_crawler(
        cls, crawler: Crawler, uri: str, *, feed_options: dict[str, Any] | None = None
    ) -> ReportStorage:
        return cls(uri, crawler, feed_options=feed_options)

    def open(self, spider: Spider) -> IO[bytes]:
        try:
            path = Path(self.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open(self.write_mode, buffering=0)
        except OSError as error:
            if not self.is_report:
                return cast("IO[bytes]", unopened(self.path, error))
            stop_run(self.crawler, ReportError(f"{self.path}: {error.strerror}"))
            raise
        if self.is_report:
            return file
        return cast("IO[bytes]", FeedFile(file, self.path))


class ReportExporter(BaseItemExporter):
    """Writes the records of one turn of the event loop with one system call, unbuffered.

    `signals.row_written` is sent for each record after that. If a row can't be written completely,
    the file is truncated to the end of the row before and the run ends: Scrapy would swallow
    the error.
    """

    def __init__(
        self, crawler: Crawler, file: IO[bytes], layout: Layout = PLAIN, **kwargs: Any
    ) -> None:
        super().__init__(dont_fail=True, **kwargs)
        self.crawler = crawler
        self.file = file
        self.layout = layout
        self.broken = False
        status = os.fstat(file.fileno())
        self._identity = status.st_dev, status.st_ino
        self.fsync = crawler.settings.getint("FSYNC")
        self._unsynced = 0
        """Rows written since the last fsync began."""
        self._end = 0
        """Where the last complete row ends, bytes."""
        self._rows: list[tuple[ImageRecord, bytes]] = []
        """Rows that are written before the next turn of the event loop."""

    @classmethod
    def from_crawler(cls, crawler: Crawler, file: IO[bytes], **kwargs: Any) -> ReportExporter:
        if crawler.spider is not None:
            kwargs.setdefault("layout", context_of(crawler).job.preparation.layout)
        return cls(crawler, file, **kwargs)

    def start_exporting(self) -> None:
        if self.file.seek(0, os.SEEK_END) == 0:
            self._append([self.layout.header])

    def export_item(self, item: ImageRecord) -> None:
        row = cells(item)
        if self.layout.carried:
            row += carried_cells(item.record, self.layout)
            self._count_truncated(item)
        self._rows.append((item, encode(row)))
        if len(self._rows) > 1:
            return
        try:
            asyncio.get_running_loop().call_soon(self._write_rows)
        except RuntimeError:  # there is no event loop
            self._write_rows()

    def _count_truncated(self, item: ImageRecord) -> None:
        if number := count_truncated(item.record, self.layout):
            assert self.crawler.stats is not None
            if not self.crawler.stats.get_value(TRUNCATED_CELLS):
                logger.warning(
                    "%s: a cell of the list's own columns has more than 64 KiB; such cells are cut "
                    "in the report",
                    item.place.capitalize(),
                )
            self.crawler.stats.inc_value(TRUNCATED_CELLS, number)

    def _write_rows(self) -> None:
        rows, self._rows = self._rows, []
        offset = self._append([row for _, row in rows])
        for record, row in rows:
            if offset is None or offset >= self._end:
                return
            self._count_for_sync()
            self.crawler.signals.send_catch_log(signals.row_written, record=record, offset=offset)
            offset += len(row)

    def finish_exporting(self) -> None:
        self._write_rows()
        if self.fsync and not self.broken:
            os.fsync(self.file.fileno())

    def _count_for_sync(self) -> None:
        self._unsynced += 1
        if self.fsync and self._unsynced >= self.fsync:
            self._unsynced = 0
            loop = asyncio.get_running_loop()
            loop.run_in_executor(None, os.fsync, self.file.fileno()).add_done_callback(self._synced)

    def _synced(self, done: asyncio.Future[None]) -> None:
        if (error := done.exception()) and not self.file.closed:
            self._fail(str(error))

    def _append(self, rows: list[bytes]) -> int | None:
        """Append *rows*, as many as can be written completely; return the offset of the first,
        None if there are none. `_end` is where the last one ends."""
        if self.broken or not rows:
            return None
        offset = self._end = self.file.seek(0, os.SEEK_END)
        written = 0
        try:
            status = os.stat(self.file.name)  # noqa: PTH116 - for each write: parse no path
            if (status.st_dev, status.st_ino) != self._identity:
                problem = "was moved or replaced during the run"
            else:
                written = self.file.write(b"".join(rows))
                problem = "no space left on device"
        except OSError as error:
            problem = error.strerror or str(error)
        for row in rows:
            if self._end + len(row) > offset + written:
                self.file.truncate(self._end)
                self._fail(problem)
                break
            self._end += len(row)
        return offset

    def _fail(self, problem: str) -> None:
        self.broken = True
        stop_run(self.crawler, ReportError(f"{self.file.name}: {problem}"))


class SafeCsvExporter(CsvItemExporter):
    """Scrapy's CSV exporter, with cells escaped as in the report: no spreadsheet runs one."""

    def __init__(self, file: IO[bytes], **kwargs: Any) -> None:
        super().__init__(file, **{"quoting": csv.QUOTE_NONNUMERIC, **kwargs})  # type: ignore[arg-type]

    def serialize_field(self, field: Any, name: str, value: Any) -> Any:
        value = super().serialize_field(field, name, _flat(value))
        return encode_unquoted(value) if isinstance(value, str) else value


class SafeXmlExporter(XmlItemExporter):
    """Scrapy's XML exporter, without the characters that XML doesn't allow."""

    def serialize_field(self, field: Any, name: str, value: Any) -> Any:
        value = super().serialize_field(field, name, _flat(value))
        return NOT_XML.sub("\ufffd", escape(value)) if isinstance(value, str) else value


def _flat(value: Any) -> Any:
    """Return *value*, a record of the list as JSON: its names may be no names of elements."""
    if not isinstance(value, dict):
        return value
    return json.dumps(value, ensure_ascii=False) if value else ""
