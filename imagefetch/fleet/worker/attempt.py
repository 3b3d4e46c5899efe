"""What a worker does: one attempt at one shard.

Every attempt has a report of its own, which begins with the rows of the attempt
before it; so nothing that is done is done again, and the newest report of a shard
is the whole truth about it. The lines that are left are fetched by ``scrapy crawl
images``, in a process that ends with its worker (`imagefetch.fleet.worker.child`).
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import time
import uuid
from copy import copy
from dataclasses import asdict
from pathlib import Path

from imagefetch.errors import WorkerCrash
from imagefetch.fleet.folder import BEFORE, JobFolder, attempt_path, done_path, shard_path
from imagefetch.fleet.worker import fencing
from imagefetch.fleet.worker.bisection import ALONE, PROCESS, WORKER, Suspects, suspects_of
from imagefetch.fleet.worker.child import ORPHANED
from imagefetch.fleet.worker.crawl import FINISHED, Crawl
from imagefetch.fleet.worker.fencing import Pulse
from imagefetch.fleet.worker.task import Abandoned, Alive, AttemptFailed, Progress, Task, Tell
from imagefetch.items import ImageRecord
from imagefetch.lists.plain import read_lines
from imagefetch.lists.shards import SHARD_SUFFIX, shard_line
from imagefetch.output.csv_rows import HEADER, cells, encode, read_rows, whole_size
from imagefetch.output.ownership.intents import RECORD, Notes, write_notes
from imagefetch.output.partial_files import partial_folder
from imagefetch.output.store_paths import is_remote
from imagefetch.urls import Line
from imagefetch.utils.redaction import hide_credentials_of

logger = logging.getLogger(__name__)

SEND_INTERVAL = 10.0  # seconds between two times that rows are sent to a remote job folder

running: dict[str, set[Attempt]] = {}
"""The attempts that this process is at, by job."""
stopped: set[str] = set()
"""Jobs that this process begins no attempt for."""


def fetch_shard(task: Task, tell: Tell, alive: Alive, place: str | None = None) -> Progress | None:
    """Fetch what is left of a shard, and return what came of it; None if `stop` ended it before.

    *tell* is told now and then how far it is; *alive* says whether the worker still has
    its scheduler. What need not outlive the attempt lies in a folder within *place*, or else
    where the system has such.

    :raises AttemptFailed: if it can't be done here
    :raises Abandoned: if another may be doing it
    """
    folder = JobFolder(task.folder, task.options)
    if (outcome := folder.outcome(task.shard)) is not None:
        return {"shard": task.shard, "done": outcome.get("done", 0), "kept": outcome.get("kept", 0)}
    scratch = Path(tempfile.mkdtemp(prefix="imagefetch-", dir=place))
    attempt = Attempt(task, folder, scratch, tell, alive)
    running.setdefault(task.job, set()).add(attempt)
    try:
        if task.job in stopped:  # from now on, `stop` reaches it
            return None
        attempt.begin()
        return attempt.go_on()
    except (OSError, AttemptFailed, Abandoned):
        if not attempt.is_wanted():
            attempt.leave_nothing()
        raise
    finally:
        attempt.pulse.end()
        running[task.job].discard(attempt)
        shutil.rmtree(scratch, ignore_errors=True)


def stop(job: str) -> None:
    """Let this process's attempts at shards of *job* end in order."""
    for attempt in running.get(job, set()).copy():
        attempt.stop()


