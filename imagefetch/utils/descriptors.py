"""File descriptors: how many this process may have, and what they are shared out to.

Each request under way takes a socket and a partial file, or sockets for a lookup or for a second
address that is tried meanwhile. Connections that are kept for the next request take one each, and
so do list, report, lock, databases, and pipes to processes beside.
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from imagefetch.errors import BadInput

# What a run takes besides requests and kept connections, and for each process beside.
BESIDE = 48
PER_PROCESSOR = 4

PER_REQUEST = 3

# Kept connections: at most, and as a share of the requests at least.
IDLE_MAX = 1_024
IDLE_SHARE = 1 / 4


class Share(NamedTuple):
    """What descriptors are enough for."""

    requests: int
    """Under way at once."""
    idle: int
    """Connections kept."""


def share(requests: int) -> Share:
    """Return what the descriptors of this process are enough for, where *requests* at once are
    wanted. The limit is raised first, as far as the system lets it be.

    :raises BadInput: if they aren't enough for a single request
    """
    beside = BESIDE + PER_PROCESSOR * (os.cpu_count() or 1)
    limit = raise_limit(beside + PER_REQUEST * requests + IDLE_MAX)
    if limit is None:
        return Share(requests, IDLE_MAX)
    left = limit - beside
    most = int(left / (PER_REQUEST + IDLE_SHARE))
    if most < 1:
        least = beside + PER_REQUEST + 1
        raise BadInput(
            f"this process may have {limit} files open, and needs {least}: raise the system's "
            "limit (ulimit -n)"
        )
    requests = min(requests, most)
    return Share(requests, min(IDLE_MAX, left - PER_REQUEST * requests))


def raise_limit(wanted: int) -> int | None:
    """Let this process have *wanted* files open, or as many as it may; return how many it can
    have then, None where nobody knows."""
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
    except (ValueError, OSError):  # macOS has a limit that it doesn't tell
        return soft
    return more
