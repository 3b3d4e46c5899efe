"""Keeps the interrupted bodies of a run until the next request for their line, or until its row.

A body waits as a closed file in the folder for partial files, its SHA-256 in memory. There are at
most `HELD_MAX` bytes of them, and so at most `HELD_MAX` / `CONTINUED_MIN` entries.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from scrapy import Request

from imagefetch.download.bodies.continuation import CONTINUED_MIN, Interrupted, is_plain
from imagefetch.errors import StoreError
from imagefetch.meta import CONTINUED, KEY, STREAM_TO

HELD_MAX = 2**30
"""Maximum bytes of interrupted bodies that wait; one may be larger if no other waits."""

# Requests for the rest in a row that may bring nothing. Then the whole is asked for, since the
# server may fail because of the range.
FRUITLESS_MAX = 2


@dataclass(slots=True)
class _Line:
    """What is known of a line with an interrupted body."""

    body: Interrupted | None = None
    free: int = 0
    """Requests that cost the line no try."""
    seconds: float = 0.0
    """Duration of these."""
    fruitless: int = 0
    refused: bool = False
    """Whether its server has sent another range than was asked for, or refused to send one."""


class InterruptedBodies:
    """The interrupted bodies of a run, by the key of their line."""

    def __init__(self, timeout: float) -> None:
        """*timeout*: seconds that the requests which cost a line no try may take together."""
        self._timeout = timeout
        self._lines: dict[bytes, _Line] = {}
        self._held = 0
        """Bytes of all bodies."""

    def rest_of(self, request: Request) -> Interrupted | None:
        """Return the body whose rest *request* shall ask for; None: the whole.

        Set `CONTINUED` in its meta.

        :raises StoreError: if the file system fails
        """
        line = self._lines.get(request.meta.get(KEY, b"")) if STREAM_TO in request.meta else None
        if line is None:
            return None
        request.meta[CONTINUED] = line.free
        body = line.body
        if body is None or body.url != request.url or not is_plain(request):
            return None
        if body.part.is_intact():
            return body
        self.drop(request)
        return None

    def keep(self, request: Request, body: Interrupted, brought: int | None, took: float) -> bool:
        """Keep *body*, which broke off; return False if it must be removed instead.

        *brought*: the bytes of it that *request* has brought if it asked for the rest, else None;
        *took*: seconds.

        :raises StoreError: if the file system fails
        """
        line = self._lines.get(request.meta[KEY], _Line())
        if brought is not None:
            if brought >= CONTINUED_MIN and line.seconds + took <= self._timeout:
                line.free += 1
                line.seconds += took
            line.fruitless = 0 if brought else line.fruitless + 1
        request.meta[CONTINUED] = line.free
        self.drop(request)  # of another URL, to which the line was redirected before
        is_full = bool(self._held) and self._held + body.size > HELD_MAX
        if is_full or line.refused or line.fruitless >= FRUITLESS_MAX:
            return False
        self._lines[request.meta[KEY]] = line
        line.body = body
        self._held += body.size
        return True

    def release(self, request: Request) -> None:
        """Forget the body of *request*'s line, whose file is being written again."""
        line = self._lines[request.meta[KEY]]
        if line.body is not None:
            self._held -= line.body.size
            line.body = None

    def drop(self, request: Request) -> None:
        """Remove the body of *request*'s line.

        :raises StoreError: if the file system fails
        """
        if (line := self._lines.get(request.meta[KEY])) is not None and line.body is not None:
            part = line.body.part
            self.release(request)
            part.discard()

    def refuse(self, request: Request) -> None:
        """Remove the body of *request*'s line, whose server does not send the range: the whole is
        asked for from now on. The request costs the line no try, since without the range it might
        have been answered.

        :raises StoreError: if the file system fails
        """
        self.drop(request)
        line = self._lines[request.meta[KEY]]
        line.refused = True
        line.free += 1
        request.meta[CONTINUED] = line.free

    def note_fruitless(self, request: Request) -> None:
        """Record that *request* asked for the rest, and got no response, or an error.

        :raises StoreError: if the file system fails
        """
        line = self._lines[request.meta[KEY]]
        line.fruitless += 1
        if line.fruitless >= FRUITLESS_MAX:
            self.drop(request)

    def clear(self) -> None:
        """Remove all that is kept, as far as the file system lets."""
        for key in list(self._lines):
            with suppress(StoreError):
                self.end(key)

    def end(self, key: bytes) -> None:
        """Remove what is kept for the line with *key*, which has its row.

        :raises StoreError: if the file system fails
        """
        line = self._lines.pop(key, None)
        if line is not None and line.body is not None:
            self._held -= line.body.size
            line.body.part.discard()
