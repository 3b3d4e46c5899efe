"""Drives libcurl's multi interface from the asyncio event loop.

All sockets of libcurl are in one private epoll descriptor, which is itself one reader of the
event loop: registering each socket with the loop would take as much time as a small download.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import pycurl

from imagefetch.download.curl.error_mapping import Code

Done = Callable[[pycurl.Curl, Code], None]
"""Called once for each transfer that has ended, outside of libcurl's callbacks."""

# Events of the same socket between two calls of `CurlLoop.on_busy`: each of at most ten reads of
# 16 KiB.
BUSY = 8


class Watch(Protocol):
    """Watches the sockets of libcurl."""

    def set(self, socket: int, what: int) -> None:
        """Watch *socket* for *what*, one of pycurl.POLL_*."""

    def close(self) -> None: ...


class CurlLoop:
    """A multi handle, bound to the event loop that runs when it is created."""

    def __init__(self, on_done: Done, on_busy: Callable[[int], None], connections: int) -> None:
        """*on_busy*: called after every `BUSY` events of a socket, with the socket;
        *connections*: the most that are open at once before idle ones are closed."""
        self.loop = asyncio.get_running_loop()
        self.active: dict[int, float] = {}
        """When each socket was readable or writable last (time of the event loop)."""
        self._on_done = on_done
        self._on_busy = on_busy
        self._events: dict[int, int] = {}
        self._timer: asyncio.Handle | None = None
        self._has_news = False
        self._multi = pycurl.CurlMulti()
        kind = _EpollWatch if hasattr(select, "epoll") else _LoopWatch
        self._watch: Watch = kind(self)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._multi.setopt(pycurl.M_NOTIFYFUNCTION, self._on_notify)
        self._multi.notify_enable(pycurl.M_NOTIFY_INFO_READ)
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)

    def add(self, easy: pycurl.Curl) -> None:
        """Begin a transfer."""
        self._multi.add_handle(easy)

    def remove(self, easy: pycurl.Curl) -> None:
        """End a transfer, whether it has ended by itself or not."""
        self._multi.remove_handle(easy)

    def resume(self, easy: pycurl.Curl) -> None:
        """Continue a transfer that a callback has paused."""
        easy.pause(pycurl.PAUSE_CONT)
        self._drain()

    def limit(self, connections: int) -> None:
        """Limit the connections, idle ones included: from the next transfer on, the oldest idle
        ones are closed. 0: no limit."""
        self._multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, connections)

    def close(self) -> None:
        """Close all idle connections; no transfer may be in flight."""
        if self._timer is not None:
            self._timer.cancel()
        self._multi.close()
        self._watch.close()

    def act(self, ready: list[tuple[int, int]]) -> None:
        """Let libcurl work on sockets: pairs of a socket and pycurl.CSELECT_*."""
        now = self.loop.time()
        action, active, events = self._multi.socket_action, self.active, self._events
        for socket, flags in ready:
            active[socket] = now
            action(socket, flags)
            count = events.get(socket)
            if count is not None:  # not closed or idle by now
                events[socket] = count = count + 1
                if not count % BUSY:
                    self._on_busy(socket)
        self._drain()

    def _on_socket(self, what: int, socket: int, multi: pycurl.CurlMulti, data: object) -> None:
        if what == pycurl.POLL_REMOVE:
            self._events.pop(socket, None)
            self.active.pop(socket, None)
        else:
            self._events.setdefault(socket, 0)
        self._watch.set(socket, what)

    def _on_timer(self, milliseconds: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if milliseconds == 0:
            self._timer = self.loop.call_soon(self._time_out)
        elif milliseconds > 0:
            self._timer = self.loop.call_later(milliseconds / 1000, self._time_out)

    def _time_out(self) -> None:
        self._timer = None
        self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._drain()

    def _on_notify(self, *_: object) -> None:
        self._has_news = True

    def _drain(self) -> None:
        while self._has_news:
            self._has_news = False
            left = 1
            while left:
                left, succeeded, failed = self._multi.info_read()
                for easy in succeeded:
                    self._on_done(easy, Code(0, ""))
                for easy, number, text in failed:
                    self._on_done(easy, Code(number, text))


class _EpollWatch:
    """An epoll descriptor of its own."""

    def __init__(self, curl: CurlLoop) -> None:
        self._curl = curl
        self._epoll = select.epoll()
        self._watched: set[int] = set()
        curl.loop.add_reader(self._epoll.fileno(), self._on_ready)

    # pycurl's POLL_* are the bits of epoll's: in 1, out 2 instead of 4.
    _MASKS = (0, select.EPOLLIN, select.EPOLLOUT, select.EPOLLIN | select.EPOLLOUT)

    def set(self, socket: int, what: int) -> None:
        if what == pycurl.POLL_REMOVE:
            if socket in self._watched:
                self._watched.discard(socket)
                with suppress(OSError):  # it is closed already
                    self._epoll.unregister(socket)
        elif socket in self._watched:
            try:
                self._epoll.modify(socket, self._MASKS[what])
            except FileNotFoundError:  # another with the same number was closed
                self._epoll.register(socket, self._MASKS[what])
        else:
            try:
                self._epoll.register(socket, self._MASKS[what])
            except FileExistsError:  # libcurl has not told that it is done with it
                self._epoll.modify(socket, self._MASKS[what])
            self._watched.add(socket)

    def _on_ready(self) -> None:
        ready = []
        for socket, events in self._epoll.poll(0):
            flags = 0
            if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                flags = pycurl.CSELECT_IN
            if events & select.EPOLLOUT:
                flags |= pycurl.CSELECT_OUT
            if events & select.EPOLLERR:
                flags |= pycurl.CSELECT_ERR
            ready.append((socket, flags))
        self._curl.act(ready)

    def close(self) -> None:
        self._curl.loop.remove_reader(self._epoll.fileno())
        self._epoll.close()


class _LoopWatch:
    """Readers and writers of the event loop, on systems without epoll."""

    def __init__(self, curl: CurlLoop) -> None:
        self._curl = curl
        self._watched: dict[int, int] = {}

    def set(self, socket: int, what: int) -> None:
        loop, before = self._curl.loop, self._watched.pop(socket, 0)
        now = 0 if what == pycurl.POLL_REMOVE else what
        if now & pycurl.POLL_IN and not before & pycurl.POLL_IN:
            loop.add_reader(socket, self._curl.act, [(socket, pycurl.CSELECT_IN)])
        elif before & pycurl.POLL_IN and not now & pycurl.POLL_IN:
            loop.remove_reader(socket)
        if now & pycurl.POLL_OUT and not before & pycurl.POLL_OUT:
            loop.add_writer(socket, self._curl.act, [(socket, pycurl.CSELECT_OUT)])
        elif before & pycurl.POLL_OUT and not now & pycurl.POLL_OUT:
            loop.remove_writer(socket)
        if now:
            self._watched[socket] = now

    def close(self) -> None:
        for socket in list(self._watched):
            self.set(socket, pycurl.POLL_REMOVE)
