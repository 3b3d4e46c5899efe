"""Fetches shards in this process, and stops their attempts when a job is shut down."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from imagefetch.fleet.folder import JobFolder
from imagefetch.fleet.worker.attempt import Attempt
from imagefetch.fleet.worker.task import (
    Abandoned,
    Alive,
    AttemptFailed,
    Progress,
    ReportProgress,
    Task,
)

running: dict[str, set[Attempt]] = {}
"""The running attempts of this process, by job id."""
stopped: set[str] = set()
"""Ids of the jobs for which this process starts no attempts."""


def fetch_shard(
    task: Task, report_progress: ReportProgress, alive: Alive, temporary_folder: str | None = None
) -> Progress | None:
    """Fetch the remaining lines of a shard; return its progress, or None if `stop` ended it.

    *report_progress* is called from time to time; *alive* returns whether the worker is still
    connected to its scheduler. Temporary files are in a folder within *temporary_folder*, by
    default in the system's folder for temporary files.

    :raises AttemptFailed: if the shard can't be fetched on this worker
    :raises Abandoned: if another worker may have the shard, or the job is gone
    """
    folder = JobFolder(task.folder, task.options)
    if (outcome := folder.outcome(task.shard)) is not None:
        return {"shard": task.shard, "done": outcome.get("done", 0), "kept": outcome.get("kept", 0)}
    scratch = Path(tempfile.mkdtemp(prefix="imagefetch-", dir=temporary_folder))
    attempt = Attempt(task, folder, scratch, report_progress, alive)
    running.setdefault(task.job, set()).add(attempt)
    try:
        if task.job in stopped:  # checked after `running` is set, so that `stop` can't miss it
            return None
        attempt.begin()
        return attempt.run()
    except (OSError, AttemptFailed, Abandoned):
        if not attempt.is_wanted():
            attempt.remove_results()
        raise
    finally:
        attempt.heartbeat.end()
        running[task.job].discard(attempt)
        shutil.rmtree(scratch, ignore_errors=True)


def stop(job: str) -> None:
    """Shut down this process's attempts at shards of *job* gracefully."""
    for attempt in running.get(job, set()).copy():
        attempt.stop()
