"""Fences off the crawl process of an earlier attempt, and detects missed heartbeats.

The process is believed dead, but may be alive. Its rows do no harm: they go into its own report,
which is no longer read. But it could move a partial file over an image that a row of the next
attempt names. So its partial files are removed before the next attempt starts, and their folder
is blocked.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from imagefetch.output.ownership.intents import NOTES_FILE, Notes, read_notes, write_notes
from imagefetch.output.ownership.moves import move_new


def fence_off(partial: Path) -> Notes:
    """Remove the folder *partial* and its content, and prevent that it is created again.

    A file at its path blocks it. The file holds the notes of what the process has moved into
    the store; they are returned. Does nothing where the folder is on another machine.

    :raises OSError: if the file system refuses
    """
    aside = partial.with_name(f"{partial.name}.dead")
    if partial.parent.is_symlink():  # its target does not belong to the store
        return {}
    while partial.parent.is_dir() and not partial.is_file():
        with suppress(FileNotFoundError):
            partial.rename(aside)
        notes = partial.with_name(f"{partial.name}.notes")
        write_notes(notes, read_notes(aside / NOTES_FILE))
        with suppress(FileExistsError):
            move_new(str(notes), str(partial))
        notes.unlink(missing_ok=True)
        shutil.rmtree(aside, ignore_errors=True)
    return notes_of(partial)


def notes_of(partial: Path) -> Notes:
    """Return the notes of what was moved from the folder *partial*, fenced off or not."""
    return read_notes(partial if partial.is_file() else partial / NOTES_FILE)


def remove_fence(partial: Path) -> None:
    """Remove the file that `fence_off` created, or the partial files of a killed process."""
    if partial.parent.is_symlink():
        return
    if partial.is_dir():
        shutil.rmtree(partial, ignore_errors=True)
    else:
        partial.unlink(missing_ok=True)
    with suppress(OSError):
        partial.parent.rmdir()


class Heartbeat:
    """Detects that this process was stopped, with a thread that reads *clock* regularly.

    More than *limit* seconds between two readings are a missed heartbeat. Slow work in other
    threads is not one.
    """

    def __init__(self, limit: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._last = clock()
        self._missed = False
        self._lock = threading.Lock()
        self._over = threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def has_missed(self) -> bool:
        """Whether a heartbeat was missed at any time until now."""
        with self._lock:
            now = self._clock()
            self._missed |= now - self._last > self._limit
            self._last = now
            return self._missed

    def end(self) -> None:
        self._over.set()

    def _beat(self) -> None:
        while not self._over.wait(self._limit / 10):
            self.has_missed()
