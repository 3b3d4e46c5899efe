"""What of Dask's a worker meets; `imagefetch.fleet.attempt` knows nothing of it."""

from __future__ import annotations

from distributed import Status, get_worker

from imagefetch.fleet import attempt
from imagefetch.fleet.attempt import fetch_shard
from imagefetch.fleet.task import Progress, Task


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
        place=worker.local_directory,  # Dask removes what a killed worker leaves there
    )


def stop_job(job: str) -> None:
    """Let the attempts of this worker at *job* end in order, and no other begin."""
    attempt.stopped.add(job)
    attempt.stop(job)


def allow_job(job: str) -> None:
    """Undo `stop_job`."""
    attempt.stopped.discard(job)
