"""Detects the encoding of a list of text by its first bytes."""

from __future__ import annotations

import codecs
from pathlib import Path

from imagefetch.errors import BadInput

# UTF-32 comes first: its little-endian mark begins with that of UTF-16.
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

# First bytes of compressed files, and the suffix of each.
COMPRESSED = {
    b"\x1f\x8b": ".gz",
    b"\x28\xb5\x2f\xfd": ".zst",
    b"BZh": ".bz2",
    b"\xfd7zXZ\0": ".xz",
}


def encoding_of(head: bytes, source: Path | str) -> str:
    """Return the encoding of a list of text from *source* that begins with *head*.

    :raises BadInput: if it can't be the beginning of such a list
    """
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return encoding
    for magic, suffix in COMPRESSED.items():
        if head.startswith(magic):
            raise BadInput(f"{source}: is compressed; give it a name that ends in {suffix}")
    zeros = head.count(0)
    if zeros > len(head) / 10:
        # In URLs as UTF-16, nearly every second byte is zero, and no other.
        if head[1::2].count(0) == zeros:
            return "utf-16-le"
        if head[0::2].count(0) == zeros:
            return "utf-16-be"
    elif not zeros or _is_utf8(head):
        return "utf-8"
    raise BadInput(f"{source}: is not a text file; a list has one URL per line")


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be truncated
    except UnicodeDecodeError:
        return False
    return True
