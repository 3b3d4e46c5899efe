"""Encoded bodies that cost their decoder much more than their server."""

from __future__ import annotations

import gzip
import struct
import zlib

import brotli

ZSTD_BLOCK = 2**17  # bytes that a block decodes to, at most


def zstd_frame(window_log: int, size: int) -> bytes:
    """Return a zstd frame of *size* zeros in blocks of one byte (RFC 8878, section 3.1.1)."""
    data = b"\x28\xb5\x2f\xfd\0" + bytes([window_log - 10 << 3])
    block = min(ZSTD_BLOCK, 1 << window_log)
    while size > 0:
        length = min(size, block)
        size -= length
        data += struct.pack("<I", length << 3 | 1 << 1 | (size <= 0))[:3] + b"\0"
    return data


EMPTY_ZSTD = b"\x28\xb5\x2f\xfd\x20\0\x01\0\0"
"""A frame of no byte."""

SKIPPED_ZSTD = b"\x50\x2a\x4d\x18\0\0\0\0"
"""A skippable frame of no byte."""

EMPTY_GZIP = gzip.compress(b"")

STORED = b"\0\0\0\xff\xff"
"""A deflate block of no byte."""

ZLIB_HEADER = b"\x78\x9c"


def gzip_of_long_name(size: int) -> bytes:
    """Return a gzip member whose header names a file, in *size* bytes."""
    packed = gzip.compress(b"")
    return packed[:3] + b"\x08" + packed[4:10] + b"x" * size + b"\0" + packed[10:]


def deflated(block: bytes, size: int) -> bytes:
    """Return zlib data that is *block* time and again, for *size* bytes."""
    return ZLIB_HEADER + block * (size // len(block))


def padded(data: bytes, block: bytes, size: int) -> bytes:
    """Return *data* as deflate, behind *size* bytes of empty *block*."""
    end = zlib.compressobj(wbits=-15)
    rest = end.compress(data) + end.flush() + struct.pack(">I", zlib.adler32(data))
    return deflated(block, size) + rest


def padded_brotli(size: int) -> bytes:
    """Return brotli of no byte, behind *size* empty metadata blocks (RFC 7932, section 9.2)."""
    return b"\x0c" + b"\x06" * size + b"\x03"


def wide_brotli(size: int) -> bytes:
    """Return brotli of a JPEG's first bytes and *size* zeros, whose window is the largest of
    RFC 7932, 16 MiB."""
    return bytes(brotli.compress(b"\xff\xd8\xff\xd9" + bytes(size), quality=1, lgwin=24))


def large_window_brotli() -> bytes:
    """Return the beginning of brotli with a window of 1 GiB, which RFC 7932 doesn't know."""
    return b"\x11\x1e" + bytes(2_000)


def picture_in_zstd(window_log: int, size: int) -> bytes:
    """Return a JPEG's first bytes and *size* zeros in one zstd frame of such a window."""
    zeros = zstd_frame(window_log, size)
    start = b"\xff\xd8\xff\xd9" * 2_000
    return zeros[:6] + struct.pack("<I", len(start) << 3)[:3] + start + zeros[6:]


def picture_in_gzip(size: int) -> bytes:
    return gzip.compress(b"\xff\xd8\xff\xd9" + bytes(size), 1)
