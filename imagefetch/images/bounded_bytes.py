"""Reads bytes of an image file, within limits on reads, bytes and time."""

from __future__ import annotations

import math
import time
from typing import IO

# Limits of a parser for one file: reads, and seconds on a slow disk. Phones write dozens of
# segments, Photoshop hundreds.
READS = 6_000
SECONDS = 10.0

# Maximum bytes of one file that all its parsers together read.
BYTES = 15 * 2**19

# Limits of all parsers together on the event loop, for one file: at most about 0.5 ms.
QUICK_READS = 500
QUICK_BYTES = 2**16

BLOCK = 4_096  # bytes read at once while searching forward


class Bytes:
    """The bytes of an open file. Only the bytes of a requested slice are read.

    :raises TooLongError: from a read that exceeds the limits of a parser
    :raises TakesLongerError: from a read that exceeds those of the event loop, if *quick* is true
    """

    def __init__(self, file: IO[bytes], *, quick: bool = False) -> None:
        self._file = file
        self._size = file.seek(0, 2)
        self._quick = quick
        self._reads = QUICK_READS
        self._bytes = QUICK_BYTES if quick else BYTES
        self._end = math.inf
        self.renew()

    def renew(self) -> None:
        """Reset the limits for another parser, except that on bytes; those of the event loop stay
        as they are."""
        if not self._quick:
            self._reads = READS
            self._end = time.monotonic() + SECONDS

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, key: slice) -> bytes:
        start, stop, _ = key.indices(self._size)
        length = stop - start if stop > start else 0
        self._reads -= 1
        self._bytes -= length
        if self._reads < 0 or self._bytes < 0:
            raise TakesLongerError if self._quick else TooLongError
        if not self._quick and time.monotonic() > self._end:
            raise TooLongError
        self._file.seek(start)
        return self._file.read(length)

    def find(self, mark: int, start: int) -> int:
        """Return the offset of the first byte *mark* from *start* on; -1 if there is none."""
        for at in range(start, self._size, BLOCK):
            index = self[at : at + BLOCK].find(mark)
            if index >= 0:
                return at + index
        return -1


class MalformedError(Exception):
    """The header is malformed or truncated."""


class UnknownSizeError(Exception):
    """The header may be valid, but its size can't be told."""


class TooLongError(UnknownSizeError):
    """Reading the header would exceed the limits."""


class NotThisFormatError(Exception):
    """The file begins like one of this format, and is something else."""


class TakesLongerError(Exception):
    """The header must be read in a thread."""


def read_exact(data: Bytes, at: int, length: int) -> bytes:
    """Return the *length* bytes from the offset *at*.

    :raises MalformedError: if there are fewer
    """
    chunk = data[at : at + length]
    if len(chunk) < length:
        raise MalformedError
    return chunk


def byte(data: Bytes, at: int) -> int:
    """Return the byte at the offset *at*.

    :raises MalformedError: if that is past the end
    """
    return read_exact(data, at, 1)[0]
