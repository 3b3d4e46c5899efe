"""The name of a picture's file, never two URLs' own; and the file of a name."""

from __future__ import annotations

import base64
import hashlib
import re
import stat
import unicodedata
from pathlib import Path
from string import Formatter
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from pathvalidate import sanitize_filename

# Bytes of UTF-8. With hash and extension the name stays below the 143 bytes of
# eCryptfs, the smallest limit among file systems in common use.
STEM_MAX = 100
HOST_MAX = 100

# 80 bits: among 10 million URLs the odds of any collision are 4e-11.
HASH_BYTES = 10

# A spreadsheet would run a cell, and a shell or file manager hide a file, that
# begins with one of these.
BAD_START = "=+-@.~ '"

DEFAULT = "{stem}-{hash}{ext}"

# Fields of FILES_NAME, with the most bytes that each takes.
FIELDS = {"stem": STEM_MAX, "hash": 16, "ext": 5, "host": HOST_MAX, "line": 12, "sha256": 64}

COMPONENT_MAX = 255
"""Bytes of a file's or folder's name, on most file systems."""

# Names that Windows keeps for devices, whatever follows a dot.
RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{n}{i}" for n in ("com", "lpt") for i in "0123456789")}
)


class Piece(NamedTuple):
    """Some text of a template, and the field after it."""

    literal: str
    field: str | None
    spec: str


class NameTemplate:
    """FILES_NAME: ``{stem}-{hash}{ext}``, ``{host}/{hash:.2}/{hash}{ext}``, ``{sha256}{ext}``."""

    def __init__(self, text: str) -> None:
        """:raises ValueError: saying why *text* won't do"""
        try:
            self.pieces = [_piece(*part) for part in Formatter().parse(text)]
        except ValueError as error:
            raise ValueError(f"{error}; write it as {DEFAULT}") from None
        whole = {piece.field for piece in self.pieces if not piece.spec}
        if not whole & {"hash", "sha256"}:
            raise ValueError(
                "two URLs could get the same file, and one picture be lost; "
                "let it hold {hash} or {sha256}, uncut"
            )
        self.by_content = "hash" not in whole
        """Whether equal pictures share a file."""
        self._uses = {piece.field for piece in self.pieces}
        self._plain = "/" not in text and self.pieces[0].field == "stem" and "hash" in whole
        for component in self._components():
            _check(component)

    def name(self, url: str, extension: str, line: int = 0, sha256: str = "") -> str:
        """Return the path below the store for the picture at *url*, with slashes.

        *extension* begins with a dot, *line* is the URL's number in the list,
        *sha256* of the picture, in hex.
        """
        values = {"ext": extension, "sha256": sha256, "line": line}
        if "stem" in self._uses:
            values["stem"] = _stem(url)
        if "hash" in self._uses:
            values["hash"] = hash_of(url)
        if "host" in self._uses:
            values["host"] = _host(url)
        text = "".join(
            literal + (format(values[field], spec) if field else "")
            for literal, field, spec in self.pieces
        )
        if self._plain:
            return text
        return "/".join(_usable(component) for component in text.split("/"))

    def _components(self) -> list[list[Piece]]:
        """Return the pieces of each folder's name, then of the file's."""
        components: list[list[Piece]] = [[]]
        for piece in self.pieces:
            *folders, rest = piece.literal.split("/")
            for folder in folders:
                components[-1].append(Piece(folder, None, ""))
                components.append([])
            components[-1].append(piece._replace(literal=rest))
        return components


def _piece(literal: str, field: str | None, spec: str | None, conversion: str | None) -> Piece:
    if field is None:
        return Piece(literal, None, "")
    if field not in FIELDS or conversion:
        known = ", ".join(f"{{{name}}}" for name in FIELDS)
        raise ValueError(f"{{{field}}} is none of {known}")
    allowed = r"|0\d{1,2}" if field == "line" else r"|\.[1-9]\d?"
    if not re.fullmatch(allowed, spec or ""):
        example = "{line:08}" if field == "line" else f"{{{field}:.2}}"
        raise ValueError(f"{{{field}:{spec}}} can't be read; cut as in {example}")
    return Piece(literal, field, spec or "")


