"""Bodies in a Content-Encoding: kept as sent until all of them came, then decoded in a thread.

Decoding as the bytes come would hold a window for each body under way, hundreds at
once, for as long as a slow server likes, and take the event loop's time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Event
from typing import IO, TypeVar

from imagefetch.download.content_encoding import SLICE, decode, decoder
from imagefetch.errors import IncompleteBody, store_error
from imagefetch.images.formats import HEAD, format_of
from imagefetch.output.partial_files import Download, Gathered, PartialFile
from imagefetch.utils.offload import offload

# Bytes of a body that are kept in memory; of a larger one, those not yet written.
PORTION = 2**18

Result = TypeVar("Result")


class EncodedFile(Gathered):
    """An encoded body: in memory while it is small, else in an unnamed file in *path*'s folder."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file: IO[bytes] | None = None

    def write_out(self) -> None:
        """Write what was gathered.

        :raises StoreError: if the file system refuses
        """
        data = self.take()
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self.path.parent, buffering=0)
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise store_error(self.path, error) from error

    async def decoded_into(self, coding: str, path: Path, max_size: int) -> Download:
        """Decode it into a new file at *path*; on any error leave none.

        :raises Failure: as `imagefetch.download.content_encoding.decode` does
        :raises NotAnImage: as soon as the first bytes show it
        :raises StoreError: if the file system refuses
        """
        return await _until_stopped(partial(self._decode, coding, path, max_size))

    def _decode(
        self, coding: str, path: Path, max_size: int, stopped: Callable[[], bool]
    ) -> Download:
        inflate = decoder(coding)
        assert inflate is not None
        part = PartialFile(path)
        known = False
        try:
            for piece in decode(inflate, self._slices(), max_size, stopped):
                part.gather(piece)
                if not known and part.size >= HEAD:
                    format_of(part.head)
                    known = True
                if part.gathered >= PORTION:
                    part.write_out()
            if stopped():
                part.discard()
                return Download()
            return part.finish()
        except BaseException:
            part.discard()
            raise

    def _slices(self) -> Iterator[bytes | bytearray]:
        if self._file is not None:
            try:
                self._file.seek(0)
                while data := self._file.read(SLICE):
                    yield data
            except OSError as error:
                raise store_error(self.path, error) from error
        yield self.take()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


async def decoded(coding: str, data: bytes, max_size: int) -> tuple[bytes, bool]:
    """Return what *data*, in the encoding *coding*, decodes to, and whether it came whole.

    :raises Failure: as `imagefetch.download.content_encoding.decode` does
    """
    inflate = decoder(coding)
    if inflate is None or not data:
        return data, True

    def work(stopped: Callable[[], bool]) -> tuple[bytes, bool]:
        found = bytearray()
        try:
            for piece in decode(inflate, [data], max_size, stopped):
                found += piece
        except IncompleteBody:
            return bytes(found), False
        return bytes(found), True

    return await _until_stopped(work)


async def _until_stopped(work: Callable[[Callable[[], bool]], Result]) -> Result:
    """Return what *work* returns in a thread; it is told when nobody waits for that any more."""
    stopped = Event()
    return await offload(work, stopped.is_set, on_cancel=stopped.set)
