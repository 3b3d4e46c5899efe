"""Builds an image's file name from a template, and finds the file for a name."""

from __future__ import annotations

import re
import stat
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Formatter
from typing import NamedTuple

from pathvalidate import sanitize_filename

from imagefetch.output.report.columns import unique_names
from imagefetch.output.safe_names import (
    BAD_START,
    HASH_LENGTH,
    HOST_MAX,
    PLAIN_SEGMENT,
    STEM_MAX,
    hash_of,
    safe_cell,
    safe_host,
    safe_stem,
    stem_of,
    usable,
)

__all__ = ["DEFAULT", "PLAIN_SEGMENT", "NameTemplate", "file_name", "safe_stem", "stored_file"]

DEFAULT = "{stem}-{hash}{ext}"

# Fields of FILES_NAME, with the maximum bytes of each.
FIELDS = {
    "stem": STEM_MAX,
    "hash": HASH_LENGTH,
    "ext": 5,
    "host": HOST_MAX,
    "line": 12,
    "part": 9,
    "sha256": 64,
}
NUMBERS = {"line", "part"}

COMPONENT_MAX = 255
"""Maximum bytes of a file's or folder's name, on most file systems."""

SEPARATORS = "-_. ,+~"
"""Characters that an empty field takes along."""


class Piece(NamedTuple):
    """Literal text of a template, and the field after it."""

    literal: str
    field: str | None
    spec: str


class NameTemplate:
    """FILES_NAME: ``{stem}-{hash}{ext}``, ``{host}/{hash:.2}/{hash}{ext}``, ``{sha256}{ext}``,
    ``{sku}-{part}{ext}``."""

    def __init__(self, text: str, columns: Sequence[str] | None = ()) -> None:
        """*columns* are those of the list that the report carries; None if the list is not known
        yet: then any name may be one.

        :raises ValueError: if *text* is not a valid template; the message says why
        """
        self._columns: Mapping[str, str] | None = None
        if columns is not None:
            self._columns = dict(zip(unique_names(columns, FIELDS), columns, strict=True))
        try:
            self.pieces = [self._piece(*part) for part in Formatter().parse(text)]
        except ValueError as error:
            raise ValueError(f"{error}; write it as {DEFAULT}") from None
        if not any(piece.field for piece in self.pieces):
            raise ValueError("two URLs could get the same file; add a field, as {hash}")
        whole = {piece.field for piece in self.pieces if not piece.spec}
        self.by_content = "sha256" in whole and "hash" not in whole
        """Whether identical images share a file."""
        self.may_repeat = not whole & {"hash", "sha256"}
        """Whether two images may get the same name."""
        self._uses = {piece.field for piece in self.pieces}
        self._own = [field for field in self._uses if field and field not in FIELDS]
        self._plain = "/" not in text and self.pieces[0].field == "stem" and "hash" in whole
        self._plain &= self._uses <= {"stem", "hash", "ext", "sha256", "line", "host", None}
        self._components = self._split()
        for component in self._components:
            _check(component, HASH_LENGTH + 1 if self.may_repeat else 0)

    def name(
        self,
        url: str,
        extension: str,
        line: int = 0,
        sha256: str = "",
        *,
        part: int | None = None,
        record: Mapping[str, str] | None = None,
    ) -> str:
        """Return the path for the image at *url*, relative to the store, with slashes.

        *extension* begins with a dot, *line* is the number of the line in the list, *part* which
        of several images of the line it is, *record* holds the list's columns, *sha256* is the
        image's hash in hex.
        """
        values: dict[str, str | int] = {"ext": extension, "sha256": sha256, "line": line}
        values["part"] = "" if part is None else part
        if "stem" in self._uses:
            values["stem"] = stem_of(url)
        if "hash" in self._uses:
            values["hash"] = hash_of(url)
        if "host" in self._uses:
            values["host"] = safe_host(url)
        for field in self._own:
            column = field if self._columns is None else self._columns[field]
            values[field] = safe_cell((record or {}).get(column, ""))
        if self._plain:
            return "".join(
                literal + (format(values[field], spec) if field else "")
                for literal, field, spec in self.pieces
            )
        return "/".join(usable(_component(pieces, values)) for pieces in self._components)

    def name_if_taken(self, name: str, url: str, extension: str) -> str:
        """Return the name for the image at *url* if another has *name*; empty if that is unique."""
        if not self.may_repeat:
            return ""
        stem = name.removesuffix(extension)
        return f"{stem}-{hash_of(url)}{name[len(stem) :]}"

    def _piece(
        self, literal: str, field: str | None, spec: str | None, conversion: str | None
    ) -> Piece:
        if field is None:
            return Piece(literal, None, "")
        known = [*FIELDS, *(self._columns or ())]
        may_be_column = self._columns is None and field
        if conversion or not (field in known or may_be_column):
            shown = ", ".join(f"{{{name}}}" for name in known)
            others = "" if self._columns else "; the report carries no columns of the list"
            raise ValueError(f"{{{field}}} is not one of {shown}{others}")
        allowed = r"|0\d{1,2}" if field in NUMBERS else r"|\.[1-9]\d?"
        if not re.fullmatch(allowed, spec or ""):
            example = f"{{{field}:08}}" if field in NUMBERS else f"{{{field}:.2}}"
            raise ValueError(f"{{{field}:{spec}}} is not a valid format; write it as {example}")
        return Piece(literal, field, spec or "")

    def _split(self) -> list[list[Piece]]:
        """Return the pieces of each folder's name, then those of the file's name."""
        components: list[list[Piece]] = [[]]
        for piece in self.pieces:
            *folders, rest = piece.literal.split("/")
            for folder in folders:
                components[-1].append(Piece(folder, None, ""))
                components.append([])
            components[-1].append(piece._replace(literal=rest))
        return components