EXAMPLES = {"stem": "a", "hash": "a2", "ext": ".a", "host": "a.a", "line": "1", "sha256": "a1"}


def _check(component: list[Piece]) -> None:
    """:raises ValueError: if *component* is no name that every file system takes"""
    example = "".join(literal + EXAMPLES.get(field or "", "") for literal, field, _ in component)
    if not example:
        raise ValueError("a folder or file would have no name")
    safe = sanitize_filename(example, platform="universal")
    printable = all(unicodedata.category(c)[0] not in "CZ" or c == " " for c in example)
    if example != safe or not printable or example[0] in BAD_START or example[-1] in ". ":
        shown = "".join(
            literal + (f"{{{field}}}" if field else "") for literal, field, _ in component
        )
        raise ValueError(f"{shown!r} is no name that every file system takes")
    longest = sum(
        len(literal.encode()) + _longest(field, spec) for literal, field, spec in component
    )
    if longest > COMPONENT_MAX:
        raise ValueError(
            f"a name could take {longest} bytes, and file systems take {COMPONENT_MAX}; "
            "cut as in {stem:.20}"
        )


def _longest(field: str | None, spec: str) -> int:
    if field is None:
        return 0
    if spec.startswith("."):
        return min(FIELDS[field], 4 * int(spec[1:]))  # characters of four bytes
    return max(FIELDS[field], int(spec or 0))


def _usable(component: str) -> str:
    """Mend what only the values of a name can spoil."""
    component = component.rstrip(". ") or "_"
    return f"_{component}" if component.partition(".")[0].lower() in RESERVED else component


def file_name(url: str, extension: str) -> str:
    """Return ``<stem>-<hash><extension>`` for the picture at *url*."""
    return _DEFAULT.name(url, extension)


def hash_of(url: str) -> str:
    """Return the beginning of the URL's SHA-256 in base32, lower case, since some file
    systems know no case."""
    digest = hashlib.sha256(url.encode()).digest()[:HASH_BYTES]
    return base64.b32encode(digest).decode().lower()


def stored_file(store: Path, name: str) -> Path | None:
    """Return the file in the folder *store* that a report calls *name*; None if there is none.

    A report may be a stranger's: whatever it says, nothing outside of *store* is
    returned, neither by ``..`` nor through a symbolic link, nor what is no file.
    """
    path = store / name
    try:
        whole = not Path(name).is_absolute() and stat.S_ISREG(path.lstat().st_mode)
        inside = path.parent.resolve() == (store.resolve() / name).parent
    except (OSError, ValueError):
        return None
    return path if whole and inside else None


# Segments that are safe as they are; to make any other safe takes ten times as
# long. Names of devices are shorter.
PLAIN_SEGMENT = re.compile(r"(\w[\w-]{3,98}\w)(?:\.[a-z0-9]{1,5})?", re.ASCII | re.IGNORECASE)


def _stem(url: str) -> str:
    """Return the last segment of the URL's path, made safe."""
    segment = unquote(urlsplit(url).path.rpartition("/")[2], errors="replace")
    plain = PLAIN_SEGMENT.fullmatch(segment)
    return plain[1] if plain else safe_stem(segment)


def safe_stem(segment: str) -> str:
    """Return *segment*, whatever it holds, as a name that every file system takes."""
    text = unicodedata.normalize("NFC", segment)
    # Control, format (bidi), surrogate and private characters, and separators
    # other than the blank.
    text = "".join(c for c in text if c == " " or unicodedata.category(c)[0] not in "CZ")
    text = sanitize_filename(text, replacement_text="_", platform="universal")
    text = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", text)  # the extension comes from the bytes
    text = text.encode()[:STEM_MAX].decode(errors="ignore")
    return text.strip(BAD_START).rstrip(". ") or "image"


def _host(url: str) -> str:
    """Return the URL's host in letters, digits, dots and dashes."""
    host = re.sub(r"[^a-z0-9.-]", "_", urlsplit(url).hostname or "")
    return host[:HOST_MAX].strip("-.") or "host"


_DEFAULT = NameTemplate(DEFAULT)
