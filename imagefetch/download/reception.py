"""Converts a response, as libcurl receives it, to a response of Scrapy."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from typing import Any

from scrapy import Request, signals
from scrapy.exceptions import StopDownload
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes

from imagefetch.download.bodies import body
from imagefetch.download.bodies.attempt import Attempt
from imagefetch.download.bodies.body import DiscardSink, EncodedFileSink, FileSink, InMemory, Sink
from imagefetch.download.bodies.content_encoding import known_codings
from imagefetch.download.bodies.continuation import ContentRange, range_of
from imagefetch.download.bodies.encoded_body import decoded
from imagefetch.download.curl.response_head import Head
from imagefetch.download.curl.transfer import ResponseComplete
from imagefetch.download.receiver import IN_MEMORY_MAX, Receiver
from imagefetch.download.response import FileResponse
from imagefetch.errors import (
    BadHTTP,
    IncompleteBody,
    NotAnImage,
    TooLarge,
)
from imagefetch.meta import PROBLEM, STREAM_TO
from imagefetch.output.partial_files import Download

STOPPED = ["download_stopped"]
"""Flags of a response that a signal handler stopped, as in Scrapy's own handlers."""


class Reception:
    """Receives one response; a `imagefetch.download.curl.transfer.Consumer`."""

    def __init__(self, receiver: Receiver, request: Request) -> None:
        self.receiver = receiver
        self.request = request
        self.began = time.monotonic()
        self.patience = math.inf
        self.unwanted = False
        self._head: Head | None = None
        self.sink: Sink = DiscardSink()
        """Takes the body."""
        self._max_size = receiver.max_size_of(request)
        self._received = 0
        """Bytes of the body, those of earlier requests included."""
        self._range: ContentRange | None = None
        """The bytes of the body that the response brings, if it is a 206 with an image."""
        self._attempt = Attempt(receiver.interrupted, request)
        self._tells = False
        """Whether someone listens to `bytes_received`."""

    def asking(self, headers: Headers) -> Headers:
        """Return *headers* of the request as they are to be sent."""
        return self._attempt.asking(headers)

    @property
    def busy(self) -> asyncio.Future[None] | None:
        return self.sink.busy

    def begin(self, head: Head) -> None:
        """Take the headers.

        :raises StopDownload: if a signal handler raised it
        :raises TooLarge: if the body is too long
        :raises BadHTTP: if the headers contradict each other
        """
        self._head = head
        self.request.meta["download_latency"] = time.monotonic() - self.began
        receiver = self.receiver
        if receiver.has_listeners(signals.headers_received):
            receiver.send_signal(
                signals.headers_received,
                self.request,
                headers=Headers(head.fields),
                body_length=head.length,
            )
        self._tells = receiver.has_listeners(signals.bytes_received)
        self.sink = self._sink_for(head)
        if isinstance(self.sink, DiscardSink):
            self.unwanted = True
            self.patience = body.UNWANTED_SECONDS
            return
        if head.bad:
            raise BadHTTP
        if self._max_size and self._size_told(head) > self._max_size:
            raise TooLarge

    def _sink_for(self, head: Head) -> Sink:
        part = self._attempt.part_for(head)
        if part is None:
            sink = self.receiver.sink_for(self.request, head, self._max_size)
        elif self.receiver.opts_out(self.request, head):
            part.discard()
            return DiscardSink()
        else:
            self._received = part.size
            sink = self.receiver.file_sink(self.request, part)
        if head.status == 206 and isinstance(sink, FileSink | EncodedFileSink):
            self._range = range_of(head)
        return sink

    def _size_told(self, head: Head) -> int:
        """Return the bytes of the whole body; 0 if that is unknown."""
        return self._range.total if self._range is not None else head.length or 0

    def feed(self, data: bytes) -> bool:
        """Take a piece of the body.

        :raises TooLarge: if there are too many bytes
        :raises StopDownload: if a signal handler raised it
        :raises NotAnImage, BadEncoding, StoreError: as the sinks do
        """
        left = math.inf if self._range is None else self._range.last + 1 - self._received
        is_more = len(data) > left
        if is_more:
            data = data[: int(left)]
        if not self.sink.feed(data):
            return False
        self._received += len(data)
        if self._max_size and self._received > self._max_size and not self.unwanted:
            raise TooLarge
        if self._tells:
            self.receiver.send_signal(signals.bytes_received, self.request, data=data)
        if is_more:
            raise ResponseComplete  # bytes after the end, as with a Content-Length
        return True

    async def finish(self, error: Exception | None) -> Response:
        """Return the response of a transfer that has ended, with *error* if it failed.

        :raises StopDownload: if a signal handler raised it; its ``response`` is set
        :raises Exception: *error*, if there is no response
        """
        try:
            if error is not None:
                raise error
            return await self.whole_response()
        except StopDownload as stop:
            await self.sink.discard()
            stop.response = await self._stopped()
            if stop.fail:
                raise
            return stop.response
        except NotAnImage as problem:
            await self.sink.discard()
            self.request.meta[PROBLEM] = problem
            return self._in_file(Download())
        except BaseException as failure:
            sink, is_cut = self.sink, isinstance(failure, IncompleteBody)
            if is_cut and isinstance(sink, InMemory) and not self._fails():
                return await self._in_memory(sink, ["dataloss"])
            await self._interrupt(failure)
            raise

    async def _interrupt(self, failure: BaseException) -> None:
        """Keep what was received for the next request, or remove it."""
        if await self._attempt.keep(failure, self.sink, self._head):
            self.sink = DiscardSink()  # it owns the file no more
            self.receiver.watch_rows()
        else:
            await self.sink.discard()

    async def abandon(self) -> None:
        """Remove what was received: the caller was cancelled."""
        await self.sink.discard()

    async def whole_response(self) -> Response:
        """Return the response of a complete transfer."""
        sink = self.sink
        if self._range is not None and self._received < self._range.total:
            raise IncompleteBody
        if isinstance(sink, FileSink | EncodedFileSink):
            return self._in_file(await sink.finish())
        if isinstance(sink, InMemory):
            return await self._in_memory(sink, [])
        return self._in_file(Download())

    async def _in_memory(self, sink: InMemory, flags: list[str]) -> Response:
        data, whole = await self._decoded(sink, self._max_size)
        if not (whole or sink.cut or flags):
            if self._fails():
                raise IncompleteBody
            flags = ["dataloss"]
        return self.response_of(flags, data)

    async def _stopped(self) -> Response:
        if STREAM_TO in self.request.meta:
            return self._in_file(Download(), STOPPED)
        if not isinstance(self.sink, InMemory):
            return self.response_of([*STOPPED], b"")
        data, _ = await self._decoded(self.sink, IN_MEMORY_MAX)
        return self.response_of([*STOPPED], data)

    async def _decoded(self, sink: InMemory, limit: int) -> tuple[bytes, bool]:
        assert self._head is not None
        codings = known_codings(self._head.values(b"content-encoding"))
        return await decoded(codings, bytes(sink.body), limit)

    def _fails(self) -> bool:
        fail: bool = self.request.meta.get(
            "download_fail_on_dataloss", self.receiver.fail_on_dataloss
        )
        return fail

    def response_of(self, flags: list[str], data: bytes) -> Response:
        """Return a response whose body is *data*."""
        common = self._common()
        headers = Headers(common["headers"])
        cls = responsetypes.from_args(headers=headers, url=self.request.url, body=data)
        return cls(**common, flags=flags, body=data)

    def _in_file(self, download: Download, flags: Sequence[str] = ()) -> FileResponse:
        assert self._head is not None
        fields = self._attempt.merged(self._head.fields)
        return FileResponse.of(self._head, fields, self.request.url, download, [*flags])

    def _common(self) -> dict[str, Any]:
        head = self._head
        assert head is not None
        return {
            "url": self.request.url,
            "status": head.status,
            # Raw bytes: headers need not be valid text.
            "headers": self._attempt.merged(head.fields),
            "protocol": head.protocol,
        }
