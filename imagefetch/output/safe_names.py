"""Makes text of URLs and lists safe as part of a file's name, on every file system."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from urllib.parse import unquote, urlsplit

from pathvalidate import sanitize_filename

from imagefetch.images.detection import FORMATS

# Bytes of UTF-8. With hash and extension a name stays below the 143 bytes of
# eCryptfs, the smallest limit of file systems in common use.
STEM_MAX = 100
HOST_MAX = 100

# 80 bits: the probability of a collision among 10 million URLs is 4e-11.
HASH_BYTES = 10
HASH_LENGTH = 16

# A spreadsheet would run a cell that begins with one of these; a shell or file manager would
# hide the file.
BAD_START = "=+-@.~ '"

# Names that Windows reserves for devices, with any extension.
RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{n}{i}" for n in ("com", "lpt") for i in "0123456789")}
)

# Segments that are safe as they are; to sanitize one takes ten times as long. Names of
# devices are shorter.
PLAIN_SEGMENT = re.compile(r"(\w[\w-]{3,98}\w)(?:\.[a-z0-9]{1,5})?", re.ASCII | re.IGNORECASE)
_PLAIN_CELL = re.compile(r"\w(?:[\w-]{0,98}\w)?", re.ASCII)

_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _BASE32 for second in _BASE32]
_SHIFTS = range(8 * HASH_BYTES - 10, -1, -10)

_EXTENSIONS = {format_.extension for format_ in FORMATS} | {".jpeg", ".tif", ".jpe", ".jfif"}


def hash_of(url: str) -> str:
    """Return the beginning of the URL's SHA-256 in base32: lower case only, since some file
    systems ignore case."""
    number = int.from_bytes(hashlib.sha256(url.encode()).digest()[:HASH_BYTES], "big")
    # Ten bits are two characters; the standard library's function takes several times as long.
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def stem_of(url: str) -> str:
    """Return the last segment of the URL's path, sanitized."""
    if "?" not in url and "#" not in url and url.count("/") > 2:
        segment = url.rpartition("/")[2]
    else:
        segment = urlsplit(url).path.rpartition("/")[2]
    segment = unquote(segment, errors="replace")
    plain = PLAIN_SEGMENT.fullmatch(segment)
    return plain[1] if plain else safe_stem(segment)


def safe_stem(segment: str) -> str:
    """Return *segment* sanitized to a name that is valid on every file system."""
    # The image's bytes give the extension.
    return _shortened(re.sub(r"\.[A-Za-z0-9]{1,5}$", "", _sanitized(segment))) or "image"


def safe_cell(cell: str) -> str:
    """Return *cell*, of a column of the list, sanitized to a part of a name; it may be empty.

    Only the extension of an image is removed: of other text the end may tell two images apart.
    """
    if _PLAIN_CELL.fullmatch(cell):
        return cell
    text = _sanitized(cell[: 4 * STEM_MAX])
    stem, dot, extension = text.rpartition(".")
    return _shortened(stem if dot + extension.lower() in _EXTENSIONS else text)


def safe_host(url: str) -> str:
    """Return the URL's host, reduced to letters, digits, dots, dashes and underscores."""
    host = re.sub(r"[^a-z0-9.-]", "_", urlsplit(url).hostname or "")
    return host[:HOST_MAX].strip("-.") or "host"


def usable(component: str) -> str:
    """Return *component* without a trailing dot or blank, and not reserved by Windows."""
    component = component.rstrip(". ") or "_"
    return f"_{component}" if component.partition(".")[0].lower() in RESERVED else component


def _sanitized(text: str) -> str:
    text = unicodedata.normalize("NFC", text)
    # Remove control, format (bidi), surrogate and private characters, and separators
    # other than the blank.
    text = "".join(c for c in text if c == " " or unicodedata.category(c)[0] not in "CZ")
    return sanitize_filename(text, replacement_text="_", platform="universal")


def _shortened(text: str) -> str:
    text = text.encode()[:STEM_MAX].decode(errors="ignore")
    return text.strip(BAD_START).rstrip(". ")
