"""Creates the requests for lines: the spider sends the first one, the scheduler those after a wait.

Lines that need no download pass through the engine, too, so that each line ends in its own
callback or errback.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from scrapy import Request

from imagefetch.errors import Failure, InvalidRecord, InvalidURL
from imagefetch.line import Line
from imagefetch.meta import DUPLICATE_OF, FAILURE, KEY, LINE, STREAM_TO
from imagefetch.urls import is_plain, key_of, standard_url

# URL of requests for lines that need no download.
NOWHERE = "about:blank"


class RequestFactory:
    """Creates requests with the same callbacks, whose bodies are streamed into the same folder."""

    def __init__(
        self, callback: Callable[..., Any], errback: Callable[..., Any], stream_to: Path
    ) -> None:
        self.callback = callback
        self.errback = errback
        self.stream_to = stream_to

    def download(self, line: Line, **meta: Any) -> Request:
        """Return a request that downloads *line*.

        :raises Failure: if no request can be made of its text
        """
        if line.invalid:
            raise InvalidRecord
        try:
            plain = is_plain(line.url)
            url = line.url if plain else standard_url(line.url)
            # Scrapy would not change a plain URL, but parse it, which takes as long as all else.
            request = self._request(url, {LINE: line, "verbatim_url": plain, **meta})
        except ValueError as error:  # raised by w3lib or IDNA
            raise InvalidURL from error
        del request.meta["verbatim_url"]  # which would apply to the target of a redirect, too
        request.meta[KEY] = key_of(request.url)
        request.meta[STREAM_TO] = self.stream_to
        return request

    def duplicate(self, line: Line, key: bytes) -> Request:
        """Return a request whose record copies that of the first line with *key*."""
        return self._request(NOWHERE, {LINE: line, DUPLICATE_OF: key})

    def failed(self, line: Line, failure: Failure) -> Request:
        """Return a request that fails with *failure* without being sent."""
        return self._request(NOWHERE, {LINE: line, FAILURE: failure})

    def _request(self, url: str, meta: dict[str, Any]) -> Request:
        return Request(
            url, callback=self.callback, errback=self.errback, meta=meta, dont_filter=True
        )


def give_up(request: Request, failure: Failure) -> Request:
    """Let *request* fail with *failure* without being sent; return it."""
    request.meta.update({FAILURE: failure, "dont_retry": True})
    return request
