"""The name of a picture's file: readable, safe everywhere, one a URL; and the file of a name."""

from __future__ import annotations

import base64
import hashlib
import re
import stat
import unicodedata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pathvalidate import sanitize_filename

# Bytes of UTF-8. With hash and extension the name stays below the 143 bytes of
# eCryptfs, the smallest limit among file systems in common use.
STEM_MAX = 100

# 80 bits: among 10 million URLs the odds of any collision are 4e-11.
HASH_BYTES = 10

# A spreadsheet would run a cell, and a shell or file manager hide a file, that
# begins with one of these.
BAD_START = "=+-@.~ '"


def file_name(url: str, extension: str) -> str:
    """Return ``<stem>-<hash><extension>`` for the picture at *url*.

    The stem is the last segment of the URL's path, made safe; the hash is the
    beginning of the URL's SHA-256 in base32, lower case, since some file
    systems know no case. *extension* begins with a dot.
    """
    digest = hashlib.sha256(url.encode()).digest()[:HASH_BYTES]
    return f"{_stem(url)}-{base64.b32encode(digest).decode().lower()}{extension}"


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


def _stem(url: str) -> str:
    segment = unquote(urlsplit(url).path.rpartition("/")[2], errors="replace")
    text = unicodedata.normalize("NFC", segment)
    # Control, format (bidi), surrogate and private characters, and separators
    # other than the blank.
    text = "".join(c for c in text if c == " " or unicodedata.category(c)[0] not in "CZ")
    text = sanitize_filename(text, replacement_text="_", platform="universal")
    text = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", text)  # the extension comes from the bytes
    text = text.encode()[:STEM_MAX].decode(errors="ignore")
    return text.strip(BAD_START).rstrip(". ") or "image"
