"""Appends to many files, with a buffer in memory that they share."""

from __future__ import annotations

import shutil
from pathlib import Path

BUFFER = 64 * 2**20
"""Bytes that are buffered in memory."""

OVERHEAD = 50
"""Bytes of memory that a bytes object in a list takes besides its content."""


class Appender:
    """Appends to files in *folder*, which is emptied first; each file begins with *header*.

    :raises OSError: in each method, if the file system refuses
    """

    def __init__(self, folder: Path, header: bytes = b"") -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder = folder
        self._header = header
        self._buffers: dict[str, list[bytes]] = {}
        self._size = 0

    def append(self, name: str, data: bytes) -> None:
        """Append *data* to the file *name*; it may be written only when `flush` is called."""
        self._buffers.setdefault(name, []).append(data)
        self._size += len(data) + OVERHEAD
        if self._size > BUFFER:
            self.flush()

    def flush(self) -> None:
        """Write the buffer to the files."""
        for name, pieces in self._buffers.items():
            with (self.folder / name).open("ab") as file:
                if self._header and not file.tell():
                    file.write(self._header)
                file.writelines(pieces)
        self._buffers.clear()
        self._size = 0

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
