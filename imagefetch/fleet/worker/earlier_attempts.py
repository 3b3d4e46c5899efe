"""Takes over what earlier attempts at a shard left: rows, files in the store, and suspect lines."""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from imagefetch.fleet.folder import BEFORE, JobFolder, attempt_path, shard_path
from imagefetch.fleet.worker import fencing
from imagefetch.fleet.worker.bisection import Suspects, suspects_of
from imagefetch.fleet.worker.task import Task
from imagefetch.job.report_repair.rewrite import add_own_columns
from imagefetch.lists.list_file import ListFile
from imagefetch.output.ownership.intents import Notes
from imagefetch.output.report.columns import Layout
from imagefetch.output.report.report_file import whole_size
from imagefetch.stats.kind_log import SUFFIX as KINDS


@dataclass
class RecoveredState:
    """What the next attempt at a shard begins with."""

    name: str
    """Of the next attempt: greater than those of earlier ones."""
    lines: Path
    """The list of the shard, on this machine."""
    report: Path
    """A report with the rows of the newest attempt, on this machine."""
    moved: Notes
    """The files that earlier attempts moved into the store without writing a row."""
    suspects: Suspects
    """State of the bisection."""
    clean: bool
    """Whether there was no earlier attempt."""


def take_over(task: Task, folder: JobFolder, scratch: Path) -> RecoveredState:
    """Fence off earlier attempts, and read their results into the folder *scratch*.

    :raises OSError: if the job folder or the store can't be used on this worker
    """
    shard = task.shard
    earlier = folder.attempts(shard)
    number = int(earlier[-1].partition("-")[0]) + 1 if earlier else 1
    name = f"{number:04}-{uuid.uuid4().hex[:8]}"
    crawled = [attempt for attempt in earlier if attempt != BEFORE]  # BEFORE has no process
    moved: Notes = {}
    for attempt in crawled:
        if partial := folder.partial_folder(task.store, shard, attempt):
            for file, identities in fencing.fence_off(partial).items():
                moved.setdefault(file, set()).update(identities)
    suspects = Suspects()
    if earlier:
        suspects = suspects_of(folder.note(shard, earlier[-1]).get("suspects"))
    lines = folder.fetch(shard_path(shard), scratch)
    report = scratch / f"{name}.csv"
    if earlier:
        newest = folder.fetch(attempt_path(shard, earlier[-1]), scratch)
        shutil.copyfile(newest, report)
        os.truncate(report, whole_size(report))
        add_own_columns(report)
        with suppress(FileNotFoundError):
            kinds = folder.fetch(attempt_path(shard, earlier[-1], KINDS), scratch)
            shutil.copyfile(kinds, report.with_suffix(KINDS))
    else:
        report.write_bytes(Layout.of_list(ListFile(lines).columns).header)
    return RecoveredState(name, lines, report, moved, suspects, not crawled)
