"""One request for a body: for the whole, or for the rest of what an earlier request has brought."""

from __future__ import annotations

import time
from dataclasses import replace

from scrapy import Request
from scrapy.http import Headers

from imagefetch.download.bodies.body import FileSink, Sink
from imagefetch.download.bodies.continuation import (
    Fields,
    Interrupted,
    begin_of,
    is_everything,
    range_of,
)
from imagefetch.download.bodies.interrupted import InterruptedBodies
from imagefetch.download.curl.response_head import Head
from imagefetch.errors import (
    ClientError,
    ConnectionReset,
    DownloadTimeout,
    Failure,
    IncompleteBody,
    ResponseTimeout,
    rejection_of,
)
from imagefetch.meta import KEY
from imagefetch.output.partial_files import PartialFile

# Errors of a request that was sent, and got no response.
UNANSWERED = (ConnectionReset, ResponseTimeout, DownloadTimeout)


class Attempt:
    """A request for the body of a line."""

    def __init__(self, bodies: InterruptedBodies, request: Request) -> None:
        """:raises StoreError: if the file system fails"""
        self._bodies = bodies
        self._request = request
        self._began = time.monotonic()
        self._rest = bodies.rest_of(request)
        self._continued_from: int | None = None
        """Bytes of the body before this request, whose response continues it."""

    def asking(self, headers: Headers) -> Headers:
        """Return *headers* as they are to be sent."""
        return headers if self._rest is None else self._rest.asking(headers)

    def part_for(self, head: Head) -> PartialFile | None:
        """Return the file to which the body of the response is to be appended; None if the
        response is that to a request for the whole.

        :raises IncompleteBody: if it is neither: the next request is for the whole
        :raises StoreError: if the file system fails
        """
        rest, bodies, request = self._rest, self._bodies, self._request
        if rest is None:
            return None
        if rest.is_continued_by(head):
            bodies.release(request)
            self._continued_from = rest.size
            return rest.part
        problem = rejection_of(head.status, partial=not is_everything(head))
        if (head.status == 206 and problem is not None) or isinstance(problem, ClientError):
            bodies.refuse(request)
            raise IncompleteBody
        if problem is None:
            bodies.drop(request)  # the whole comes
        elif head.status >= 500 and head.status != 503:
            bodies.note_fruitless(request)
        return None

    def merged(self, fields: Fields) -> Fields:
        """Return the headers of the body, given those of the response."""
        if self._rest is None or self._continued_from is None:
            return fields
        return self._rest.merged(fields)

    async def keep(self, error: BaseException, sink: Sink, head: Head | None) -> bool:
        """Keep what *sink* has of a body that broke off with *error*; return False if it must be
        discarded.

        :raises StoreError: if the file system fails
        """
        if not (isinstance(error, Failure) and error.transient and KEY in self._request.meta):
            return False
        if head is None:
            if self._rest is not None and isinstance(error, UNANSWERED):
                self._bodies.note_fruitless(self._request)
            return False
        if not isinstance(sink, FileSink) or (body := self._interrupted(sink, head)) is None:
            return False
        await sink.pause()
        before = self._continued_from
        brought = None if before is None else body.size - before
        return self._bodies.keep(self._request, body, brought, time.monotonic() - self._began)

    def _interrupted(self, sink: FileSink, head: Head) -> Interrupted | None:
        if self._rest is None or self._continued_from is None:
            return begin_of(self._request, head, sink.part)
        found = range_of(head)
        if found is None or sink.part.size >= found.total:
            return None
        return replace(self._rest, total=found.total)
