"""A store that is a local folder."""

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

# Folders whose path is remembered as made and looked at.
FOLDERS = 100_000

# Files that are put into their places at once, where names are the same, wait for each other.
LOCKS = 64


class FolderStore(FSFilesStore):
    """Moves files into their places, each atomically, over none but its report's own."""

    own: Ownership
    """Set before the first file is taken."""

    def __init__(self, basedir: str) -> None:
        super().__init__(basedir)
        self._folders: set[str] = set()
        self._locks = [threading.Lock() for _ in range(LOCKS)]

    def take(self, download: Download, name: str) -> str:
        """Move *download* to *name*, or where another's file is there, below the report's own
        folder; return where it is.

        :raises StoreError: if a folder on the way is a symbolic link
        :raises OSError: if the file system refuses
        """
        with self._locks[hash(name) % LOCKS]:
            try:
                return self._take(download, name)
            except FileNotFoundError:  # another run has removed a folder that was empty
                self._folders.clear()
                return self._take(download, name)

    def _take(self, download: Download, name: str) -> str:
        body, other = str(download.path), ""
        for place in self.own.places(name):
            if "/" in place:
                self._make_folders(place)
            target = f"{self.basedir}/{place}"
            if self._put(body, other, place, target):
                return place
            status = os.lstat(target)
            same = _holds(target, status, download)
            owner = self.own.owner(place, status.st_mtime_ns)
            if same and owner is not Owner.OTHER:
                os.unlink(body)  # noqa: PTH108 - once a picture; no path is to be parsed
                return place
            if owner is Owner.EARLIER:
                self._replace(body, place, target)
                return place
            if same:
                other = target
        raise StoreError(f"{name}: no name is free for it in {self.own.folder}; move that away")

    def _put(self, body: str, other: str, place: str, target: str) -> bool:
        """Let *target* be *body*, or a link to *other* of equal bytes; False if it is taken."""
        moved = Identity.of(os.stat(other or body))  # noqa: PTH116 - as above
        self.own.note(place, moved)
        try:
            if not other:
                move_new(body, target)
            elif link_new(other, target):
                os.unlink(body)  # noqa: PTH108 - as above
            else:
                return self._put(body, "", place, target)
        except FileExistsError:
            if os.path.samestat(os.lstat(body), os.lstat(target)):
                os.unlink(body)  # noqa: PTH108 - it was moved: a network's reply was lost
                self.own.intents.moved.add(place)
                return True
            self.own.intents.take_back(place, moved)
            return False
        self.own.intents.moved.add(place)
        return True

    def _replace(self, body: str, place: str, target: str) -> None:
        self.own.note(place, Identity.of(os.stat(body)))  # noqa: PTH116 - as above
        os.replace(body, target)  # noqa: PTH105 - as above
        self.own.intents.moved.add(place)

    def _make_folders(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        if folder in self._folders:
            return
        for parent in reversed(PurePosixPath(path).parents[:-1]):
            place = Path(self.basedir, parent)
            with suppress(FileExistsError):
                place.mkdir()
            if place.is_symlink() or not place.is_dir():
                raise StoreError(f"{place}: is no folder, or a symbolic link; move it away")
        if len(self._folders) >= FOLDERS:
            self._folders.clear()
        self._folders.add(folder)


def _holds(path: str, status: os.stat_result, download: Download) -> bool:
    """Whether the file *path* holds the bytes of *download*.

    :raises IsADirectoryError: if it is a folder
    """
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(21, "Is a directory")
    if not stat.S_ISREG(status.st_mode) or status.st_size != download.size:
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == download.sha256
