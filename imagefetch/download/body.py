"""Reads response bodies within limits on size, speed and framing, and saves them to files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import aiohttp

from imagefetch.download.content_encoding import decoder, first_piece
from imagefetch.download.encoded_body import EncodedFile
from imagefetch.download.framing import fail_on_bad_chunks
from imagefetch.download.tracing import Timing
from imagefetch.errors import BadHTTP, IncompleteBody, TooLarge, TooSlow
from imagefetch.images.formats import HEAD, format_of
from imagefetch.output.disk_io import Disk
from imagefetch.output.partial_files import Download, PartialFile

# Maximum bytes and seconds for reading a body that is not needed (of a 404, of a redirect), so
# that its connection can be reused. If the body exceeds them or is truncated, the connection
# is closed instead: the status is known already.
UNWANTED_MAX = 2**18
UNWANTED_SECONDS = 2.0

# Bytes of a body that are written and hashed at a time, in a thread, while more arrive.
PORTION = 2**18


class MinimumSpeed:
    """A context manager that cancels a transfer below a minimum speed.

    In each *window* (seconds), at least *min_speed* × *window* bytes must be counted.
    A *min_speed* of 0 (bytes per second) disables the check.

    :raises TooSlow: on exit, if the transfer was cancelled
    """

    def __init__(self, min_speed: float, window: float) -> None:
        self.window = window
        self.quota = min_speed * window
        self.got = 0
        self.timeout = asyncio.timeout(window if min_speed else None)

    def stop(self) -> None:
        """Stop measuring: all bytes have arrived."""
        self.timeout.reschedule(None)

    def count(self, size: int) -> None:
        """Count *size* bytes that arrived."""
        self.got += size
        if self.quota and self.got >= self.quota:
            self.got = 0
            self.timeout.reschedule(asyncio.get_running_loop().time() + self.window)

    async def __aenter__(self) -> MinimumSpeed:
        await self.timeout.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self.timeout.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise TooSlow from late


@dataclass(frozen=True)
class Bounds:
    """Limits on a body, and the callback for its pieces."""

    max_size: int
    """Maximum bytes, both as sent and decoded; 0: unlimited."""
    speed: MinimumSpeed
    on_bytes: Callable[[bytes], None]
    """Called with each piece as sent; ends the download by raising."""


async def read_pieces(
    response: aiohttp.ClientResponse, bounds: Bounds
) -> AsyncGenerator[bytes, None]:
    """Yield the body as it arrives, not decoded.

    :raises TooLarge: if it exceeds ``max_size``
    :raises IncompleteBody: if it is truncated
    :raises BadHTTP: if it is malformed
    """
    connection = response.connection
    protocol = None if connection is None else connection.protocol
    if bounds.max_size and (response.content_length or 0) > bounds.max_size:
        raise TooLarge
    received = 0
    with fail_on_bad_chunks(response) as count:
        async for chunk in response.content.iter_any():
            received += len(chunk)
            count(len(chunk))
            bounds.speed.count(len(chunk))
            if bounds.max_size and received > bounds.max_size:
                raise TooLarge
            yield chunk
            bounds.on_bytes(chunk)
    if protocol is not None and isinstance(protocol.exception(), aiohttp.ClientOSError):
        # A body without a length ends with its connection; aiohttp takes a
        # reset for a regular end.
        raise IncompleteBody


async def save(
    response: aiohttp.ClientResponse,
    path: Path,
    bounds: Bounds,
    disk: Disk,
    timing: Timing | None = None,
) -> Download:
    """Write the decoded body to *path*; on any error leave no file.

    *timing* records the time spent on writing.

    :raises NotAnImage: as soon as the first bytes show it
    :raises BadEncoding, IncompleteBody: if it doesn't match its Content-Encoding
    :raises Failure: as `read_pieces` does
    :raises StoreError: if the file system fails
    """
    if decoder(content_coding(response)) is not None:
        return await save_decoded(response, path, bounds, disk, timing)
    part = PartialFile(path)
    checked = False
    try:
        async with aclosing(read_pieces(response, bounds)) as pieces:
            async for piece in pieces:
                part.gather(piece)
                if not checked and part.size >= HEAD:
                    format_of(part.head)
                    checked = True
                if part.gathered >= PORTION:
                    with timing.writing() if timing else nullcontext():
                        await disk.run(part.write_out, heavy=True)
        with timing.writing() if timing else nullcontext():
            return await disk.run(part.finish)
    except BaseException:
        part.discard()
        raise


def content_coding(response: aiohttp.ClientResponse) -> str:
    return response.headers.get("Content-Encoding", "")


async def save_decoded(
    response: aiohttp.ClientResponse,
    path: Path,
    bounds: Bounds,
    disk: Disk,
    timing: Timing | None,
) -> Download:
    """Save an encoded body, as `save` does.

    It is decoded after all of it has arrived, so that slow servers occupy no decoder memory.
    """
    coding = content_coding(response)
    checked = False
    with closing(EncodedFile(path)) as encoded:
        async with aclosing(read_pieces(response, bounds)) as pieces:
            async for piece in pieces:
                encoded.gather(piece)
                if not checked and encoded.size >= HEAD:
                    check_first(first_piece(coding, encoded.head), bounds)
                    checked = True
                if encoded.gathered >= PORTION:
                    with timing.writing() if timing else nullcontext():
                        await disk.run(encoded.write_out, heavy=True)
        bounds.speed.stop()
        with timing.writing() if timing else nullcontext():
            return await encoded.decoded_into(coding, path, bounds.max_size)


def check_first(piece: bytes, bounds: Bounds) -> None:
    """Check the first *piece* of a decoded body, to reject it early.

    :raises TooLarge: if the piece exceeds ``max_size``
    :raises NotAnImage: if it does not begin with an image signature
    """
    if bounds.max_size and len(piece) > bounds.max_size:
        raise TooLarge
    if len(piece) >= HEAD:
        format_of(piece[:HEAD])


async def skip(response: aiohttp.ClientResponse) -> None:
    """Read and discard a body; close its connection if that takes too many bytes or seconds."""
    received = 0
    try:
        async with asyncio.timeout(UNWANTED_SECONDS):
            with fail_on_bad_chunks(response) as count:
                async for chunk in response.content.iter_any():
                    received += len(chunk)
                    count(len(chunk))
                    if received > UNWANTED_MAX:
                        break
                else:
                    return
    except (aiohttp.ClientError, BadHTTP, TimeoutError):
        pass
    response.close()
