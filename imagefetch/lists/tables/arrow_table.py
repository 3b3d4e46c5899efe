"""Reads Parquet files, Arrow files and Arrow streams, in batches, by pyarrow."""

from __future__ import annotations

import base64
import io
import itertools
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from imagefetch.errors import BadInput
from imagefetch.lists.kept_copy import binary_offset
from imagefetch.lists.tables.records import RECORD_MAX, column_names
from imagefetch.output.own_files import LOOKED_AT

BATCH = 1_024
"""Most records that are read at a time."""

BATCH_BYTES = 2**22
"""Most bytes of a batch, but for a single record."""

CELL = 2**16
"""Characters of a cell that are read; the report carries no more of it."""


class ArrowRecords:
    """The records of a file of columns."""

    left_out = 0

    def __init__(self, file: BinaryIO, needed: Collection[str] | None = None) -> None:
        """*needed*: names of the columns that are read, others are blank; None: all.

        :raises BadInput: if pyarrow is missing, the file is damaged, or two columns have one name
        """
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise BadInput(
                "Parquet and Arrow are read by pyarrow, which is not installed: "
                "pip install -r requirements-data.txt (the extra imagefetch[data])"
            ) from None
        with _damage_as(BadInput):
            schema, self._batches = _opened(file, needed)
        self.names = column_names(schema.names)
        self._needed = self.names if needed is None else needed

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        """:raises OSError: if the file is damaged"""
        with _damage_as(OSError):
            for batch in self._batches:
                read = {name: _texts(batch.column(name)) for name in batch.schema.names}
                blank = itertools.repeat("", batch.num_rows)
                yield from zip(*(read.get(name, blank) for name in self.names), strict=False)


@contextmanager
def _damage_as(kind: type[Exception]) -> Iterator[None]:
    """Let errors of pyarrow be errors of *kind*, in one line."""
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError) as error:
        why = str(error).strip().splitlines() or [""]
        raise kind(f"is no whole Parquet or Arrow file: {why[0]}") from error


def _opened(file: BinaryIO, needed: Collection[str] | None) -> tuple[Any, Iterator[Any]]:
    """Return the schema of *file*, and its batches."""
    from pyarrow import ipc, parquet

    head = file.read(8)
    file.seek(0)
    if head.startswith(b"PAR1"):
        table = parquet.ParquetFile(file, pre_buffer=False, buffer_size=2**18)
        groups = (table.metadata.row_group(at) for at in range(table.num_row_groups))
        size = max((g.total_byte_size // max(1, g.num_rows) for g in groups), default=0)
        columns = None if needed is None else [n for n in table.schema_arrow.names if n in needed]
        rows = max(1, min(BATCH, BATCH_BYTES // max(1, size)))
        return table.schema_arrow, table.iter_batches(rows, columns=columns, use_threads=False)
    if head.startswith(b"ARROW1"):
        arrow = ipc.open_file(file)
        batches = map(arrow.get_batch, range(arrow.num_record_batches))
        return arrow.schema, _sliced(batches)
    stream = ipc.open_stream(file)
    return stream.schema, _sliced(iter(stream))


def _sliced(batches: Iterator[Any]) -> Iterator[Any]:
    for batch in batches:
        rows = max(1, min(BATCH, BATCH_BYTES * batch.num_rows // max(1, batch.nbytes)))
        for begin in range(0, batch.num_rows, rows):
            yield batch.slice(begin, rows)


def _texts(column: Any) -> Iterator[str]:
    """Yield the text of each value of *column*: nothing for null, JSON for nested values."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_nested(kind):
        return (_json(value) for value in column.to_pylist())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return (_of_bytes(value) for value in column.to_pylist())
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        try:
            column = column.cast(pa.string())
        except pa.ArrowException:  # no text for this type
            return ("" if value is None else str(value) for value in column.to_pylist())
    try:
        return ((value or "")[: CELL + 1] for value in column.to_pylist())
    except UnicodeDecodeError:
        values = column.cast(pa.binary()).to_pylist()
        return ((value or b"").decode(errors="replace")[: CELL + 1] for value in values)


def _json(value: object) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)[:RECORD_MAX]


def _of_bytes(value: bytes | None) -> str:
    try:
        return (value or b"").decode()[: CELL + 1]
    except UnicodeDecodeError:
        return base64.b64encode(value or b"").decode()[: CELL + 1]


def open_binary(path: Path) -> BinaryIO:
    """Open the file *path*, of which any part can be read; of a stored copy, the list in it.

    :raises OSError: if it can't be opened
    """
    file = path.open("rb")
    offset = binary_offset(file.read(LOOKED_AT))
    file.seek(0)
    return io.BufferedReader(_Behind(file, offset)) if offset else file


class _Behind(io.RawIOBase):
    """A file without its first bytes."""

    def __init__(self, file: BinaryIO, offset: int) -> None:
        self._file = file
        self._offset = offset
        file.seek(offset)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer)  # type: ignore[attr-defined, no-any-return]

    def tell(self) -> int:
        return self._file.tell() - self._offset

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET:
            position += self._offset
        return self._file.seek(position, whence) - self._offset

    def close(self) -> None:
        self._file.close()
        super().close()
