"""Stores files in a local folder."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path, PurePosixPath

from scrapy.pipelines.files import FSFilesStore

from imagefetch.errors import StoreError
from imagefetch.output.ownership.moves import Identity, link_new, move_new
from imagefetch.output.ownership.named_files import Owner
from imagefetch.output.ownership.owner import Ownership
from imagefetch.output.partial_files import Download

# Maximum number of folders that are remembered as created and checked.
FOLDERS = 100_000

# Number of locks that names are hashed to: two files of the same name are stored one by one.
LOCKS = 64


class FolderStore(FSFilesStore):
    """Moves files into the store, each atomically, and replaces only files of its own report."""

    own: Ownership
    """Set before the first call of `add`."""

    def __init__(self, basedir: str) -> None:
        super().__init__(basedir)
        self._folders: set[str] = set()
        self._locks = [threading.Lock() for _ in range(LOCKS)]

    def add(self, download: Download, name: str, if_taken: str = "") -> str:
        """Move *download* to *name*; return the name that was used.

        If *name* is taken, it is *if_taken*, for a template that may give two images the same
        name; if that is empty or taken, it is in the report's own folder.

        :raises StoreError: if a parent folder is a symbolic link, or no name is free
        :raises OSError: if the file system refuses
        """
        with self._locks[hash(name) % LOCKS]:
            try:
                return self._add(download, name, if_taken)
            except FileNotFoundError:  # another run has removed an empty folder
                self._folders.clear()
                return self._add(download, name, if_taken)

    def _add(self, download: Download, name: str, if_taken: str) -> str:
        body, equal_file = str(download.path), ""
        for candidate in self._candidates(name, if_taken):
            if "/" in candidate:
                self._make_folders(candidate)
            target = f"{self.basedir}/{candidate}"
            if self._move(body, equal_file, candidate, target):
                return candidate
            status = os.lstat(target)
            same = _has_same_bytes(target, status, download)
            owner = self.own.owner(candidate, status.st_mtime_ns)
            if candidate == name and if_taken:
                # Of equal images, too, each has its own file. Other processes of a fleet may be
                # about to replace the same file.
                if owner is not Owner.EARLIER or self.own.part:
                    continue
                self._replace(body, candidate, target)
                return candidate
            if same and owner is not Owner.OTHER:
                os.unlink(body)  # noqa: PTH108 - for each image: parse no path
                return candidate
            if owner is Owner.EARLIER:
                self._replace(body, candidate, target)
                return candidate
            if same:
                equal_file = target
        raise StoreError(
            f"{name}: all names for it in {self.own.folder} are taken; move that folder away"
        )

    def _candidates(self, name: str, if_taken: str) -> list[str]:
        if not if_taken:
            return self.own.candidate_names(name)
        return [name, *self.own.candidate_names(if_taken)]

    def _move(self, body: str, equal_file: str, name: str, target: str) -> bool:
        """Move *body* to *target*, or make *target* a hard link to *equal_file*, which has the
        same bytes; return False if *target* exists."""
        identity = Identity.of(os.stat(equal_file or body))  # noqa: PTH116 - as above
        self.own.note(name, identity)
        try:
            if not equal_file:
                move_new(body, target)
            elif link_new(equal_file, target):
                os.unlink(body)  # noqa: PTH108 - as above
            else:
                return self._move(body, "", name, target)
        except FileExistsError:
            if os.path.samestat(os.lstat(body), os.lstat(target)):
                os.unlink(body)  # noqa: PTH108 - linked; the file server's reply was lost
                self.own.intents.moved.add(name)
                return True
            self.own.intents.cancel(name, identity)
            return False
        self.own.intents.moved.add(name)
        return True

    def _replace(self, body: str, name: str, target: str) -> None:
        self.own.note(name, Identity.of(os.stat(body)))  # noqa: PTH116 - as above
        os.replace(body, target)  # noqa: PTH105 - as above
        self.own.intents.moved.add(name)

    def _make_folders(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        if folder in self._folders:
            return
        for parent in reversed(PurePosixPath(path).parents[:-1]):
            path_of_parent = Path(self.basedir, parent)
            with suppress(FileExistsError):
                path_of_parent.mkdir()
            if path_of_parent.is_symlink() or not path_of_parent.is_dir():
                raise StoreError(
                    f"{path_of_parent}: not a folder, or a symbolic link; move it away"
                )
        if len(self._folders) >= FOLDERS:
            self._folders.clear()
        self._folders.add(folder)


def _has_same_bytes(path: str, status: os.stat_result, download: Download) -> bool:
    """Whether the file *path* has the same bytes as *download*.

    :raises IsADirectoryError: if *path* is a folder
    """
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(21, "Is a directory")
    if not stat.S_ISREG(status.st_mode) or status.st_size != download.size:
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == download.sha256
