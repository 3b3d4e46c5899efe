"""Receives a list: decodes and decompresses it, and writes it into a file as it arrives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from imagefetch.download.bodies.body import Sink, Skip
from imagefetch.download.bodies.content_encoding import decoder
from imagefetch.download.bodies.decoders import Decoder
from imagefetch.download.curl.response_head import Head
from imagefetch.download.receiver import Receiver, Reception
from imagefetch.errors import TooLarge, rejection_of, store_error
from imagefetch.lists.kept_copy import write_copy

GZIP = b"\x1f\x8b"


class ListReceiver(Receiver):
    """Writes a response's body into a file."""

    def __init__(self, crawler: Crawler, file: BinaryIO) -> None:
        super().__init__(crawler)
        self.file = file

    def reception(self, request: Request) -> Reception:
        return ListReception(self, request)

    def max_size_of(self, request: Request) -> int:
        max_size: int = request.meta["download_maxsize"]
        return max_size

    def sink_for(self, request: Request, head: Head, max_size: int) -> Sink:
        if rejection_of(head.status) is not None:
            return Skip()
        return ListSink(self.file, head.values(b"content-encoding"), max_size)


class ListReception(Reception):
    async def whole_response(self) -> Response:
        """Return the response, its body empty.

        :raises Failure: if the list is incomplete
        :raises StoreError: if the file system refuses
        """
        if isinstance(self.sink, ListSink):
            self.sink.finish()
        return self.response_of([], b"")


class ListSink:
    """Writes a list into a file as it arrives."""

    busy = None

    def __init__(self, file: BinaryIO, codings: list[str], max_size: int) -> None:
        self._name = file.name
        self._decompressor = Decompressor(",".join(codings), max_size)
        self._copy = write_copy(file)

    def feed(self, data: bytes) -> bool:
        """
        :raises Failure: if it can't be decoded, or is too long
        :raises StoreError: if the file system refuses
        """
        try:
            self._copy.writelines(self._decompressor.feed(data))
        except OSError as error:
            raise store_error(self._name, error) from error
        return True

    def finish(self) -> None:
        """
        :raises Failure: if the list is incomplete
        :raises StoreError: if the file system refuses
        """
        self._decompressor.finish()
        try:
            self._copy.close()
        except OSError as error:
            raise store_error(self._name, error) from error

    async def discard(self) -> None:
        with suppress(OSError):
            self._copy.close()


class Decompressor:
    """Decodes a Content-Encoding, then gzip if the decoded body is a gzip file.

    *max_size* limits the decompressed list, in bytes.
    """

    def __init__(self, coding: str, max_size: int) -> None:
        self.max_size = max_size
        self.size = 0
        self.started = False
        self.decode = decoder(coding)
        self.inflate: Decoder | None = None

    def feed(self, piece: bytes) -> Iterator[bytes]:
        for data in (piece,) if self.decode is None else self.decode.feed(piece):
            yield from self._inflate(data)

    def _inflate(self, piece: bytes) -> Iterator[bytes]:
        if not self.started:
            self.started = True
            self.inflate = decoder("gzip") if piece.startswith(GZIP) else None
        for data in (piece,) if self.inflate is None else self.inflate.feed(piece):
            self.size += len(data)
            if self.max_size and self.size > self.max_size:
                raise TooLarge
            yield data

    def finish(self) -> None:
        for step in (self.decode, self.inflate):
            if step is not None:
                step.finish()