class Attempt:
    """One attempt at one shard."""

    def __init__(
        self, task: Task, folder: JobFolder, scratch: Path, tell: Tell, alive: Alive
    ) -> None:
        self.task = task
        self.folder = folder
        self.scratch = scratch
        self.tell = tell
        self.alive = alive
        self.crawl = Crawl(task.words, task.silence, scratch, task.owner)
        self.partial: Path | None = None
        """Where pictures lie on their way."""
        self.done = self.kept = 0
        self._counted = 0  # bytes of the report
        self._sent = time.monotonic()
        self.pulse = Pulse(task.silence)

    def begin(self) -> None:
        """Find out what earlier attempts did, and keep them from doing more.

        :raises AttemptFailed: if the job folder or the store can't be used from here
        """
        shard = self.task.shard
        try:
            earlier = self.folder.attempts(shard)
            number = int(earlier[-1].partition("-")[0]) + 1 if earlier else 1
            self.name = f"{number:04}-{uuid.uuid4().hex[:8]}"
            self.left: Notes = {}
            for attempt in (name for name in earlier if name != BEFORE):  # which no process made
                if partial := self.folder.partial_folder(self.task.store, shard, attempt):
                    for name, identities in fencing.put_up(partial).items():
                        self.left.setdefault(name, set()).update(identities)
            self.suspects = Suspects()
            for attempt in earlier[-1:]:
                self.suspects = suspects_of(self.folder.note(shard, attempt).get("suspects"))
            self.clean = not [attempt for attempt in earlier if attempt != BEFORE]
            self.lines = self.folder.fetch(shard_path(shard), self.scratch)
            self.report = self.scratch / f"{self.name}.csv"
            if earlier:
                old = self.folder.fetch(attempt_path(shard, earlier[-1]), self.scratch)
                shutil.copyfile(old, self.report)
                os.truncate(self.report, whole_size(self.report))
            else:
                self.report.write_bytes(HEADER)
            self._publish()
        except OSError as error:
            folder = hide_credentials_of(self.task.folder)  # Dask logs it, too
            raise AttemptFailed(f"job folder {folder}: {error}") from error

    def _publish(self) -> None:
        """Make the report this shard's newest; from now on, this attempt counts."""
        shard = self.task.shard
        final = self.folder.report_path(shard, self.name, self.scratch)
        self.partial = partial_folder(self.task.store, final)
        self._note(self.suspects)
        if self.folder.local is None:
            self.report = self.report.replace(final)
        self.folder.send(self.report, attempt_path(shard, self.name))
        self.report = final
        self._take_over()

    def _take_over(self) -> None:
        """Let this attempt know as its own what earlier ones moved and wrote no row of."""
        if self.left and self.partial is not None and not is_remote(self.task.store):
            self.partial.mkdir(parents=True, exist_ok=True)
            write_notes(self.partial / RECORD, self.left)

    def go_on(self) -> Progress | None:
        """Fetch part by part until every line has its row; None if stopped before."""
        while missing := self._missing():
            places = [place for place, _ in missing]
            if self.suspects.found(places):
                self._give_up(missing[0][1])
                self.suspects = Suspects()
                continue
            part = self.suspects.next_part(places)
            if_it_dies = copy(self.suspects)
            if_it_dies.died(places, part, WORKER)
            self._sign_of_life()
            self._make_sure_it_is_wanted()
            self._note(if_it_dies)
            status = self.crawl.run(self._list_without(missing[part:]), self.report, self._look)
            if status == FINISHED:
                self.suspects.ended(places, part)
                if len(self._missing()) == len(missing):
                    raise AttemptFailed("what fetches ended without a row")
            elif self.crawl.stopping:
                self._leave()
                return None
            elif status < 0:
                logger.warning("shard %d: killed by signal %d", self.task.shard, -status)
                self.suspects.died(places, part, PROCESS)
                self.clean = False
            elif status != ORPHANED:
                self._leave()
                raise AttemptFailed(self.crawl.last_words() or f"exit status {status}")
        self._sign_of_life()  # whoever has lost the shard writes no more about it
        self._make_sure_it_is_wanted()
        self._count()
        self._send_rows()
        done = {"attempt": self.name, "clean": self.clean, **self._progress()}
        self.folder.write(done_path(self.task.shard), json.dumps(done).encode())
        return self._progress()

    def _leave(self) -> None:
        """Leave everything so that the next attempt goes on."""
        self._count()
        self._note(self.suspects)
        self._send_rows()

    def leave_nothing(self) -> None:
        """Remove what this attempt has put into job folder and store, but for pictures."""
        if self.partial is not None:
            paths = (attempt_path(self.task.shard, self.name, end) for end in (".csv", ".json"))
            self.folder.remove_files(*paths)
            fencing.take_down(self.partial)

    def stop(self) -> None:
        """End in order: downloads under way are finished."""
        self.crawl.stop()

    def _missing(self) -> list[tuple[int, Line]]:
        """Return the lines without a row, each with its place in the shard."""
        done = {row.line for row in read_rows(self.report)}
        lines = enumerate(read_lines(self.lines))
        return [(place, line) for place, line in lines if line.number not in done]

    def _list_without(self, others: list[tuple[int, Line]]) -> Path:
        """Return a list of the shard's lines but for some."""
        if not others:
            return self.lines
        left_out = {place for place, _ in others}
        path = self.scratch / f"part{SHARD_SUFFIX}"
        with path.open("wb") as file:
            for place, line in enumerate(read_lines(self.lines)):
                if place not in left_out:
                    file.write(shard_line(line))
        return path

    def _look(self) -> None:
        """Do what is due while lines are fetched.

        :raises Abandoned: if this worker may have lost the shard meanwhile
        """
        self._sign_of_life()
        due = time.monotonic() - self._sent > SEND_INTERVAL
        if due or self.folder.local is not None:
            self._make_sure_it_is_wanted()
        self._count()
        if due:
            self._send_rows()

    def is_wanted(self) -> bool:
        """Whether the job was neither given up, nor brought to its end without this attempt."""
        return self.folder.has(shard_path(self.task.shard))

    def _make_sure_it_is_wanted(self) -> None:
        """:raises Abandoned: if it isn't"""
        if not self.is_wanted():
            raise Abandoned(f"shard {self.task.shard}: its job is no more")

    def _sign_of_life(self) -> None:
        """:raises Abandoned: if others may not have seen one for too long"""
        if self.pulse.has_missed() or not self.alive():
            raise Abandoned(f"shard {self.task.shard}")

    def _count(self) -> None:
        """Tell how many lines are done, if more are than were told before."""
        before = self.done
        for row in read_rows(self.report, self._counted):
            self.done += 1
            self.kept += bool(row.file)
            self._counted = row.offset + len(row.raw)
        if self.done > before:
            self.tell(self._progress())

    def _progress(self) -> Progress:
        return {"shard": self.task.shard, "done": self.done, "kept": self.kept}

    def _note(self, suspects: Suspects) -> None:
        """Leave for the next attempt what it must know."""
        note = {"suspects": asdict(suspects), "clean": self.clean}
        path = attempt_path(self.task.shard, self.name, ".json")
        self.folder.write(path, json.dumps(note).encode())

    def _send_rows(self) -> None:
        """Bring a remote job folder's copy of the report up to date."""
        self._sent = time.monotonic()
        if self.folder.local is None:
            self.folder.send(self.report, attempt_path(self.task.shard, self.name))

    def _give_up(self, line: Line) -> None:
        """Write the row of a line that kills every process."""
        error = WorkerCrash()
        record = ImageRecord(line.text, error.code, line.number, attempts=ALONE // PROCESS)
        record.reason = error.reason
        os.truncate(self.report, whole_size(self.report))
        with self.report.open("ab") as file:
            file.write(encode(cells(record)))
