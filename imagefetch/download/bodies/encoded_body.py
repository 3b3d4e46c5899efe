"""Stores encoded bodies until they are complete, then decodes them in a thread.

Decoding while the bytes arrive would occupy the event loop, and keep a decoder window in
memory for each body in flight: hundreds at once, for as long as slow servers take.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Event
from typing import IO, TypeVar

from imagefetch.download.bodies.content_encoding import SLICE, decode, decoder
from imagefetch.errors import IncompleteBody, store_error
from imagefetch.images.detection import HEAD, format_of
from imagefetch.output.partial_files import BodyBuffer, Download, PartialFile
from imagefetch.utils.processes.offload import offload

# Maximum bytes of a body in memory; a larger body is written to a file in portions of this size.
PORTION = 2**18

Result = TypeVar("Result")


class EncodedFile(BodyBuffer):
    """An encoded body: in memory if it is small, else in an unnamed file in *path*'s folder."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file: IO[bytes] | None = None

    def write_out(self) -> None:
        """Write the gathered bytes to the file.

        :raises StoreError: if the file system fails
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

    async def decoded_into(self, codings: list[str], path: Path, max_size: int) -> Download:
        """Decode the body into a new file at *path*; on any error leave no file.

        :raises Failure: as `imagefetch.download.bodies.content_encoding.decode` does
        :raises NotAnImage: as soon as the first bytes show it
        :raises StoreError: if the file system fails
        """
        return await _until_stopped(partial(self._decode, codings, path, max_size))

    def _decode(
        self, codings: list[str], path: Path, max_size: int, stopped: Callable[[], bool]
    ) -> Download:
        decompressor = decoder(codings)
        assert decompressor is not None
        part = PartialFile(path)
        checked = False
        try:
            for piece in decode(decompressor, self._slices(), max_size, stopped):
                part.gather(piece)
                if not checked and part.size >= HEAD:
                    format_of(part.head)
                    checked = True
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


async def decoded(codings: list[str], data: bytes, max_size: int) -> tuple[bytes, bool]:
    """Decode *data* from its encodings; return the result and whether it is complete.

    :raises Failure: as `imagefetch.download.bodies.content_encoding.decode` does
    """
    decompressor = decoder(codings)
    if decompressor is None or not data:
        return data, True

    def work(stopped: Callable[[], bool]) -> tuple[bytes, bool]:
        result = bytearray()
        try:
            for piece in decode(decompressor, [data], max_size, stopped):
                result += piece
        except IncompleteBody:
            return bytes(result), False
        return bytes(result), True

    return await _until_stopped(work)


async def _until_stopped(work: Callable[[Callable[[], bool]], Result]) -> Result:
    """Run *work* in a thread; its argument returns True once the caller was cancelled."""
    stopped = Event()
    return await offload(work, stopped.is_set, on_cancel=stopped.set)
