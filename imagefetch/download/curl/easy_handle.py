"""A handle of libcurl that is reused for one transfer after another, and its callbacks.

What is the same for all transfers is set once; the rest only where it differs from the transfer
before. Nothing is raised in a callback: libcurl can't pass it on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pycurl

from imagefetch.download.curl.connection import Connection
from imagefetch.download.curl.error_mapping import Code
from imagefetch.download.curl.idle_sockets import IdleSockets
from imagefetch.download.curl.response_head import Head, status_of
from imagefetch.download.curl.transfer import Options, ResponseComplete, Transfer
from imagefetch.errors import BadHTTP, HeadersTooLarge
from imagefetch.utils.processes.taskless import PromptFuture

# Maximum bytes of a header. libcurl limits all headers of a request, those of 1xx responses
# included, to 300 KiB and 5,000 lines.
LINE_MAX = 2**16

# Maximum 1xx responses before the final one.
INTERIM_MAX = 12_000

ABORT = -1
"""Returned by a callback to end the transfer."""

PAUSE: int = pycurl.WRITEFUNC_PAUSE  # with its type


class Handle:
    """An easy handle of libcurl and the state of its transfer; `connection` has the callbacks
    that come before the response."""

    def __init__(
        self, options: Options, idle: IdleSockets, resume: Callable[[Handle], None]
    ) -> None:
        """*options*: those of all transfers; *resume*: continues the paused transfer."""
        self.easy = pycurl.Curl()
        self._resume = resume
        self._idle = idle
        self.connection = Connection(idle)
        self._set: dict[int, Any] = {}
        self.transfer: Transfer
        self.done: PromptFuture[Code]
        for option, value in options:
            self.easy.setopt(option, value)
        self.easy.setopt(pycurl.HEADERFUNCTION, self._on_header)
        self.easy.setopt(pycurl.WRITEFUNCTION, self._on_body)
        self.easy.setopt(pycurl.OPENSOCKETFUNCTION, self.connection.on_open)
        self.easy.setopt(pycurl.PREREQFUNCTION, self.connection.on_send)

    def begin(self, transfer: Transfer, done: PromptFuture[Code]) -> None:
        """Prepare for *transfer*; *done* gets its outcome."""
        self.transfer = transfer
        self.done = done
        self.error: Exception | None = None
        """What a callback raised."""
        self.enough = False
        """Whether the consumer ended the transfer, with a complete response."""
        self.head: Head | None = None
        """Of the final response, once its headers are complete."""
        self.lines: list[bytes] = []
        """The lines of the response until its headers are complete."""
        self.blank_first = False
        """Whether there was an empty line before the status line."""
        self.header_bytes = 0
        self.interim = 0
        """1xx responses."""
        self.bodiless = any(option == pycurl.NOBODY for option, _ in transfer.options)
        self.received = 0
        """Bytes of the body, as sent."""
        self.paused = False
        self.tunnelled = False
        """Whether a proxy has established a tunnel."""
        self.connection.begin(transfer)
        self._set_options(transfer)

    def _set_options(self, transfer: Transfer) -> None:
        setopt, known = self.easy.setopt, self._set
        setopt(pycurl.REQUEST_TARGET, transfer.target)
        if transfer.resolve:
            setopt(pycurl.RESOLVE, transfer.resolve)
        # A connection that is held would be closed at once if it were forbidden to use it again.
        is_kept = transfer.hold or (transfer.keep and self._idle.trusts(transfer.origin))
        reuse = 0 if is_kept else 1
        for option, value in (
            (pycurl.URL, transfer.origin),
            (pycurl.HTTPHEADER, transfer.headers),
            (pycurl.FRESH_CONNECT, reuse),
            (pycurl.FORBID_REUSE, reuse),
            # The request waits for a connection that is being established, rather than open one
            # more: it may carry both. Without TLS, there is no HTTP/2, and it would wait in vain.
            (pycurl.PIPEWAIT, int(transfer.origin.startswith("https:"))),
            *transfer.options,
        ):
            if known.get(option) != value:
                known[option] = value
                setopt(option, value)

    def forget(self) -> None:
        """Drop the references to the last transfer: its body may be in memory."""
        del self.transfer, self.done
        self.connection.forget()
        self.head = self.error = None
        self.lines = []

    def end(self, code: Code) -> None:
        """Record that the transfer has ended."""
        head = self.head
        # A connection of HTTP/2 may bring bytes at any time.
        if self.transfer.keep and head is not None and head.protocol.startswith("HTTP/1"):
            number = self.easy.getinfo(pycurl.ACTIVESOCKET)
            self.connection.end(number, head, succeeded=code.number == 0)
        self.error = self.error or self.connection.error

    def _abort(self, error: Exception) -> int:
        if isinstance(error, ResponseComplete):
            self.enough = True
        else:
            self.error = error
        return ABORT

    def _on_header(self, line: bytes) -> int | None:
        """Called with each line of headers and trailers, the empty one included."""
        if self.head is not None:
            return None  # a trailer
        self.header_bytes += len(line)
        if len(line) > 2:
            self.lines.append(line)
            return None if len(line) <= LINE_MAX else self._abort(HeadersTooLarge())
        if line.strip(b"\r\n"):
            self.lines.append(line)
            return None
        lines, self.lines = self.lines, []
        try:
            self._end_of_headers(lines)
        except Exception as error:
            self.lines = lines
            return self._abort(error)
        return None

    def _end_of_headers(self, lines: list[bytes]) -> None:
        if not lines:
            self.blank_first = True
            return
        status = status_of(lines[0])
        if not self.connection.sent:  # of a proxy, in response to CONNECT
            self.tunnelled = 200 <= status < 300
            return
        if 100 <= status < 200 and status != 101:
            self.interim += 1
            if self.interim > INTERIM_MAX:
                raise HeadersTooLarge
            return
        head = Head(lines)
        if head.protocol == "HTTP/2" and not self.transfer.origin.startswith("https:"):
            raise BadHTTP
        self.head = head
        self.transfer.consumer.begin(head)

    def _on_body(self, data: bytes) -> int | None:
        try:
            head = self.head
            if head is None:
                raise BadHTTP
            if head.unframed and self.received + len(data) >= (head.length or 0):
                data = data[: (head.length or 0) - self.received]
                if self.transfer.consumer.feed(data):
                    self.received += len(data)
                    raise ResponseComplete
            elif self.transfer.consumer.feed(data):
                self.received += len(data)
                return None
        except Exception as error:
            return self._abort(error)
        self.paused = True
        busy = self.transfer.consumer.busy
        assert busy is not None
        busy.add_done_callback(lambda _: self._resume(self))
        return PAUSE
