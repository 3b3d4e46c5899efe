"""The job folder: a local or shared folder, or any address that fsspec knows.

    job.json                              what the job is; its id alone, until all shards are there
    job-3c…/shards/000012.shard           a part of the list
    job-3c…/attempts/000012/0002-5f….csv  the report of an attempt at it, see
                                          `imagefetch.fleet.worker.attempt`
    job-3c…/attempts/000012/0002-5f….json what the next attempt must know of this one
    job-3c…/done/000012.json              which attempt did the last of its lines

What is of one job lies under its id: a worker that is still at one that was given up can't
touch the next. Whatever is written appears whole or not at all, but for reports, whose last row
may be torn.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs
from scrapy.settings import BaseSettings

from imagefetch.lists.shards import SHARD_SUFFIX
from imagefetch.output.partial_files import partial_folder
from imagefetch.output.store_paths import is_remote

JSON_MAX = 2**20
"""Bytes that are read of a file that tells of a job, a shard or an attempt."""

ATTEMPT = re.compile(r"[0-9]{4,9}-[0-9a-z]{1,16}")
"""What an attempt is called."""

BEFORE = "0000-before"
"""The attempt that none was: rows that lines had before their job began."""

COUNT_MAX = 2**40
"""More lines than any list has."""

AT_ONCE = 16
"""Files that are read at once, where each may take its time."""


@contextmanager
def _os_errors() -> Iterator[None]:
    """Let whatever a file system raises be an OSError.

    Those of buckets raise errors of their libraries too, which have no class in common.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


class JobFolder:
    """The job folder at *address*; *options* are those of its fsspec file system.

    :raises OSError: from any method, if the file system refuses
    """

    def __init__(self, address: str, options: Mapping[str, Any]) -> None:
        self.address = address
        self.options = options
        self.fs, self.root = url_to_fs(address, **options)
        local = "file" in self.fs.protocol if isinstance(self.fs.protocol, tuple) else False
        self.local = Path(self.root) if local else None
        """Where it is a folder that can be worked in directly."""

    @_os_errors()
    def read(self, path: str) -> bytes | None:
        """Return what the file *path* holds, `JSON_MAX` bytes of it; None if there is none."""
        self.fs.invalidate_cache()  # others write there: what was not there a moment ago may be
        if self.local is not None and not (self.local / path).is_file():
            return None  # a pipe would never end
        try:
            content: bytes = self.fs.cat_file(f"{self.root}/{path}", start=0, end=JSON_MAX)
        except FileNotFoundError:
            return None
        return content

    @_os_errors()
    def write(self, path: str, content: bytes) -> None:
        """Put *content* into the file *path*, all at once."""
        if self.local is None:
            self.fs.pipe_file(f"{self.root}/{path}", content)
            return
        place, new = self._place(self.local / path)
        new.write_bytes(content)
        new.replace(place)

    @_os_errors()
    def send(self, file: Path, path: str) -> None:
        """Put the local *file* at *path*; within a local folder it is moved."""
        if self.local is None:
            self.fs.put_file(str(file), f"{self.root}/{path}")
            return
        place, new = self._place(self.local / path)
        shutil.move(file, new)  # it may come from another file system
        new.replace(place)

    @staticmethod
    def _place(place: Path) -> tuple[Path, Path]:
        """Make room at *place*; return it, and where to write first."""
        place.parent.mkdir(parents=True, exist_ok=True)
        return place, place.with_name(f".{place.name}.{os.getpid()}.new")

    @_os_errors()
    def fetch(self, path: str, folder: Path) -> Path:
        """Return a local path for the file *path*: itself, or a copy in *folder*.

        :raises FileNotFoundError: if there is no such file
        """
        if self.local is not None:
            (self.local / path).stat()
            return self.local / path
        self.fs.invalidate_cache()
        copy = folder / Path(path).name
        self.fs.get_file(f"{self.root}/{path}", str(copy))
        return copy

    @_os_errors()
    def names(self, path: str = "") -> list[str]:
        """Return the names of what lies in the folder *path*, in order; none if there is none."""
        self.fs.invalidate_cache()
        try:
            found = self.fs.ls(f"{self.root}/{path}".rstrip("/"), detail=False)
        except FileNotFoundError:
            return []
        names = {str(each).rstrip("/").rpartition("/")[2] for each in found}
        return sorted(name for name in names if not name.startswith("."))

    def of(self, job: str) -> JobFolder:
        """Return the folder of what is of the job with that id."""
        return JobFolder(f"{self.address.rstrip('/')}/job-{job}", self.options)

    def job(self) -> dict[str, Any] | None:
        """Return what ``job.json`` says; None if there is none.

        :raises ValueError: if it says nothing
        """
        content = self.read("job.json")
        return None if content is None else _loaded(content)

    def outcomes(self) -> dict[int, dict[str, Any]]:
        """Return `outcome` of each shard of which every line has its row."""
        shards = _numbers(name.removesuffix(".json") for name in self.names("done"))
        with ThreadPoolExecutor(AT_ONCE) as threads:
            found = zip(shards, threads.map(self.outcome, shards), strict=True)
            return {shard: outcome for shard, outcome in found if outcome is not None}

    def outcome(self, shard: int) -> dict[str, Any] | None:
        """Return what the attempt that did the last of *shard* left; None before, and where that
        is damaged: then another attempt finds that nothing is left to do."""
        outcome = _if_whole(self.read(done_path(shard)))
        return outcome if outcome is not None and _is_outcome(outcome) else None

    def attempts(self, shard: int) -> list[str]:
        """Return the names of the attempts at *shard*, the newest last."""
        found = self.names(f"attempts/{shard:06}")
        names = (name.removesuffix(".csv") for name in found if name.endswith(".csv"))
        return [name for name in names if ATTEMPT.fullmatch(name)]

    def tried(self) -> list[int]:
        """Return the shards that there were attempts at."""
        return _numbers(self.names("attempts"))

    def note(self, shard: int, attempt: str) -> dict[str, Any]:
        """Return what *attempt* left for the next one; nothing where that is damaged."""
        return _if_whole(self.read(attempt_path(shard, attempt, ".json"))) or {}

    def report_path(self, shard: int, attempt: str, scratch: Path) -> Path:
        """Return the path by which the process of *attempt* knows its report: in a local job
        folder, else in the worker's *scratch* folder."""
        if self.local is not None:
            return self.local / attempt_path(shard, attempt)
        job = self.root.rpartition("/")[2]
        return scratch / f"{job}-{shard:06}-{attempt}.csv"

    def partial_folder(self, store: str, shard: int, attempt: str) -> Path | None:
        """Return the folder of *attempt*'s partial files, whichever machine made it; None where
        they lie in a worker's scratch folder, for neither *store* nor job folder is local.

        Nothing of what the job folder holds is taken for a path.
        """
        if self.local is None and is_remote(store):
            return None
        return partial_folder(store, self.report_path(shard, attempt, Path()))

    @_os_errors()
    def has(self, path: str) -> bool:
        """Whether there is a file *path*."""
        self.fs.invalidate_cache()
        try:
            self.fs.info(f"{self.root}/{path}")
        except FileNotFoundError:
            return False
        return True

    @_os_errors()
    def remove_files(self, *paths: str) -> None:
        """Remove what there is of *paths*, and the folders that are empty without them."""
        for path in paths:
            with suppress(FileNotFoundError):
                self.fs.rm_file(f"{self.root}/{path}")
            if self.local is not None:
                with suppress(OSError):
                    for folder in (self.local / path).parents[: path.count("/") + 2]:
                        folder.rmdir()

    @_os_errors()
    def remove(self) -> None:
        """Remove what this program put there, ``job.json`` last; the folder too, where empty."""
        if "job.json" in (names := self.names()):
            self.write("job.json", b"{}")  # should this be cut short, no job is to be gone on with
        for name in filter(is_of_a_job, names):
            gone = name
            if self.local is not None:  # where a worker that is still at it puts nothing
                gone = name.replace("job-", "gone-")
                (self.local / name).rename(self.local / gone)
            try:
                self.fs.rm(f"{self.root}/{gone}", recursive=True)
            except OSError:  # a call of the worker's was under way as its folder was renamed
                self.fs.rm(f"{self.root}/{gone}", recursive=True)
        if self.local is not None:
            with suppress(OSError):
                self.local.rmdir()


