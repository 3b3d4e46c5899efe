"""Writes chunks of PNG files."""

from __future__ import annotations

import struct
import zlib


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
