"""Files of feeds (``-o``, FEEDS): an error of one costs neither the run nor the report."""

from __future__ import annotations

import io
import logging
import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from scrapy.extensions.feedexport import StdoutFeedStorage

from imagefetch.utils.standard_streams import silence

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

logger = logging.getLogger(__name__)


class FeedFile(io.RawIOBase):
    """A file whose first failed write is logged in one line, and whose later data is dropped.

    A pipe whose reader has gone is no error. Scrapy would log a traceback for each item.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        """:param name: how the log line calls the feed"""
        self._file, self._name = file, name
        self._broken = False

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer) -> int:
        size = len(left := memoryview(data).cast("B"))
        try:
            while left and not self._broken:
                left = left[self._file.write(left) :]
        except OSError as error:
            self.fail(error)
        return size

    def flush(self) -> None:
        try:
            if not self._broken:
                self._file.flush()
        except OSError as error:
            self.fail(error)

    def close(self) -> None:
        if not self.closed:
            super().close()  # which flushes
            self._close()

    def _close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            self.fail(error)

    def fail(self, error: OSError) -> None:
        """Drop all later data, and log *error* unless it is a closed pipe or not the first."""
        if not self._broken and not isinstance(error, BrokenPipeError):
            logger.error(
                "%s: can't be written: %s; the report has every row",
                self._name,
                error.strerror or error,
            )
        self._broken = True


def unopened(name: str, error: OSError) -> FeedFile:
    """Return a file that drops all data, in place of one that could not be opened."""
    file = FeedFile(Path(os.devnull).open("wb"), name)
    file.fail(error)
    return file


class StdoutFile(FeedFile):
    """Standard output as the file of a feed; it stays open."""

    def __init__(self) -> None:
        # It is None if it was closed before this process started.
        file = sys.stdout.buffer if sys.stdout is not None else Path(os.devnull).open("wb")
        super().__init__(file, "standard output")

    def _close(self) -> None:
        pass

    def fail(self, error: OSError) -> None:
        super().fail(error)
        if sys.stdout is not None:
            silence(sys.stdout)


class StdoutStorage(StdoutFeedStorage):
    """Scrapy's feed storage for standard output, without its errors."""

    def __init__(self, uri: str, *, feed_options: dict[str, Any] | None = None) -> None:
        super().__init__(uri, cast("IO[bytes]", StdoutFile()), feed_options=feed_options)
