"""Builds an image's file name, different for each URL, and finds the file for a name."""

from __future__ import annotations

import hashlib
import re
import stat
import unicodedata
from pathlib import Path
from string import Formatter
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from pathvalidate import sanitize_filename

# Bytes of UTF-8. With hash and extension a name stays below the 143 bytes of
# eCryptfs, the smallest limit of file systems in common use.
STEM_MAX = 100
HOST_MAX = 100

# 80 bits: the probability of a collision among 10 million URLs is 4e-11.
HASH_BYTES = 10

BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
PAIRS = [first + second for first in BASE32 for second in BASE32]
SHIFTS = range(8 * HASH_BYTES - 10, -1, -10)

# A spreadsheet would run a cell that begins with one of these; a shell or file manager would
# hide the file.
BAD_START = "=+-@.~ '"

DEFAULT = "{stem}-{hash}{ext}"

# Fields of FILES_NAME, with the maximum bytes of each.
FIELDS = {"stem": STEM_MAX, "hash": 16, "ext": 5, "host": HOST_MAX, "line": 12, "sha256": 64}

COMPONENT_MAX = 255
"""Maximum bytes of a file's or folder's name, on most file systems."""

# Names that Windows reserves for devices, with any extension.
RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{n}{i}" for n in ("com", "lpt") for i in "0123456789")}
)


class Piece(NamedTuple):
    """Literal text of a template, and the field after it."""

    literal: str
    field: str | None
    spec: str


class NameTemplate:
    """FILES_NAME: ``{stem}-{hash}{ext}``, ``{host}/{hash:.2}/{hash}{ext}``, ``{sha256}{ext}``."""

    def __init__(self, text: str) -> None:
        """:raises ValueError: if *text* is not a valid template; the message says why"""
        try:
            self.pieces = [_piece(*part) for part in Formatter().parse(text)]
        except ValueError as error:
            raise ValueError(f"{error}; write it as {DEFAULT}") from None
        whole = {piece.field for piece in self.pieces if not piece.spec}
        if not whole & {"hash", "sha256"}:
            raise ValueError(
                "two URLs could get the same file, and one picture be lost; "
                "add {hash} or {sha256}, not shortened"
            )
        self.by_content = "hash" not in whole
        """Whether identical images share a file."""
        self._uses = {piece.field for piece in self.pieces}
        self._plain = "/" not in text and self.pieces[0].field == "stem" and "hash" in whole
        for component in self._components():
            _check(component)

    def name(self, url: str, extension: str, line: int = 0, sha256: str = "") -> str:
        """Return the path for the image at *url*, relative to the store, with slashes.

        *extension* begins with a dot, *line* is the URL's line number in the list,
        *sha256* is the image's hash in hex.
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
        """Return the pieces of each folder's name, then those of the file's name."""
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
        raise ValueError(f"{{{field}}} is not one of {known}")
    allowed = r"|0\d{1,2}" if field == "line" else r"|\.[1-9]\d?"
    if not re.fullmatch(allowed, spec or ""):
        example = "{line:08}" if field == "line" else f"{{{field}:.2}}"
        raise ValueError(f"{{{field}:{spec}}} is not a valid format; write it as {example}")
    return Piece(literal, field, spec or "")


EXAMPLES = {"stem": "a", "hash": "a2", "ext": ".a", "host": "a.a", "line": "1", "sha256": "a1"}


def _check(component: list[Piece]) -> None:
    """:raises ValueError: if *component* is not a valid name on every file system"""
    example = "".join(literal + EXAMPLES.get(field or "", "") for literal, field, _ in component)
    if not example:
        raise ValueError("a folder or file would have no name")
    safe = sanitize_filename(example, platform="universal")
    printable = all(unicodedata.category(c)[0] not in "CZ" or c == " " for c in example)
    if example != safe or not printable or example[0] in BAD_START or example[-1] in ". ":
        shown = "".join(
            literal + (f"{{{field}}}" if field else "") for literal, field, _ in component
        )
        raise ValueError(f"{shown!r} is not a valid name on every file system")
    longest = sum(
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
    if spec.startswith("."):
        return min(FIELDS[field], 4 * int(spec[1:]))  # a character takes up to four bytes
    return max(FIELDS[field], int(spec or 0))


def _usable(component: str) -> str:
    """Return *component* without a trailing dot or blank, and not reserved by Windows."""
    component = component.rstrip(". ") or "_"
    return f"_{component}" if component.partition(".")[0].lower() in RESERVED else component


def file_name(url: str, extension: str) -> str:
    """Return ``<stem>-<hash><extension>`` for the image at *url*."""
    return _DEFAULT.name(url, extension)


def hash_of(url: str) -> str:
    """Return the beginning of the URL's SHA-256 in base32: lower case only, since some file
    systems ignore case."""
    number = int.from_bytes(hashlib.sha256(url.encode()).digest()[:HASH_BYTES], "big")
    # Ten bits are two characters; the functions of the standard library take ten times as long.
    return "".join([PAIRS[number >> shift & 1023] for shift in SHIFTS])


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


# Segments that are safe as they are; to sanitize one takes ten times as long. Names of
# devices are shorter.
PLAIN_SEGMENT = re.compile(r"(\w[\w-]{3,98}\w)(?:\.[a-z0-9]{1,5})?", re.ASCII | re.IGNORECASE)


# A URL with such a segment at the end of its path, and nothing in it to decode.
PLAIN_PATH = re.compile(
    rf"https?://[^/?#%\s]+/(?:[^?#%\s]*/)?{PLAIN_SEGMENT.pattern}(?:[?#]|\Z)",
    re.ASCII | re.IGNORECASE,
)


def _stem(url: str) -> str:
    """Return the last segment of the URL's path, sanitized."""
    if plain := PLAIN_PATH.match(url):
        return plain[1]
    segment = unquote(urlsplit(url).path.rpartition("/")[2], errors="replace")
    plain = PLAIN_SEGMENT.fullmatch(segment)
    return plain[1] if plain else safe_stem(segment)


def safe_stem(segment: str) -> str:
    """Return *segment* sanitized to a name that is valid on every file system."""
    text = unicodedata.normalize("NFC", segment)
    # Remove control, format (bidi), surrogate and private characters, and separators
    # other than the blank.
    text = "".join(c for c in text if c == " " or unicodedata.category(c)[0] not in "CZ")
    text = sanitize_filename(text, replacement_text="_", platform="universal")
    text = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", text)  # the image's bytes give the extension
    text = text.encode()[:STEM_MAX].decode(errors="ignore")
    return text.strip(BAD_START).rstrip(". ") or "image"


def _host(url: str) -> str:
    """Return the URL's host, reduced to letters, digits, dots, dashes and underscores."""
    host = re.sub(r"[^a-z0-9.-]", "_", urlsplit(url).hostname or "")
    return host[:HOST_MAX].strip("-.") or "host"


_DEFAULT = NameTemplate(DEFAULT)
