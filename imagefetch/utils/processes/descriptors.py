"""Raises the limit on open files and divides file descriptors between requests and connections.

Each request in flight takes a socket and a partial file, or sockets for a DNS lookup or for a
second address that is tried at the same time. Each idle connection takes one descriptor, and so
do the list, the report, the lock, databases, and the pipes of subprocesses.
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from imagefetch.errors import BadInput

# Descriptors that a run takes besides requests and idle connections: fixed, and per processor
# (for subprocesses).
OTHER = 48
PER_PROCESSOR = 4

PER_REQUEST = 3

# Idle connections: the maximum, and the minimum as a share of the requests.
IDLE_MAX = 1_024
IDLE_SHARE = 1 / 4


class Share(NamedTuple):
    """The numbers that the available descriptors allow."""

    requests: int
    """Requests in flight."""
    idle: int
    """Idle connections."""


def share(requests: int) -> Share:
    """Return how many requests, up to *requests*, and idle connections this process can have.

    Raises the limit on open files first, as far as the system allows.

    :raises BadInput: if the limit is too low for a single request
    """
    other = OTHER + PER_PROCESSOR * (os.cpu_count() or 1)
    limit = raise_limit(other + PER_REQUEST * requests + IDLE_MAX)
    if limit is None:
        return Share(requests, IDLE_MAX)
    left = limit - other
    max_requests = int(left / (PER_REQUEST + IDLE_SHARE))
    if max_requests < 1:
        least = other + PER_REQUEST + 1
        raise BadInput(
            f"this process may have {limit} files open, and needs {least}: raise the system's "
            "limit (ulimit -n)"
        )
    requests = min(requests, max_requests)
    return Share(requests, min(IDLE_MAX, left - PER_REQUEST * requests))


def raise_limit(wanted: int) -> int | None:
    """Raise the soft limit on open files to *wanted*, or as far as allowed.

    Return the resulting limit; None if there is none, or if it is unknown.
    """
    if sys.platform == "win32":
        return None
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    if soft >= wanted:
        return soft
    more = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
    except (ValueError, OSError):  # macOS has a limit that it doesn't report
        return soft
    return more
