"""A shard as Dask's workers are given it, and what they tell of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
