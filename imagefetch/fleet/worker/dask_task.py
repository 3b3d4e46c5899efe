"""Fetches a shard as a Dask task; the rest of the package does not depend on Dask."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from distributed import Status, get_worker

from imagefetch.fleet.worker import running_attempts
from imagefetch.fleet.worker.running_attempts import fetch_shard
from imagefetch.fleet.worker.task import Progress, Task


def topic(job: str) -> str:
    """Return the Dask topic to which attempts publish their progress."""
    return f"imagefetch-{job}"


def on_worker(task: Task) -> Progress | None:
    """Run `fetch_shard` on a Dask worker."""
    worker = get_worker()
    folder = worker.local_directory  # Dask removes it after a worker was killed
    return fetch_shard(
        task,
        report_progress=lambda event: worker.log_event(topic(task.job), event),
        alive=lambda: worker.status in {Status.running, Status.paused},
        temporary_folder=folder if is_private(Path(folder)) else None,
    )


def is_private(folder: Path) -> bool:
    """Whether only this user and root can change or replace *folder* and its content.

    Dask uses an existing folder for temporary files regardless of who created it.
    """
    for path in (folder, *folder.parents):
        status = path.stat()
        shared = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not (
            status.st_mode & stat.S_ISVTX
        )
        if shared or status.st_uid not in {0, os.geteuid()}:
            return False
    return True


def stop_job(job: str) -> None:
    """Shut down this worker's attempts at *job* gracefully, and start no others."""
    running_attempts.stopped.add(job)
    running_attempts.stop(job)


def allow_job(job: str) -> None:
    """Undo `stop_job`."""
    running_attempts.stopped.discard(job)
