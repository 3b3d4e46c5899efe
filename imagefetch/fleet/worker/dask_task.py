"""What of Dask's a worker meets; `imagefetch.fleet.worker.attempt` knows nothing of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from distributed import Status, get_worker

from imagefetch.fleet.worker import attempt
from imagefetch.fleet.worker.attempt import fetch_shard
from imagefetch.fleet.worker.task import Progress, Task


def topic(job: str) -> str:
    """Return the topic of Dask's under which attempts tell how far they are."""
    return f"imagefetch-{job}"


def on_worker(task: Task) -> Progress | None:
    """Be the task that Dask knows: `fetch_shard`."""
    worker = get_worker()
    return fetch_shard(
        task,
        tell=lambda event: worker.log_event(topic(task.job), event),
        alive=lambda: worker.status in {Status.running, Status.paused},
        # Dask removes what a killed worker leaves there.
        place=worker.local_directory if is_own(Path(worker.local_directory)) else None,
    )


def is_own(folder: Path) -> bool:
    """Whether nobody but this user and the system's can change what *folder* holds, or what it
    is: Dask takes a folder for temporary files as it finds it, whoever made it."""
    for place in (folder, *folder.parents):
        found = place.stat()
        shared = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX
        if shared or found.st_uid not in {0, os.geteuid()}:
            return False
    return True


def stop_job(job: str) -> None:
    """Let the attempts of this worker at *job* end in order, and no other begin."""
    attempt.stopped.add(job)
    attempt.stop(job)


def allow_job(job: str) -> None:
    """Undo `stop_job`."""
    attempt.stopped.discard(job)
