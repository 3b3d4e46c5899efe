"""Reads and writes the files in a folder: a local or shared one, or at any address that fsspec
supports."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs
from scrapy.settings import BaseSettings

READ_MAX = 2**20
"""Maximum number of bytes that are read of a file by `FileSystemFolder.read`."""


@contextmanager
def os_errors() -> Iterator[None]:
    """Turn any exception of a file system into an OSError.

    File systems for buckets raise errors of their libraries, which share no base class.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


class FileSystemFolder:
    """The folder at *address*; *options* are the options of its fsspec file system.

    Any method raises OSError if the file system refuses. Files are written atomically.
    """

    def __init__(self, address: str, options: Mapping[str, Any]) -> None:
        self.address = address
        self.options = options
        self.fs, self.root = url_to_fs(address, **options)
        local = "file" in self.fs.protocol if isinstance(self.fs.protocol, tuple) else False
        self.local = Path(self.root) if local else None
        """Path of a local folder; None for a remote one."""

    @os_errors()
    def read(self, path: str) -> bytes | None:
        """Return the first `READ_MAX` bytes of the file *path*; None if there is no such file."""
        self.fs.invalidate_cache()  # other processes write there
        if self.local is not None and not (self.local / path).is_file():
            return None  # not even opened: reading a pipe might never end
        try:
            content: bytes = self.fs.cat_file(f"{self.root}/{path}", start=0, end=READ_MAX)
        except FileNotFoundError:
            return None
        return content

    @os_errors()
    def write(self, path: str, content: bytes) -> None:
        """Write *content* to the file *path* atomically."""
        if self.local is None:
            self.fs.pipe_file(f"{self.root}/{path}", content)
            return
        target, new = self._prepare(self.local / path)
        new.write_bytes(content)
        new.replace(target)

    @os_errors()
    def send(self, file: Path, path: str) -> None:
        """Upload the local *file* to *path*; move it if the folder is local."""
        if self.local is None:
            self.fs.put_file(str(file), f"{self.root}/{path}")
            return
        target, new = self._prepare(self.local / path)
        shutil.move(file, new)  # the file may be on another file system
        new.replace(target)

    @staticmethod
    def _prepare(target: Path) -> tuple[Path, Path]:
        """Create the folder of *target*; return *target* and the temporary path to write first."""
        target.parent.mkdir(parents=True, exist_ok=True)
        return target, target.with_name(f".{target.name}.{os.getpid()}.new")

    @os_errors()
    def fetch(self, path: str, folder: Path) -> Path:
        """Return a local path of the file *path*: the file itself, or a copy in *folder*.

        :raises FileNotFoundError: if there is no such file
        """
        if self.local is not None:
            (self.local / path).stat()
            return self.local / path
        self.fs.invalidate_cache()
        copy = folder / Path(path).name
        self.fs.get_file(f"{self.root}/{path}", str(copy))
        return copy

    @os_errors()
    def names(self, path: str = "") -> list[str]:
        """Return the sorted names in the folder *path*, without hidden files; an empty list if
        there is no such folder."""
        self.fs.invalidate_cache()
        try:
            entries = self.fs.ls(f"{self.root}/{path}".rstrip("/"), detail=False)
        except FileNotFoundError:
            return []
        names = {str(entry).rstrip("/").rpartition("/")[2] for entry in entries}
        return sorted(name for name in names if not name.startswith("."))

    @os_errors()
    def has(self, path: str) -> bool:
        """Whether the file *path* exists."""
        self.fs.invalidate_cache()
        try:
            self.fs.info(f"{self.root}/{path}")
        except FileNotFoundError:
            return False
        return True

    @os_errors()
    def remove_files(self, *paths: str) -> None:
        """Remove the files *paths*, if they exist, and folders that are empty afterwards."""
        for path in paths:
            with suppress(FileNotFoundError):
                self.fs.rm_file(f"{self.root}/{path}")
            if self.local is not None:
                with suppress(OSError):
                    for folder in (self.local / path).parents[: path.count("/") + 2]:
                        folder.rmdir()


def storage_options(address: str, settings: BaseSettings) -> dict[str, Any]:
    """Return the options of the file system at *address*: for S3, Scrapy's AWS settings."""
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
