"""Repeats a request whose response libcurl refuses as malformed, but wget and browsers accept.

libcurl connects, TLS included; `LenientReader` parses the response. The connection is closed after
it, so that nothing malformed can be taken for the next response.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pycurl

from imagefetch.download.curl.client import CurlClient
from imagefetch.download.curl.deadlines import Deadline
from imagefetch.download.curl.easy_handle import Handle
from imagefetch.download.curl.error_mapping import Code, CURLcode
from imagefetch.download.curl.lenient_reader import LenientReader
from imagefetch.download.curl.raw_connection import RawConnection
from imagefetch.download.curl.response_head import Head
from imagefetch.download.curl.transfer import ResponseComplete, Transfer
from imagefetch.errors import ConnectionReset, DownloadTimeout

# libcurl's texts for a carriage return before the line end or within a value, and for a length
# that it does not read, such as one with a plus sign. Either may be acceptable.
ACCEPTABLE = ("Carriage return found in header", "Invalid Content-Length: value")


def is_acceptable(handle: Handle, code: Code) -> bool:
    """Return whether the response that libcurl refused may be acceptable."""
    if handle.head is not None or not handle.connection.sent:
        return False
    if code.number == CURLcode.UNSUPPORTED_PROTOCOL:
        return handle.blank_first
    return code.number == CURLcode.WEIRD_SERVER_REPLY and code.text.startswith(ACCEPTABLE)


async def perform(client: CurlClient, transfer: Transfer, deadline: Deadline) -> Exception | None:
    """Send the request of *transfer*, a GET, and pass the response to its consumer; return the
    error with which it ended, if any. The connection is to the server, or a tunnel to it."""
    options = (*transfer.options, (pycurl.CONNECT_ONLY, 1), (pycurl.FRESH_CONNECT, 1))
    once = transfer._replace(options=options, keep=True, hold=True)
    handle, code = await client.perform(once, deadline)
    try:
        if handle.error is not None or code.number:
            return handle.error or ConnectionReset()
        async with asyncio.timeout_at(deadline.total_by):
            connection = RawConnection(handle.easy, deadline.limits.response)
            await _exchange(connection, transfer)
    except ResponseComplete:
        return None
    except TimeoutError:
        return DownloadTimeout()
    except Exception as error:
        return error
    finally:
        client.close_handle(handle)
    return None


def request_of(transfer: Transfer) -> bytes:
    """Return the request of *transfer* as HTTP/1.1."""
    origin = urlsplit(transfer.origin)
    default = {"http": 80, "https": 443}[origin.scheme]
    host = origin.netloc.removesuffix(f":{default}")
    lines = [f"GET {transfer.target} HTTP/1.1".encode(), b"Connection: close"]
    for line in transfer.headers:
        name, colon, value = line.partition(b":")
        if not colon:
            lines.append(name.removesuffix(b";") + b":")
        elif value:
            lines.append(line)
    if not any(line.lower().startswith(b"host:") for line in lines):
        lines.insert(1, f"Host: {host}".encode())
    return b"\r\n".join(lines) + b"\r\n\r\n"


async def _exchange(connection: RawConnection, transfer: Transfer) -> None:
    """Send the request of *transfer* on *connection*, and pass the response to its consumer.

    :raises Failure: if the response is not acceptable
    :raises Exception: what the consumer raises
    """
    await connection.send(request_of(transfer))
    reader = LenientReader(connection)
    head = Head(await reader.head_lines())
    while head.status // 100 == 1 and head.status != 101:
        head = Head(await reader.head_lines())
    transfer.consumer.begin(head)
    async for piece in reader.body(head):
        while not transfer.consumer.feed(piece):
            busy = transfer.consumer.busy
            assert busy is not None
            await asyncio.wait([busy])
