"""Makes one attempt at fetching one shard.

Every attempt has its own report, which begins with a copy of the rows of the previous
attempt. So no line is fetched twice, and the newest report of a shard is complete. The
remaining lines are fetched by ``scrapy crawl images`` in a subprocess that ends with its
worker (`imagefetch.fleet.worker.crawl_process`).
"""

from __future__ import annotations

import json
import logging
import time
from copy import copy
from dataclasses import asdict
from pathlib import Path

from imagefetch.fleet.folder import JobFolder, attempt_path, done_path, shard_path
from imagefetch.fleet.worker import fencing
from imagefetch.fleet.worker.bisection import PROCESS, WORKER, Suspects
from imagefetch.fleet.worker.crawl import FINISHED, Crawl
from imagefetch.fleet.worker.crawl_process import ORPHANED
from imagefetch.fleet.worker.earlier_attempts import RecoveredState, take_over
from imagefetch.fleet.worker.fencing import Heartbeat
from imagefetch.fleet.worker.shard_rows import ShardRows
from imagefetch.fleet.worker.task import (
    Abandoned,
    Alive,
    AttemptFailed,
    Progress,
    ReportProgress,
    Task,
)
from imagefetch.output.ownership.intents import NOTES_FILE, write_notes
from imagefetch.output.partial_files import partial_folder
from imagefetch.output.store_paths import is_remote
from imagefetch.stats.kind_log import SUFFIX as KINDS
from imagefetch.utils.redaction import hide_credentials_of

logger = logging.getLogger(__name__)

SEND_INTERVAL = 10.0  # seconds between two uploads of the rows to a remote job folder


