"""Takes the pieces of response bodies, and saves those of images to files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from imagefetch.download.bodies.content_encoding import first_piece
from imagefetch.download.bodies.encoded_body import EncodedFile
from imagefetch.download.curl.transfer import ResponseComplete
from imagefetch.download.tracing import Timing
from imagefetch.errors import TooLarge
from imagefetch.images.detection import HEAD, format_of
from imagefetch.output.disk_io import Disk
from imagefetch.output.partial_files import Download, PartialFile

# Maximum bytes and seconds for reading a body that is not needed (of a 404, of a redirect), so
# that its connection can be reused. If the body exceeds them or is truncated, the connection
# is closed instead: the status is known already.
UNWANTED_MAX = 2**18
UNWANTED_SECONDS = 2.0

# Bytes of a body that are written and hashed at a time.
PORTION = 2**18


class Sink(Protocol):
    """Takes the pieces of a body, as sent."""

    @property
    def busy(self) -> asyncio.Future[None] | None:
        """What a refused piece waits for."""

    def feed(self, data: bytes) -> bool:
        """Take *data*; return False if it must be offered again once `busy` is done.

        :raises ResponseComplete: if the rest is not needed
        """

    async def discard(self) -> None:
        """Remove what was taken."""


class DiscardSink:
    """Discards a body, up to `UNWANTED_MAX` bytes."""

    busy = None

    def __init__(self) -> None:
        self._received = 0

    def feed(self, data: bytes) -> bool:
        self._received += len(data)
        if self._received > UNWANTED_MAX:
            raise ResponseComplete
        return True

    async def discard(self) -> None:
        pass


class InMemory:
    """Keeps a body in memory, up to *limit* bytes and one piece."""

    busy = None

    def __init__(self, limit: int) -> None:
        self.body = bytearray()
        self.limit = limit
        self.cut = False
        """Whether there were more bytes."""

    def feed(self, data: bytes) -> bool:
        self.body += data
        if len(self.body) > self.limit:
            self.cut = True
            raise ResponseComplete
        return True

    async def discard(self) -> None:
        pass


class _Written:
    """Writes portions: in the callback while the disk is fast, else in a thread.

    While a thread writes, no piece is taken: a slow disk slows down the server.
    """

    def __init__(self, disk: Disk, timing: Timing | None) -> None:
        self.busy: asyncio.Future[None] | None = None
        self._disk = disk
        self._timing = timing

    def write(self, write_out: Callable[[], None]) -> None:
        if self._timing is not None:
            write_out = self._timing.timed(write_out)
        if self._disk.is_slow:
            self.busy = asyncio.ensure_future(self._disk.run(write_out, heavy=True))
        else:
            self._disk.run_here(write_out)

    def is_busy(self) -> bool:
        """Return whether a thread writes.

        :raises StoreError: if it failed
        """
        if self.busy is None:
            return False
        if not self.busy.done():
            return True
        busy, self.busy = self.busy, None
        busy.result()
        return False

    async def settle(self) -> None:
        """Wait for the thread.

        :raises StoreError: if it failed
        """
        if self.busy is not None:
            await self.busy
            self.busy = None


class FileSink(_Written):
    """Saves a body to the file *part*, which is new or has the begin of the body."""

    def __init__(self, part: PartialFile, disk: Disk, timing: Timing | None) -> None:
        super().__init__(disk, timing)
        self.part = part
        self._checked = part.size >= HEAD

    def feed(self, data: bytes) -> bool:
        """
        :raises NotAnImage: as soon as the first bytes show it
        :raises StoreError: if the file system fails
        """
        if self.busy is not None and self.is_busy():
            return False
        part = self.part
        part.gather(data)
        if not self._checked and part.size >= HEAD:
            format_of(part.head)
            self._checked = True
        if part.gathered >= PORTION:
            self.write(part.write_out)
        return True

    async def pause(self) -> PartialFile:
        """Return the file, closed, with all that was taken.

        :raises StoreError: if the file system fails
        """
        await self.settle()
        await self._disk.run(self.part.pause)
        return self.part

    async def finish(self) -> Download:
        """Return the complete file; on any error leave none."""
        try:
            await self.settle()
            finish = self.part.finish
            if self._timing is not None:
                return await self._disk.run(self._timing.timed(finish))
            return await self._disk.run(finish)
        except BaseException:
            self.part.discard()
            raise

    async def discard(self) -> None:
        with suppress(Exception):
            await self.settle()
        self.part.discard()


class EncodedFileSink(_Written):
    """Saves an encoded body, which is decoded into a new file at *path* when it is complete.

    It is decoded then, so that slow servers occupy no decoder memory.
    """

    def __init__(
        self, path: Path, codings: list[str], max_size: int, disk: Disk, timing: Timing | None
    ) -> None:
        """*codings*: in the order in which they were applied; *max_size*: maximum bytes, as
        decoded, 0 for unlimited."""
        super().__init__(disk, timing)
        self._path = path
        self._codings = codings
        self._max_size = max_size
        self._encoded = EncodedFile(path)
        self._checked = False

    def feed(self, data: bytes) -> bool:
        """
        :raises NotAnImage, TooLarge, BadEncoding: as soon as the first bytes show it
        :raises StoreError: if the file system fails
        """
        if self.busy is not None and self.is_busy():
            return False
        encoded = self._encoded
        encoded.gather(data)
        if not self._checked and encoded.size >= HEAD:
            check_first(first_piece(self._codings, encoded.head), self._max_size)
            self._checked = True
        if encoded.gathered >= PORTION:
            self.write(encoded.write_out)
        return True

    async def finish(self) -> Download:
        """Return the decoded file; on any error leave none.

        :raises NotAnImage, Failure, StoreError: as `EncodedFile.decoded_into` does
        """
        try:
            await self.settle()
            return await self._encoded.decoded_into(self._codings, self._path, self._max_size)
        finally:
            self._encoded.close()

    async def discard(self) -> None:
        with suppress(Exception):
            await self.settle()
        self._encoded.close()


def check_first(piece: bytes, max_size: int) -> None:
    """Check the first *piece* of a decoded body, to reject it early.

    :raises TooLarge: if the piece exceeds *max_size*
    :raises NotAnImage: if it does not begin with an image signature
    """
    if max_size and len(piece) > max_size:
        raise TooLarge
    if len(piece) >= HEAD:
        format_of(piece[:HEAD])
