"""Reading an answer's body, within every bound it has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import aiohttp

from imagefetch.decode import decoder
from imagefetch.errors import IncompleteBody, TooLarge, TooSlow
from imagefetch.partials import Download, PartialFile
from imagefetch.probe import HEAD, format_of

# Bytes of an unwanted body (of a 404, of a redirect) that are read so that the
# connection can be used again; a longer one costs its connection instead.
UNWANTED_MAX = 2**18


class Pace:
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

    def count(self, size: int) -> None:
        """Note that *size* bytes came."""
        self.got += size
        if self.quota and self.got >= self.quota:
            self.got = 0
            self.timeout.reschedule(asyncio.get_running_loop().time() + self.window)

    async def __aenter__(self) -> Pace:
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
    pace: Pace
    tell: Callable[[bytes], None]
    """Called with each piece as it was sent; ends the download by raising."""


async def read_pieces(answer: aiohttp.ClientResponse, bounds: Bounds) -> AsyncIterator[bytes]:
    """Yield the body as it comes, its Content-Encoding undone.

    :raises TooLarge: past ``max_size``
    :raises BadEncoding, IncompleteBody: if it is not what its Content-Encoding says
    """
    inflate = decoder(answer.headers.get("Content-Encoding", ""))
    connection = answer.connection
    protocol = None if connection is None else connection.protocol
    if bounds.max_size and (answer.content_length or 0) > bounds.max_size:
        raise TooLarge
    received = decoded = 0
    async for chunk in answer.content.iter_any():
        received += len(chunk)
        bounds.pace.count(len(chunk))
        bounds.tell(chunk)
        for piece in (chunk,) if inflate is None else inflate.feed(chunk):
            decoded += len(piece)
            if bounds.max_size and max(received, decoded) > bounds.max_size:
                raise TooLarge
            yield piece
    if inflate is not None:
        inflate.finish()
    if protocol is not None and isinstance(protocol.exception(), aiohttp.ClientOSError):
        # A body without a length ends with its connection; aiohttp takes a
        # reset for such an end.
        raise IncompleteBody


async def save(answer: aiohttp.ClientResponse, path: Path, bounds: Bounds) -> Download:
    """Write the body into *path*; on any error leave no file.

    :raises NotAnImage: as soon as the first bytes show it
    :raises Failure: as `read_pieces` does
    :raises StoreError: if the file system refuses
    """
    part = PartialFile(path)
    known = False
    try:
        async for piece in read_pieces(answer, bounds):
            part.write(piece)
            if not known and part.size >= HEAD:
                format_of(part.head)
                known = True
        return part.finish()
    except BaseException:
        part.discard()
        raise


async def skip(answer: aiohttp.ClientResponse, bounds: Bounds) -> None:
    """Read a body that nobody wants, or close its connection if it is long."""
    received = 0
    async for chunk in answer.content.iter_any():
        received += len(chunk)
        bounds.pace.count(len(chunk))
        if received > UNWANTED_MAX:
            answer.close()
            return
