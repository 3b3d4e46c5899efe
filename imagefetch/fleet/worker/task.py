"""A shard as Dask's workers are given it, and what they tell of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Task:
    """What a worker is told."""

    job: str
    """Made up once for a job."""
    folder: str = field(repr=False)
    """Address of what is of that job in the job folder."""
    options: Mapping[str, Any] = field(repr=False)
    """Of its fsspec file system."""
    shard: int
    words: tuple[str, ...] = field(repr=False)
    """``NAME=VALUE`` of ``-s``."""
    store: str = field(repr=False)
    """FILES_STORE, which may hold a password."""
    silence: float
    """Seconds without a sign of life from the worker after which its process ends."""
    owner: str = ""
    """The report of the whole job, which owns the pictures."""


class AttemptFailed(Exception):
    """The attempt can't go on on this worker. The text is one line for the user."""


class Abandoned(Exception):
    """The worker was stopped for so long, or is so cut off, that another may have the shard;
    or the job is no more."""


Progress = dict[str, int]
"""``shard``; ``done``: lines that have a row; ``kept``: rows that name a file."""
Tell = Callable[[Progress], None]
Alive = Callable[[], bool]


@dataclass(frozen=True)
class Order:
    """What is to run. With it come three descriptors: standard input; standard output and
    error; and a pipe by which the process's id is told, and in the end its exit status."""

    words: Sequence[str]
    """Of Scrapy's command line."""
    silence: float
    """See `imagefetch.fleet.worker.child`."""
    folder: str
    """To run in."""
    environment: Mapping[str, str]

    def encode(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"
