"""Certificates of servers on loopback."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

import trustme


def certificate(
    authority: trustme.CA,
    name: str = "127.0.0.1",
    begin: int = -9,
    end: int = 9,
    known: bool = True,
) -> ssl.SSLContext:
    """Return a server's TLS with a certificate for the host *name*, valid between these days
    from now; signed by *authority*, or, if not *known*, by another."""
    now = datetime.now(UTC)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (authority if known else trustme.CA()).issue_cert(
        name, not_before=now + timedelta(days=begin), not_after=now + timedelta(days=end)
    ).configure_cert(context)
    return context
