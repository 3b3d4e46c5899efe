"""Chooses what takes the body of a response, and sends Scrapy's download signals."""

from __future__ import annotations

import itertools
from typing import Any

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import StopDownload
from twisted.python.failure import Failure as TwistedFailure

from imagefetch.download.bodies.body import DiscardSink, EncodedFileSink, FileSink, InMemory, Sink
from imagefetch.download.bodies.content_encoding import known_codings
from imagefetch.download.bodies.continuation import is_everything
from imagefetch.download.bodies.interrupted import InterruptedBodies
from imagefetch.download.curl.response_head import Head
from imagefetch.download.opt_outs.response_headers import HeaderSignals
from imagefetch.errors import (
    OptedOut,
    StoreError,
    rejection_of,
)
from imagefetch.items import ImageRecord
from imagefetch.meta import BODY_MAX, PROBLEM, STREAM_TO, TIMING
from imagefetch.output.disk_io import Disk
from imagefetch.output.partial_files import PartialFile
from imagefetch.signals import row_written
from imagefetch.utils.processes.shutdown import stop_run
from imagefetch.utils.receivers import has_receivers

# Maximum bytes of a body in memory: of a request that is not for an image.
IN_MEMORY_MAX = 8 * 2**20


class Receiver:
    """What receives the responses of a run, into files or memory, shares.

    Settings: DOWNLOAD_MAXSIZE, those of `HeaderSignals`, DOWNLOAD_FAIL_ON_DATALOSS (for bodies
    in memory only: files are never truncated). Meta: ``download_maxsize``,
    ``download_fail_on_dataloss``.
    """

    _numbers = itertools.count()  # shared by the handlers of all schemes, which write to one folder

    def __init__(self, crawler: Crawler, interrupted: InterruptedBodies | None = None) -> None:
        """*interrupted*: those of the run."""
        self.crawler = crawler
        self.interrupted = interrupted or InterruptedBodies(0)
        self.max_size = crawler.settings.getint("DOWNLOAD_MAXSIZE")
        self.opt_outs = HeaderSignals(crawler.settings)
        self.disk = Disk()
        self.fail_on_dataloss = crawler.settings.getbool("DOWNLOAD_FAIL_ON_DATALOSS")

    def max_size_of(self, request: Request) -> int:
        """Return the maximum bytes of the body; 0: unlimited."""
        max_size: int = request.meta.get("download_maxsize", self.max_size)
        if STREAM_TO in request.meta:
            return max_size
        return min(max_size or IN_MEMORY_MAX, IN_MEMORY_MAX)

    def sink_for(self, request: Request, head: Head, max_size: int) -> Sink:
        """Return what takes the body of a response; `DiscardSink` if none is wanted."""
        if STREAM_TO not in request.meta:
            return InMemory(request.meta.get(BODY_MAX, IN_MEMORY_MAX))
        partial = head.status == 206 and not is_everything(head)
        if rejection_of(head.status, partial=partial) is not None:
            return DiscardSink()
        if self.opts_out(request, head):
            return DiscardSink()
        path = request.meta[STREAM_TO] / str(next(self._numbers))
        if codings := known_codings(head.values(b"content-encoding")):
            timing = request.meta.get(TIMING)
            return EncodedFileSink(path, codings, max_size, self.disk, timing)
        return self.file_sink(request, PartialFile(path))

    def file_sink(self, request: Request, part: PartialFile) -> FileSink:
        """Return what appends the body of a response to *part*."""
        return FileSink(part, self.disk, request.meta.get(TIMING))

    def opts_out(self, request: Request, head: Head) -> bool:
        """Return whether the response opts out of being collected; mark *request* if so."""
        if signal := self.opt_outs.signal(head.values):
            request.meta[PROBLEM] = OptedOut(signal)
        return bool(signal)

    def watch_rows(self) -> None:
        """Remove what is kept of a line's body when the line has its row."""
        self.crawler.signals.connect(self._end_interrupted, row_written)

    def _end_interrupted(self, record: ImageRecord) -> None:
        if record.key is not None:
            try:
                self.interrupted.end(record.key)
            except StoreError as error:
                stop_run(self.crawler, error)

    def has_listeners(self, signal: object) -> bool:
        """Return whether anyone receives *signal*."""
        return has_receivers(self.crawler.signals, signal)

    def send_signal(self, signal: object, request: Request, **arguments: Any) -> None:
        """Send one of Scrapy's signals.

        :raises StopDownload: if a receiver of the signal raised it
        """
        results = self.crawler.signals.send_catch_log(
            signal, request=request, spider=self.crawler.spider, **arguments
        )
        for _, result in results:
            if isinstance(result, TwistedFailure) and isinstance(result.value, StopDownload):
                raise result.value