class Attempt:
    """One attempt at one shard."""

    def __init__(
        self,
        task: Task,
        folder: JobFolder,
        scratch: Path,
        report_progress: ReportProgress,
        alive: Alive,
    ) -> None:
        self.task = task
        self.folder = folder
        self.scratch = scratch
        self.report_progress = report_progress
        self.alive = alive
        self.crawl = Crawl(task.assignments, task.heartbeat_timeout, scratch, task.owner)
        self.partial: Path | None = None
        """Folder of the partial files."""
        self._sent = time.monotonic()
        self.heartbeat = Heartbeat(task.heartbeat_timeout)

    def begin(self) -> None:
        """Take over from earlier attempts, whose processes can do no more harm from now on.

        :raises AttemptFailed: if the job folder or the store can't be used on this worker
        """
        try:
            taken = take_over(self.task, self.folder, self.scratch)
            self.name, self.clean, self.suspects = taken.name, taken.clean, taken.suspects
            self._publish(taken)
        except OSError as error:
            folder = hide_credentials_of(self.task.folder)  # Dask logs the error too
            raise AttemptFailed(f"job folder {folder}: {error}") from error

    def _publish(self, taken: RecoveredState) -> None:
        """Put the report into the job folder, where it is the shard's newest from now on."""
        shard = self.task.shard
        final = self.folder.report_path(shard, self.name, self.scratch)
        self.partial = partial_folder(self.task.store, final)
        self._note(self.suspects)
        for suffix in (KINDS, ".csv"):  # the report last: the attempt is known by it
            path = taken.report.with_suffix(suffix)
            if not path.exists():
                continue
            if self.folder.local is None:
                path = path.replace(final.with_suffix(suffix))
            self.folder.send(path, attempt_path(shard, self.name, suffix))
        self.report = final
        self.rows = ShardRows(taken.lines, final)
        # Files that earlier attempts moved into the store without writing a row are this one's.
        if taken.moved and self.partial is not None and not is_remote(self.task.store):
            self.partial.mkdir(parents=True, exist_ok=True)
            write_notes(self.partial / NOTES_FILE, taken.moved)

    def run(self) -> Progress | None:
        """Fetch part by part until every line has its row; return None if stopped before that."""
        while missing := self.rows.missing():
            positions = [position for position, _ in missing]
            if self.suspects.is_found(positions):
                self.rows.add_crash(missing[0][1])
                self.suspects = Suspects()
                continue
            part = self.suspects.next_part(positions)
            if_it_dies = copy(self.suspects)  # noted first, since a dead worker writes no note
            if_it_dies.record_death(positions, part, WORKER)
            self._check_heartbeat()
            self._check_wanted()
            self._note(if_it_dies)
            lines = self.rows.list_without(missing[part:], self.scratch)
            status = self.crawl.run(lines, self.report, self._on_poll)
            if status == FINISHED:
                self.suspects.record_end(positions, part)
                if len(self.rows.missing()) == len(missing):
                    raise AttemptFailed("the crawl process ended without a row")
            elif self.crawl.stopping:
                self._save_state()
                return None
            elif status < 0:
                logger.warning(
                    "shard %d: its crawl process was killed by signal %d; retrying",
                    self.task.shard,
                    -status,
                )
                self.suspects.record_death(positions, part, PROCESS)
                self.clean = False
            elif status != ORPHANED:
                self._save_state()
                raise AttemptFailed(self.crawl.last_output_line() or f"exit status {status}")
        self._check_heartbeat()  # a worker that lost the shard must not mark it as done
        self._check_wanted()
        self._count()
        self._upload_rows()
        done = {"attempt": self.name, "clean": self.clean, **self._progress()}
        self.folder.write(done_path(self.task.shard), json.dumps(done).encode())
        return self._progress()

    def _save_state(self) -> None:
        """Write the note and the rows from which the next attempt resumes."""
        self._count()
        self._note(self.suspects)
        self._upload_rows()

    def remove_results(self) -> None:
        """Remove what this attempt has put into the job folder and the store, except images."""
        if self.partial is not None:
            paths = (
                attempt_path(self.task.shard, self.name, end) for end in (".csv", ".json", KINDS)
            )
            self.folder.remove_files(*paths)
            fencing.remove_fence(self.partial)

    def stop(self) -> None:
        """Shut down gracefully: downloads in flight are finished."""
        self.crawl.stop()

    def _on_poll(self) -> None:
        """Check the heartbeat, report progress and send rows while the crawl runs.

        :raises Abandoned: if this worker may have lost the shard, or the job is gone
        """
        self._check_heartbeat()
        due = time.monotonic() - self._sent > SEND_INTERVAL
        if due or self.folder.local is not None:
            self._check_wanted()
        self._count()
        if due:
            self._upload_rows()

    def is_wanted(self) -> bool:
        """Whether the job still exists: it was neither discarded nor finished without this
        attempt."""
        return self.folder.has(shard_path(self.task.shard))

    def _check_wanted(self) -> None:
        """:raises Abandoned: if the job no longer exists"""
        if not self.is_wanted():
            raise Abandoned(f"shard {self.task.shard}: its job no longer exists")

    def _check_heartbeat(self) -> None:
        """:raises Abandoned: if a heartbeat was missed or the worker lost its scheduler"""
        if self.heartbeat.has_missed() or not self.alive():
            raise Abandoned(f"shard {self.task.shard}")

    def _count(self) -> None:
        """Report the progress if there are new rows."""
        if self.rows.count():
            self.report_progress(self._progress())

    def _progress(self) -> Progress:
        return {"shard": self.task.shard, "done": self.rows.done, "kept": self.rows.kept}

    def _note(self, suspects: Suspects) -> None:
        """Write the note for the next attempt."""
        note = {"suspects": asdict(suspects), "clean": self.clean}
        path = attempt_path(self.task.shard, self.name, ".json")
        self.folder.write(path, json.dumps(note).encode())

    def _upload_rows(self) -> None:
        """Upload the report to the job folder, if that is remote."""
        self._sent = time.monotonic()
        if self.folder.local is None:
            if (kinds := self.report.with_suffix(KINDS)).exists():
                self.folder.send(kinds, attempt_path(self.task.shard, self.name, KINDS))
            self.folder.send(self.report, attempt_path(self.task.shard, self.name))
