"""Keeping a process that is believed dead, and may live, from touching what its successor does.

Such a process writes its rows into a report of its own, which nobody reads any more. It
could still move a picture over one that its successor's row names, were its partial files
there. They are taken away first; then no move of its can succeed.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from imagefetch.output.ownership.intents import RECORD, Notes, read_notes, write_notes
from imagefetch.output.ownership.moves import move_new


def put_up(partial: Path) -> Notes:
    """Remove the folder *partial* with what is in it, and let nobody make it anew.

    A file takes its place, with the notes of what the process has moved; they are returned.
    Where the folder's machine is another's, nothing happens.

    :raises OSError: if the file system refuses
    """
    aside = partial.with_name(f"{partial.name}.dead")
    if partial.parent.is_symlink():  # what it leads to is not the store's
        return {}
    while partial.parent.is_dir() and not partial.is_file():
        with suppress(FileNotFoundError):
            partial.rename(aside)
        notes = partial.with_name(f"{partial.name}.notes")
        write_notes(notes, read_notes(aside / RECORD))
        with suppress(FileExistsError):
            move_new(str(notes), str(partial))
        notes.unlink(missing_ok=True)
        shutil.rmtree(aside, ignore_errors=True)
    return notes_of(partial)


def notes_of(partial: Path) -> Notes:
    """Return the notes of what was moved from the folder *partial*, be it behind its fence."""
    return read_notes(partial if partial.is_file() else partial / RECORD)


def take_down(partial: Path) -> None:
    """Remove what `put_up` left, and what a killed process did."""
    if partial.parent.is_symlink():
        return
    if partial.is_dir():
        shutil.rmtree(partial, ignore_errors=True)
    else:
        partial.unlink(missing_ok=True)
    with suppress(OSError):
        partial.parent.rmdir()


class Pulse:
    """A thread that looks at the *clock* now and then: more than *limit* seconds between two
    looks tell of it, however long the work beside takes."""

    def __init__(self, limit: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._last = clock()
        self._missed = False
        self._lock = threading.Lock()
        self._over = threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def has_missed(self) -> bool:
        """Whether it was so at any time until now."""
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