def is_of_a_job(name: str) -> bool:
    """Whether this program puts something of that *name* into a job folder."""
    return re.fullmatch(r"(job|gone)-[0-9a-f]{12}|job\.json", name) is not None


def shard_path(shard: int) -> str:
    """Return where in the job folder the lines of *shard* are."""
    return f"shards/{shard:06}{SHARD_SUFFIX}"


def attempt_path(shard: int, attempt: str, suffix: str = ".csv") -> str:
    """Return where in the job folder the report of *attempt* at *shard* is."""
    return f"attempts/{shard:06}/{attempt}{suffix}"


def done_path(shard: int) -> str:
    """Return where in the job folder it is told that *shard* is done."""
    return f"done/{shard:06}.json"


def storage_options(address: str, settings: BaseSettings) -> dict[str, Any]:
    """Return options for the file system at *address*: Scrapy's AWS settings, for S3."""
    if not address.startswith(("s3://", "s3a://")):
        return {}
    options = {
        "key": settings["AWS_ACCESS_KEY_ID"],
        "secret": settings["AWS_SECRET_ACCESS_KEY"],
        "token": settings["AWS_SESSION_TOKEN"],
        "endpoint_url": settings["AWS_ENDPOINT_URL"],
    }
    if region := settings["AWS_REGION_NAME"]:
        options["client_kwargs"] = {"region_name": region}
    return {name: value for name, value in options.items() if value}


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
    with suppress(ValueError):
        return None if content is None else _loaded(content)
    return None


def _is_outcome(told: dict[str, Any]) -> bool:
    """Whether *told* is of the kinds that an attempt leaves."""
    attempt = told.get("attempt")
    counts = [told.get("done", 0), told.get("kept", 0)]
    return (
        isinstance(attempt, str)
        and ATTEMPT.fullmatch(attempt) is not None
        and isinstance(told.get("clean", False), bool)
        and all(type(number) is int and 0 <= number < COUNT_MAX for number in counts)
    )


def _numbers(names: Iterable[str]) -> list[int]:
    """Return the numbers of shards among *names*."""
    return [int(name) for name in names if re.fullmatch("[0-9]{6,9}", name)]
