"""Receives a list: decodes and decompresses it, and writes it into a file as it arrives."""

from __future__ import annotations

from contextlib import suppress
from typing import BinaryIO

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from imagefetch.download.bodies.body import DiscardSink, Sink
from imagefetch.download.bodies.content_encoding import decoder
from imagefetch.download.curl.response_head import Head
from imagefetch.download.receiver import Receiver
from imagefetch.download.reception import Reception
from imagefetch.errors import rejection_of, store_error
from imagefetch.lists.compression import Decompressor
from imagefetch.lists.kept_copy import CopyWriter


class ListReceiver(Receiver):
    """Writes a response's body into a file."""

    def __init__(self, crawler: Crawler, file: BinaryIO) -> None:
        super().__init__(crawler)
        self.file = file

    def max_size_of(self, request: Request) -> int:
        max_size: int = request.meta["download_maxsize"]
        return max_size

    def sink_for(self, request: Request, head: Head, max_size: int) -> Sink:
        if rejection_of(head.status) is not None:
            return DiscardSink()
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
        self._decode = decoder(",".join(codings))
        self._decompressor = Decompressor(max_size)
        self._copy = CopyWriter(file)

    def feed(self, data: bytes) -> bool:
        """
        :raises Failure: if it can't be decoded, or is too long
        :raises StoreError: if the file system refuses
        """
        try:
            for decoded in (data,) if self._decode is None else self._decode.feed(data):
                for piece in self._decompressor.feed(decoded):
                    self._copy.write(piece)
        except OSError as error:
            raise store_error(self._name, error) from error
        return True

    def finish(self) -> None:
        """
        :raises Failure: if the list is incomplete
        :raises StoreError: if the file system refuses
        """
        if self._decode is not None:
            self._decode.finish()
        try:
            for piece in self._decompressor.finish():
                self._copy.write(piece)
            self._copy.close()
        except OSError as error:
            raise store_error(self._name, error) from error

    async def discard(self) -> None:
        with suppress(OSError):
            self._copy.close()
