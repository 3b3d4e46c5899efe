"""Reads and writes the job folder.

    job.json                              the job; only its id until all shards are written
    job-3c…/shards/000012.shard           a part of the list
    job-3c…/attempts/000012/0002-5f….csv  the report of an attempt at that shard, see
                                          `imagefetch.fleet.worker.attempt`
    job-3c…/attempts/000012/0002-5f….json the note of that attempt for the next one
    job-3c…/attempts/000012/0002-5f….kinds  what its report does not say, see
                                          `imagefetch.stats.kind_log`
    job-3c…/done/000012.json              the attempt that completed the shard

The files of a job are under its id, so that a worker of a discarded job can't touch the next
job. Files are written atomically, except reports, whose last row may be truncated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from imagefetch.fleet.file_system import FileSystemFolder, os_errors
from imagefetch.lists.shards import SHARD_SUFFIX
from imagefetch.output.partial_files import partial_folder
from imagefetch.output.store_paths import is_remote

ATTEMPT = re.compile(r"[0-9]{4,9}-[0-9a-z]{1,16}")
"""Pattern of the name of an attempt."""

BEFORE = "0000-before"
"""Name under which the rows are stored that lines had before their job began."""

COUNT_MAX = 2**40
"""Upper bound of counts in JSON files; more lines than any list has."""

AT_ONCE = 16
"""Files that are read concurrently, since a remote file may take long."""


class JobFolder(FileSystemFolder):
    """The job folder, or a job's part of it."""

    def of(self, job: str) -> JobFolder:
        """Return the folder of the files of the job with the id *job*."""
        return JobFolder(f"{self.address.rstrip('/')}/job-{job}", self.options)

    def job(self) -> dict[str, Any] | None:
        """Return the content of ``job.json``; None if there is no such file.

        :raises ValueError: if it is not a JSON object
        """
        content = self.read("job.json")
        return None if content is None else _loaded(content)

    def outcomes(self) -> dict[int, dict[str, Any]]:
        """Return the `outcome` of each shard that is done."""
        shards = _numbers(name.removesuffix(".json") for name in self.names("done"))
        with ThreadPoolExecutor(AT_ONCE) as threads:
            outcomes = zip(shards, threads.map(self.outcome, shards), strict=True)
            return {shard: outcome for shard, outcome in outcomes if outcome is not None}

    def outcome(self, shard: int) -> dict[str, Any] | None:
        """Return what the attempt that completed *shard* has recorded.

        None if the shard is not done, or the file is damaged: then another attempt finds that no
        line is left, and writes it again.
        """
        outcome = _if_whole(self.read(done_path(shard)))
        return outcome if outcome is not None and _is_outcome(outcome) else None

    def attempts(self, shard: int) -> list[str]:
        """Return the names of the attempts at *shard*, the newest last."""
        files = self.names(f"attempts/{shard:06}")
        names = (name.removesuffix(".csv") for name in files if name.endswith(".csv"))
        return [name for name in names if ATTEMPT.fullmatch(name)]

    def attempted_shards(self) -> list[int]:
        """Return the numbers of the shards that have attempts."""
        return _numbers(self.names("attempts"))

    def note(self, shard: int, attempt: str) -> dict[str, Any]:
        """Return the note of *attempt* for the next one; an empty dict if it is damaged."""
        return _if_whole(self.read(attempt_path(shard, attempt, ".json"))) or {}

    def report_path(self, shard: int, attempt: str, scratch: Path) -> Path:
        """Return the path to which the process of *attempt* writes its report: in a local job
        folder, else in the worker's *scratch* folder."""
        if self.local is not None:
            return self.local / attempt_path(shard, attempt)
        job = self.root.rpartition("/")[2]
        return scratch / f"{job}-{shard:06}-{attempt}.csv"

    def partial_folder(self, store: str, shard: int, attempt: str) -> Path | None:
        """Return the folder of *attempt*'s partial files, which is the same on every machine; None
        if they are in a worker's scratch folder, since neither *store* nor job folder is local.

        No content of the job folder is used as a path.
        """
        if self.local is None and is_remote(store):
            return None
        return partial_folder(store, self.report_path(shard, attempt, Path()))

    @os_errors()
    def remove(self) -> None:
        """Remove the files of this program, ``job.json`` last; then the folder if it is empty."""
        if "job.json" in (names := self.names()):
            self.write("job.json", b"{}")  # if this is interrupted, the job must not be resumed
        for name in filter(is_of_a_job, names):
            gone = name
            if self.local is not None:  # renamed, so that a running worker writes nothing into it
                gone = name.replace("job-", "gone-")
                (self.local / name).rename(self.local / gone)
            try:
                self.fs.rm(f"{self.root}/{gone}", recursive=True)
            except OSError:  # a worker was writing a file while its folder was renamed
                self.fs.rm(f"{self.root}/{gone}", recursive=True)
        if self.local is not None:
            with suppress(OSError):
                self.local.rmdir()


def is_of_a_job(name: str) -> bool:
    """Whether *name* is that of a file or folder of this program in a job folder."""
    return re.fullmatch(r"(job|gone)-[0-9a-f]{12}|job\.json", name) is not None


def shard_path(shard: int) -> str:
    """Return the path of the lines of *shard* in the job folder."""
    return f"shards/{shard:06}{SHARD_SUFFIX}"


def attempt_path(shard: int, attempt: str, suffix: str = ".csv") -> str:
    """Return the path of the report of *attempt* at *shard* in the job folder."""
    return f"attempts/{shard:06}/{attempt}{suffix}"


def done_path(shard: int) -> str:
    """Return the path of the file in the job folder that marks *shard* as done."""
    return f"done/{shard:06}.json"


def _loaded(content: bytes) -> dict[str, Any]:
    """:raises ValueError: if *content* isn't a JSON object"""
    try:
        loaded = json.loads(content)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(loaded, dict):
        raise ValueError("no JSON object")
    return loaded


def _if_whole(content: bytes | None) -> dict[str, Any] | None:
    """Return *content* as a JSON object; None if it is missing or damaged."""
    with suppress(ValueError):
        return None if content is None else _loaded(content)
    return None


def _is_outcome(content: dict[str, Any]) -> bool:
    """Whether *content* has the types of an outcome that an attempt has written."""
    attempt = content.get("attempt")
    counts = [content.get("done", 0), content.get("kept", 0)]
    return (
        isinstance(attempt, str)
        and ATTEMPT.fullmatch(attempt) is not None
        and isinstance(content.get("clean", False), bool)
        and all(type(number) is int and 0 <= number < COUNT_MAX for number in counts)
    )


def _numbers(names: Iterable[str]) -> list[int]:
    """Return the numbers of those *names* that are shard numbers."""
    return [int(name) for name in names if re.fullmatch("[0-9]{6,9}", name)]
