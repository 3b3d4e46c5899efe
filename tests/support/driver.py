"""A crawl without Scrapy and a server: its steps on files alone, a hundred times as quick.

What decides on files is the program's own: `begin`, `Ownership`, `Preparation`, `FolderStore`. A
kill is an exception that nothing catches, after which nothing is closed but the lock.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from imagefetch.errors import BadInput
from imagefetch.items import ImageRecord
from imagefetch.job.report_repair import prepare
from imagefetch.job.report_repair.prepare import NothingToDo
from imagefetch.job.report_repair.superseded_rows import compact
from imagefetch.job.run import Job, begin
from imagefetch.line import Line
from imagefetch.lists.plain import read_lines
from imagefetch.output import folder_store
from imagefetch.output.file_names import DEFAULT, NameTemplate
from imagefetch.output.folder_store import FolderStore
from imagefetch.output.ownership import leftovers
from imagefetch.output.ownership.owner import Ownership
from imagefetch.output.partial_files import Download
from imagefetch.output.report.csv_rows import cells, encode, record_of
from imagefetch.output.report.exporter import begin_report
from imagefetch.output.report.report_file import read_rows
from tests.conftest import Crawl, project
from tests.support import kill

Fetch = Callable[[str], tuple[int, bytes]]
"""Returns status and body of what is at a URL."""


class Killed(BaseException):
    """As by SIGKILL."""


@contextmanager
def killing(kill_at: str) -> Iterator[None]:
    """Let a step that `tests.support.kill` knows raise `Killed`."""
    before = folder_store.move_new, prepare.retire, leftovers.remove_file  # type: ignore[attr-defined]
    kill.STEP, _, kill.COUNT = (kill_at or ":0").partition(":")
    kill._reached = itertools.count(1)
    kill.die = _die
    kill.watch()
    try:
        yield
    finally:
        folder_store.move_new, prepare.retire, leftovers.remove_file = before  # type: ignore[attr-defined]
        kill.STEP = ""


def _die() -> None:
    raise Killed


def crawl(
    fetch: Fetch,
    folder: Path,
    store: Path,
    *words: str,
    kill_at: str = "",
    FILES_NAME: str = DEFAULT,  # noqa: N803 - as a setting is called
) -> Crawl:
    """Do what ``scrapy crawl images`` does to the files of the job in *folder*."""
    given = dict(word.split("=", 1) for word in words if word != "-a")
    places = {"urls": str(folder / "urls.txt"), "report": str(folder / "REPORT.csv")}
    with killing(kill_at):
        try:
            job = begin(project(FILES_STORE=str(store)), {**places, **given})
        except BadInput as error:
            return Crawl(2, str(error), folder)
        except NothingToDo as news:
            return Crawl(0, str(news), folder)
        except Killed:
            return Crawl(-signal.SIGKILL, kill_at, folder)
        own = Ownership(job.run.report, job.run.store)
        try:
            run(job, own, fetch, NameTemplate(FILES_NAME))
        except Killed:
            if own.intents._file is not None:
                os.close(own.intents._file)
            job.lock.release()
            return Crawl(-signal.SIGKILL, kill_at, folder)
    return Crawl(0, "", folder)


def run(job: Job, own: Ownership, fetch: Fetch, names: NameTemplate) -> None:
    """What `ImagesSpider` does from ``start`` to ``closed``."""
    store = FolderStore(str(own.store))
    store.own = own
    own.begin()
    job.preparation.commit()
    begin_report(job.run.report)
    is_done = job.journal.is_done
    known = {row.cells[0]: row for row in read_rows(job.run.report)}
    done = {line.text for line in read_lines(job.run.urls) if is_done(line)}
    for line in read_lines(job.run.urls):
        if is_done(line):
            continue
        if line.text in done:
            record = record_of(known[line.text].cells)
            record.line = line.number
        else:
            record = fetched(line, own, store, fetch, names)
        done.add(line.text)
        write(record, job.run.report)
        known = {row.cells[0]: row for row in read_rows(job.run.report)}
        own.intents.end(record.file)
        kill.reach("row")
    own.finish()
    if job.run.only:
        compact(job.run.report, job.run.store, job.run.list)
    own.close()
    job.close()


def fetched(
    line: Line, own: Ownership, store: FolderStore, fetch: Fetch, names: NameTemplate
) -> ImageRecord:
    status, body = fetch(line.text)
    record = ImageRecord(line.text, str(status), line.number, attempts=1)
    if status != 200:
        record.reason = "not-found" if status == 404 else "server-error"
        return record
    path = own.partial / str(line.number)
    path.write_bytes(body)
    record.bytes, record.sha256 = len(body), hashlib.sha256(body).hexdigest()
    kill.reach("whole")
    name = names.name(line.text, ".jpg", line.number, record.sha256)
    if_taken = names.name_if_taken(name, line.text, ".jpg")
    record.file = store.add(Download(path, len(body), record.sha256), name, if_taken)
    kill.reach("moved")
    return record


def write(record: ImageRecord, report: Path) -> None:
    row = encode(cells(record))
    with report.open("ab", buffering=0) as file:
        if kill.STEP == "torn":
            file.write(row[: len(row) // 2])
            kill.reach("torn")
            file.truncate(file.tell() - len(row) // 2)
        file.write(row)
