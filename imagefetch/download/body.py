"""Reading an answer's body, within every bound it has."""

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
from imagefetch.download.framing import told_of_bad_chunks
from imagefetch.download.tracing import Timing
from imagefetch.errors import BadHTTP, IncompleteBody, TooLarge, TooSlow
from imagefetch.images.formats import HEAD, format_of
from imagefetch.output.disk_io import Disk
from imagefetch.output.partial_files import Download, PartialFile

# A body that nobody wants (of a 404, of a redirect) is read up to so many bytes
# and seconds, so that its connection can be used again. One that takes more, or
# breaks off, costs its connection instead: its status is known.
UNWANTED_MAX = 2**18
UNWANTED_SECONDS = 2.0

# Bytes of a body that are written and hashed at once, in a thread, while more come.
PORTION = 2**18


class MinimumSpeed:
    """Ends a transfer that falls below a speed: a context manager around it.

    In each *window* of seconds at least *min_speed* × *window* bytes must be
    counted. A *min_speed* of 0 lets any pace do.

    :raises TooSlow: on leaving, where the transfer was ended
    """

    def __init__(self, min_speed: float, window: float) -> None:
        self.window = window
        self.quota = min_speed * window
        self.got = 0
        self.timeout = asyncio.timeout(window if min_speed else None)

    def rest(self) -> None:
        """Stop measuring: all bytes came."""
        self.timeout.reschedule(None)

    def count(self, size: int) -> None:
        """Note that *size* bytes came."""
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
    """What a body may not exceed, and who is told of its pieces."""

    max_size: int
    """Bytes, as sent and as decoded; 0: any."""
    pace: MinimumSpeed
    tell: Callable[[bytes], None]
    """Called with each piece as it was sent; ends the download by raising."""


async def read_pieces(
    answer: aiohttp.ClientResponse, bounds: Bounds
) -> AsyncGenerator[bytes, None]:
    """Yield the body as it comes, as sent.

    :raises TooLarge: past ``max_size``
    :raises IncompleteBody: if it breaks off
    :raises BadHTTP: if it is malformed
    """
    connection = answer.connection
    protocol = None if connection is None else connection.protocol
    if bounds.max_size and (answer.content_length or 0) > bounds.max_size:
        raise TooLarge
    received = 0
    with told_of_bad_chunks(answer) as count:
        async for chunk in answer.content.iter_any():
            received += len(chunk)
            count(len(chunk))
            bounds.pace.count(len(chunk))
            if bounds.max_size and received > bounds.max_size:
                raise TooLarge
            yield chunk
            bounds.tell(chunk)
    if protocol is not None and isinstance(protocol.exception(), aiohttp.ClientOSError):
        # A body without a length ends with its connection; aiohttp takes a
        # reset for such an end.
        raise IncompleteBody


async def save(
    answer: aiohttp.ClientResponse,
    path: Path,
    bounds: Bounds,
    disk: Disk,
    timing: Timing | None = None,
) -> Download:
    """Write the body, decoded, into *path*; on any error leave no file. *timing* is told how
    long it took.

    :raises NotAnImage: as soon as the first bytes show it
    :raises BadEncoding, IncompleteBody: if it is not what its Content-Encoding says
    :raises Failure: as `read_pieces` does
    :raises StoreError: if the file system refuses
    """
    if decoder(content_coding(answer)) is not None:
        return await save_decoded(answer, path, bounds, disk, timing)
    part = PartialFile(path)
    known = False
    try:
        async with aclosing(read_pieces(answer, bounds)) as pieces:
            async for piece in pieces:
                part.gather(piece)
                if not known and part.size >= HEAD:
                    format_of(part.head)
                    known = True
                if part.gathered >= PORTION:
                    with timing.writing() if timing else nullcontext():
                        await disk.run(part.write_out, heavy=True)
        with timing.writing() if timing else nullcontext():
            return await disk.run(part.finish)
    except BaseException:
        part.discard()
        raise


def content_coding(answer: aiohttp.ClientResponse) -> str:
    return answer.headers.get("Content-Encoding", "")


async def save_decoded(
    answer: aiohttp.ClientResponse,
    path: Path,
    bounds: Bounds,
    disk: Disk,
    timing: Timing | None,
) -> Download:
    """Do as `save` does for an encoded body.

    It is decoded when all of it has come: a slow server holds no decoder's memory.
    """
    coding = content_coding(answer)
    known = False
    with closing(EncodedFile(path)) as encoded:
        async with aclosing(read_pieces(answer, bounds)) as pieces:
            async for piece in pieces:
                encoded.gather(piece)
                if not known and encoded.size >= HEAD:
                    check_first(first_piece(coding, encoded.head), bounds)
                    known = True
                if encoded.gathered >= PORTION:
                    with timing.writing() if timing else nullcontext():
                        await disk.run(encoded.write_out, heavy=True)
        bounds.pace.rest()
        with timing.writing() if timing else nullcontext():
            return await encoded.decoded_into(coding, path, bounds.max_size)


def check_first(piece: bytes, bounds: Bounds) -> None:
    """Look whether the first *piece* of a decoded body shows already that it isn't kept.

    :raises TooLarge, NotAnImage: if so
    """
    if bounds.max_size and len(piece) > bounds.max_size:
        raise TooLarge
    if len(piece) >= HEAD:
        format_of(piece[:HEAD])


async def skip(answer: aiohttp.ClientResponse) -> None:
    """Read a body that nobody wants, or close its connection where that takes too much."""
    received = 0
    try:
        async with asyncio.timeout(UNWANTED_SECONDS):
            with told_of_bad_chunks(answer) as count:
                async for chunk in answer.content.iter_any():
                    received += len(chunk)
                    count(len(chunk))
                    if received > UNWANTED_MAX:
                        break
                else:
                    return
    except (aiohttp.ClientError, BadHTTP, TimeoutError):
        pass
    answer.close()
