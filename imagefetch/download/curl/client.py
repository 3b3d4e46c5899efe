"""Performs transfers with libcurl, on the event loop."""

from __future__ import annotations

import asyncio

import pycurl

from imagefetch.download.curl.deadlines import Deadline, on_socket
from imagefetch.download.curl.easy_handle import Handle
from imagefetch.download.curl.error_mapping import LOCAL, Code
from imagefetch.download.curl.event_loop import CurlLoop
from imagefetch.download.curl.idle_sockets import IdleSockets
from imagefetch.download.curl.transfer import Options, ResponseComplete, Transfer
from imagefetch.utils.processes.taskless import PromptFuture

# Attempts to open a connection when this machine has no free socket, and seconds between two.
TRIES = 20
PAUSE = 0.1

# Seconds that an idle connection is kept open. Servers close theirs after 5 or
# more; a request on a connection that is being closed is a wasted attempt.
KEEPALIVE = 4

NO_LIMIT = 2**31 - 1
"""Milliseconds; `imagefetch.download.curl.deadlines` ends what takes too long."""

STOPPED = Code(-1, "")

BASE: Options = (
    (pycurl.NOSIGNAL, 1),
    (pycurl.PROXY, ""),  # none of the environment's
    (pycurl.NOPROXY, ""),
    (pycurl.CONNECTTIMEOUT_MS, NO_LIMIT),
    (pycurl.MAXAGE_CONN, KEEPALIVE),
    (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
    (pycurl.PATH_AS_IS, 1),
    (pycurl.HEADEROPT, pycurl.HEADER_SEPARATE),
    (pycurl.SSL_VERIFYHOST, 2),
    (pycurl.DNS_CACHE_TIMEOUT, 60),
)
"""Options of every transfer."""


class CurlClient:
    """The connections and transfers of one run."""

    def __init__(self, options: Options, connections: int, interval: float) -> None:
        """*options*: those of every transfer, besides `BASE`; *connections*: the most that are
        open at once; *interval*: seconds between two checks of all transfers."""
        self._options = (*BASE, *options)
        self._curl = CurlLoop(self._on_done, self._on_busy, connections)
        self._idle = IdleSockets(2 * connections)
        self._interval = interval
        self._free: list[Handle] = []
        self._running: dict[pycurl.Curl, tuple[Handle, Deadline]] = {}
        self._attached: set[pycurl.Curl] = set()
        """Those that the multi handle has."""
        self._sweep: asyncio.TimerHandle | None = None

    def time(self) -> float:
        return self._curl.loop.time()

    async def perform(self, transfer: Transfer, deadline: Deadline) -> tuple[Handle, Code]:
        """Perform *transfer*; return its handle, to be passed to `release`, and how it ended."""
        tries = TRIES
        while True:
            handle = self._free.pop() if self._free else self._new()
            code = await self._perform(handle, transfer, deadline)
            if handle.connection.is_stale:
                self.release(handle)
                continue  # nothing was sent
            error = handle.connection.socket_error
            if error is None or error.errno not in LOCAL or not (tries := tries - 1):
                return handle, code
            self.release(handle)
            await self.close_idle_connections()

    async def close_idle_connections(self) -> None:
        """Close all idle connections, since this machine has no free socket; then wait a little.

        libcurl does so for a new connection while their number is limited: one that is never
        opened.
        """
        easy = pycurl.Curl()
        for option, value in BASE:
            easy.setopt(option, value)
        easy.setopt(pycurl.URL, "http://127.0.0.1:1/")
        easy.setopt(pycurl.FRESH_CONNECT, 1)
        easy.setopt(pycurl.OPENSOCKETFUNCTION, lambda *_: pycurl.SOCKET_BAD)
        self._curl.limit(len(self._running) + 1)
        self._curl.add(easy)
        try:
            await asyncio.sleep(PAUSE)
        finally:
            self._curl.limit(0)
            self._curl.remove(easy)
            easy.close()

    async def _perform(self, handle: Handle, transfer: Transfer, deadline: Deadline) -> Code:
        done: PromptFuture[Code] = PromptFuture(loop=self._curl.loop)
        handle.begin(transfer, done)
        self._running[handle.easy] = handle, deadline
        if self._sweep is None:
            self._sweep = self._curl.loop.call_later(self._interval, self._check_all)
        self._curl.add(handle.easy)
        self._attached.add(handle.easy)
        try:
            return await done
        finally:
            if handle.easy in self._running:  # cancelled
                self._stop(handle)

    def _new(self) -> Handle:
        return Handle(self._options, self._idle, self.resume)

    def release(self, handle: Handle) -> None:
        """Take *handle* back for further transfers."""
        handle.forget()
        self._free.append(handle)

    def close_handle(self, handle: Handle) -> None:
        """Close a handle whose transfer was to `hold` it, and its connection."""
        self._detach(handle)
        handle.easy.close()

    def resume(self, handle: Handle) -> None:
        """Continue a transfer whose consumer has refused a piece."""
        handle.paused = False
        if handle.easy in self._running:
            self._curl.resume(handle.easy)

    def close(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        for handle, _ in list(self._running.values()):
            self._stop(handle)
        for handle in self._free:
            handle.easy.close()
        self._free.clear()
        self._curl.close()

    def _on_done(self, easy: pycurl.Curl, code: Code) -> None:
        if easy not in self._running:
            return  # of close_idle_connections()
        handle, _ = self._running.pop(easy)
        handle.end(code)
        if not handle.transfer.hold:
            self._detach(handle)
        self._finish(handle, code)

    def _detach(self, handle: Handle) -> None:
        if handle.easy in self._attached:
            self._attached.discard(handle.easy)
            self._curl.remove(handle.easy)

    def _stop(self, handle: Handle, error: Exception | None = None) -> None:
        """End the transfer of *handle*, and its connection."""
        del self._running[handle.easy]
        self._detach(handle)
        if isinstance(error, ResponseComplete):
            handle.enough = True
        else:
            handle.error = error
        self._finish(handle, STOPPED)

    def _finish(self, handle: Handle, code: Code) -> None:
        """Pass the outcome on. Call it last: the handle may be in use again afterwards."""
        if not handle.done.done():
            handle.done.finish(code)

    def _check_all(self) -> None:
        now = self.time()
        for handle, deadline in list(self._running.values()):
            if error := deadline.check(handle, self._active_at, now):
                self._stop(handle, error)
        again = bool(self._running)
        loop = self._curl.loop
        self._sweep = loop.call_later(self._interval, self._check_all) if again else None

    def _active_at(self, handle: Handle) -> float:
        """Return when the connection of *handle* was active last; 0 if others use it, too."""
        number = handle.easy.getinfo(pycurl.ACTIVESOCKET)
        users = on_socket([each for each, _ in self._running.values()], number)
        return self._curl.active.get(number, 0.0) if len(users) == 1 else 0.0

    def _on_busy(self, number: int) -> None:
        chunked = [
            handle for handle, _ in self._running.values() if handle.head and handle.head.chunked
        ]
        for handle in on_socket(chunked, number):
            if error := self._running[handle.easy][1].check_framing(handle, number):
                self._stop(handle, error)
