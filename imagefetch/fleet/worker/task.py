"""Data that is passed to workers and crawl processes: `Task`, `Order`, `Progress`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Task:
    """One shard to be fetched by a worker."""

    job: str
    """Unique id of the job."""
    folder: str = field(repr=False)
    """Address of that job's part of the job folder."""
    options: Mapping[str, Any] = field(repr=False)
    """Options of the job folder's fsspec file system."""
    shard: int
    assignments: tuple[str, ...] = field(repr=False)
    """``NAME=VALUE`` arguments of ``-s``."""
    store: str = field(repr=False)
    """FILES_STORE, which may contain a password."""
    heartbeat_timeout: float
    """Seconds without a heartbeat from the worker after which its crawl process ends."""
    owner: str = ""
    """The report of the whole job, which owns the images."""


class AttemptFailed(Exception):
    """The attempt failed on this worker. The message is one line for the user."""


class Abandoned(Exception):
    """The worker was stopped or disconnected for so long that another may have the shard; or the
    job no longer exists."""


Progress = dict[str, int]
"""Keys: ``shard``; ``done``: lines that have a row; ``kept``: rows that name a file."""
ReportProgress = Callable[[Progress], None]
Alive = Callable[[], bool]


@dataclass(frozen=True)
class Order:
    """A process to be started by the fork server.

    Three descriptors are sent with it: standard input; standard output and error; and a pipe
    for the process's id and later its exit status.
    """

    arguments: Sequence[str]
    """Command-line arguments of ``scrapy``."""
    heartbeat_timeout: float
    """Seconds, see `imagefetch.fleet.worker.crawl_process`."""
    folder: str
    """Working directory."""
    environment: Mapping[str, str]

    def encode(self) -> bytes:
        """Return the order as one line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"
