"""Decides which connection a transfer may use: libcurl's callbacks before it connects and sends.

Nothing is raised in a callback: libcurl can't pass it on.
"""

from __future__ import annotations

import os
import socket
from ipaddress import ip_address
from typing import Any

import pycurl

from imagefetch.download.curl.idle_sockets import Endpoints, IdleSockets
from imagefetch.download.curl.response_head import Head
from imagefetch.download.curl.transfer import Transfer
from imagefetch.errors import BlockedAddress

# Of pycurl, with their types.
SEND: int = pycurl.PREREQFUNC_OK
DO_NOT_SEND: int = pycurl.PREREQFUNC_ABORT


class Connection:
    """The connection of one transfer after another, on the same handle of libcurl."""

    def __init__(self, idle: IdleSockets) -> None:
        self._idle = idle
        self._transfer: Transfer

    def begin(self, transfer: Transfer) -> None:
        """Prepare for *transfer*."""
        self._transfer = transfer
        self.sent = False
        """Whether the request was sent, or is about to be."""
        self.resent = False
        """Whether libcurl tried to send the request once more, on another connection."""
        self.is_stale = False
        """Whether the kept connection was not usable; nothing was sent."""
        self.endpoints: Endpoints | None = None
        self.is_new = False
        """Whether a socket was opened: at least one address was allowed."""
        self.blocked: BlockedAddress | None = None
        """The error for an address that was not allowed."""
        self.socket_error: OSError | None = None
        self.error: Exception | None = None
        """Any other error of the callback."""

    def forget(self) -> None:
        """Drop the references to the last transfer."""
        del self._transfer
        self.blocked = self.socket_error = self.error = None

    def end(self, number: int, head: Head, *, succeeded: bool) -> None:
        """Record that the transfer ended, whose connection may be reused if *head* allows it.

        *number*: its socket, -1 if libcurl closed it.
        """
        if self.endpoints is None:
            return
        if number >= 0:
            self._idle.add(self.endpoints, number)
        elif succeeded and head.keeps_connection:
            self._idle.distrust(self._transfer.origin)  # libcurl closes after excess bytes

    def on_send(self, remote: str, local: str, remote_port: int, local_port: int) -> int:
        """Called before the request is sent, on a new connection or on a kept one."""
        if self.sent:
            self.resent = True
            return DO_NOT_SEND
        if self._transfer.handshake_only:
            return DO_NOT_SEND
        endpoints = remote, local, remote_port, local_port
        if self.is_new:  # an idle connection with the same ports has ended
            self._idle.forget(endpoints)
        elif self._idle.is_stale(endpoints, self._transfer.origin):
            self.is_stale = True
            return DO_NOT_SEND
        self.endpoints = endpoints
        self.sent = True
        return SEND

    def on_open(self, purpose: int, address: Any) -> Any:
        """Called before libcurl connects to *address*; returns a socket for it."""
        if self.sent:
            self.resent = True
            return pycurl.SOCKET_BAD
        try:
            guard = self._transfer.guard
            if guard is not None:
                guard.check(ip_address(address.addr[0].partition("%")[0]))
            self.is_new = True
            opened = socket.socket(address.family, address.socktype, address.protocol)
            os.close(os.dup(opened.fileno()))  # as pycurl does next, without telling of an error
            return opened
        except BlockedAddress as error:
            self.blocked = error
        except OSError as error:
            self.socket_error = error
        except Exception as error:
            self.error = error
        return pycurl.SOCKET_BAD