def _component(pieces: Sequence[Piece], values: Mapping[str, str | int]) -> str:
    """Return the name of a folder or file. An empty field takes the separator before it along, or
    the one after it if it comes first."""
    text, missing = "", False
    for literal, field, spec in pieces:
        value = values[field] if field else None
        before = literal.lstrip(SEPARATORS) if missing and not text else literal
        if value == "":
            missing = True
            before = before.rstrip(SEPARATORS)
        text += before
        if field == "ext":
            text = text or "image"
        text += format(value, spec) if field else ""
    return text.lstrip(BAD_START) if missing else text


# What each field is at least.
EXAMPLES = {
    "stem": "a",
    "hash": "a2",
    "ext": ".a",
    "host": "a.a",
    "line": "1",
    "part": "1",
    "sha256": "a1",
}


def _check(component: list[Piece], more: int) -> None:
    """Check that *component* is a valid name on every file system, also with *more* bytes.

    :raises ValueError: if not
    """
    example = "".join(
        literal + (EXAMPLES.get(field, "a") if field else "") for literal, field, _ in component
    )
    if not example:
        raise ValueError("a folder or file would have no name")
    safe = sanitize_filename(example, platform="universal")
    printable = all(unicodedata.category(c)[0] not in "CZ" or c == " " for c in example)
    if example != safe or not printable or example[0] in BAD_START or example[-1] in ". ":
        shown = "".join(
            literal + (f"{{{field}}}" if field else "") for literal, field, _ in component
        )
        raise ValueError(f"{shown!r} is not a valid name on every file system")
    longest = more + sum(
        len(literal.encode()) + _longest(field, spec) for literal, field, spec in component
    )
    if longest > COMPONENT_MAX:
        raise ValueError(
            f"a name could take {longest} bytes, and file systems allow {COMPONENT_MAX}; "
            "shorten a field, as in {stem:.20}"
        )


def _longest(field: str | None, spec: str) -> int:
    if field is None:
        return 0
    most = FIELDS.get(field, STEM_MAX)
    if spec.startswith("."):
        return min(most, 4 * int(spec[1:]))  # a character takes up to four bytes
    return max(most, int(spec or 0))


def file_name(url: str, extension: str) -> str:
    """Return ``<stem>-<hash><extension>`` for the image at *url*."""
    return _DEFAULT.name(url, extension)


def stored_file(store: Path, name: str) -> Path | None:
    """Return the path of the file *name* in the folder *store*; None if there is none.

    *name* is untrusted, since it comes from a report. No path outside of *store* is returned,
    neither by ``..`` nor through a symbolic link, and none of anything but a regular file.
    """
    path = store / name
    try:
        regular = not Path(name).is_absolute() and stat.S_ISREG(path.lstat().st_mode)
        inside = path.parent.resolve() == (store.resolve() / name).parent
    except (OSError, ValueError):
        return None
    return path if regular and inside else None


_DEFAULT = NameTemplate(DEFAULT)
