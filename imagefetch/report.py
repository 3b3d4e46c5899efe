"""REPORT.csv: one row a line, written through to the operating system."""

from __future__ import annotations

import asyncio
import csv
import io
import os
from pathlib import Path
from typing import IO, Any

from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy.exporters import BaseItemExporter
from scrapy.extensions.feedexport import FileFeedStorage

from imagefetch import signals
from imagefetch.errors import ReportError
from imagefetch.items import ImageRecord
from imagefetch.stop import stop_run

COLUMNS = {
    "url": "URL",
    "code": "Response code",
    "line": "Line",
    "file": "File",
    "bytes": "Bytes",
    "type": "Type",
    "width": "Width",
    "height": "Height",
    "sha256": "SHA-256",
    "attempts": "Attempts",
    "seconds": "Seconds",
    "reason": "Reason",
}
"""Field of `ImageRecord` to column, in the order of the file."""

# A spreadsheet runs a cell that begins with one of these (OWASP, "CSV
# Injection"); one apostrophe in front makes it text. A cell that begins with an
# apostrophe gets one too, so that reading back is to take exactly one away.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "'")


def begin_report(path: Path) -> None:
    """Make sure that the report is there, with its header, before anything is fetched.

    :raises ReportError: if it can't be written
    """
    try:
        with path.open("ab") as file:
            if file.tell() == 0:
                file.write(encode(list(COLUMNS.values())))
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from error


class ReportStorage(FileFeedStorage):
    """A local feed that ends the run where it can't be opened.

    Scrapy would log the error, once a row, and call the crawl finished.
    """

    def __init__(self, uri: str, crawler: Crawler, *, feed_options: dict[str, Any] | None = None):
        super().__init__(uri, feed_options=feed_options)
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
            return path.open(self.write_mode, buffering=0)
        except OSError as error:
            stop_run(self.crawler, ReportError(f"{self.path}: {error.strerror}"))
            raise


class ReportExporter(BaseItemExporter):
    """Writes each record with one call of the operating system, nothing held back.

    A row that can't be written whole is taken back, and ends the run: Scrapy
    would swallow the error.
    """

    def __init__(self, crawler: Crawler, file: IO[bytes], **kwargs: Any) -> None:
        super().__init__(dont_fail=True, **kwargs)
        self.crawler = crawler
        self.file = file
        self.broken = False
        self.fsync = crawler.settings.getint("FSYNC")
        self._unsafe = 0
        """Rows written since the last fsync began."""

    @classmethod
    def from_crawler(cls, crawler: Crawler, file: IO[bytes], **kwargs: Any) -> ReportExporter:
        return cls(crawler, file, **kwargs)

    def start_exporting(self) -> None:
        if self.file.seek(0, os.SEEK_END) == 0:
            self._write(encode(list(COLUMNS.values())))

    def export_item(self, item: ImageRecord) -> None:
        offset = self._write(encode(cells(item)))
        if offset is not None:
            self._count_for_sync()
            self.crawler.signals.send_catch_log(signals.row_written, record=item, offset=offset)

    def finish_exporting(self) -> None:
        if self.fsync and not self.broken:
            os.fsync(self.file.fileno())

    def _count_for_sync(self) -> None:
        self._unsafe += 1
        if self.fsync and self._unsafe >= self.fsync:
            self._unsafe = 0
            loop = asyncio.get_running_loop()
            loop.run_in_executor(None, os.fsync, self.file.fileno()).add_done_callback(self._synced)

    def _synced(self, done: asyncio.Future[None]) -> None:
        if (error := done.exception()) and not self.file.closed:
            self._fail(str(error))

    def _write(self, row: bytes) -> int | None:
        """Append *row*; return where it begins, None if it could not be written."""
        if self.broken:
            return None
        offset = self.file.seek(0, os.SEEK_END)
        try:
            if not os.path.samestat(Path(self.file.name).stat(), os.fstat(self.file.fileno())):
                problem = "is another file now"
            elif self.file.write(row) == len(row):
                return offset
            else:
                problem = "no space left on device"
        except OSError as error:
            problem = error.strerror or str(error)
        self.file.truncate(offset)
        self._fail(problem)
        return None

    def _fail(self, problem: str) -> None:
        self.broken = True
        stop_run(self.crawler, ReportError(f"{self.file.name}: {problem}"))


def cells(record: ImageRecord) -> list[str]:
    """Return *record* as the cells of its row."""
    row = []
    for name in COLUMNS:
        value = getattr(record, name)
        if value is None:
            value = ""
        elif name == "seconds":
            value = f"{value:.3f}"
        row.append(str(value))
    return row


def record_of(row: list[str]) -> ImageRecord:
    """Return the record that *row*, as `decode` gave it, was made of.

    :raises ValueError: if *row* is none of this report's
    """
    named = dict(zip(COLUMNS, row, strict=True))
    return ImageRecord(
        url=named["url"],
        code=named["code"],
        line=int(named["line"]),
        file=named["file"],
        bytes=_int(named["bytes"]),
        type=named["type"],
        width=_int(named["width"]),
        height=_int(named["height"]),
        sha256=named["sha256"],
        attempts=int(named["attempts"]),
        seconds=float(named["seconds"]) if named["seconds"] else None,
        reason=named["reason"],
    )


def encode(row: list[str]) -> bytes:
    """Return *row* as RFC 4180 wants it, dangerous cells made text."""
    out = io.StringIO()
    csv.writer(out).writerow(f"'{c}" if c.startswith(DANGEROUS) else c for c in row)
    return out.getvalue().encode("utf-8", errors="replace")


def decode(row: list[str]) -> list[str]:
    """Undo what `encode` did to dangerous cells."""
    return [cell.removeprefix("'") for cell in row]


def read_row(path: Path, offset: int) -> ImageRecord:
    """Return the record whose row begins at *offset* bytes of the report."""
    with path.open("rb") as file:
        file.seek(offset)
        text = io.TextIOWrapper(file, "utf-8", newline="")
        return record_of(decode(next(csv.reader(text))))


def _int(cell: str) -> int | None:
    return int(cell) if cell else None
