"""No file takes much time or many reads to be inspected, whatever it contains."""

from __future__ import annotations

import gzip
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from imagefetch.errors import NotAnImage
from imagefetch.images.bounded_bytes import READS, Bytes
from imagefetch.images.detection import HEAD, inspect
from tests.support.hostile_pictures import HOSTILE
from tests.support.pictures import JXL_BOXES, box

MIB = 2**20
SVG_DTD = b"<!DOCTYPE svg ["
AVIF = box(b"ftyp", b"avif", bytes(4), b"mif1")
PRIMARY = box(b"pitm", struct.pack(">IH", 0, 1))
FREE = box(b"free")


def meta(*contents: bytes) -> bytes:
    return box(b"meta", bytes(4), PRIMARY, *contents)


def uses(item: int, number: int) -> bytes:
    """Return a table of associations: of one item with 255, or of as many items with none."""
    if number == 1:
        return box(b"ipma", struct.pack(">IIHB", 0, 1, item, 255), b"\1" * 255)
    entries = struct.pack(">HB", item, 0) * number
    return box(b"ipma", struct.pack(">II", 0, number), entries)


def repeated(start: bytes, text: bytes) -> Callable[[], bytes]:
    return lambda: start + text * (4 * MIB // len(text))


COSTLY: dict[str, Callable[[], bytes]] = {
    **HOSTILE,
    **{
        f"{start.decode()[:20]} {text.decode()}": repeated(start, text)
        for start in (b"", b"<!--", b"<?", SVG_DTD, b"<!DOCTYPE ", b"<svg ", b'<svg a="', b"<")
        for text in (b"<!---->", b"<!--", b"-", b"<??>", b"<?", b'""', b"\"'", b"<a", b"]", b"a")
    },
    "SVG: attributes": repeated(b"<svg", b' a="b"'),
    "SVG: blanks": repeated(b"<svg", b" "),
    "SVG: entities": lambda: (
        SVG_DTD + b'<!ENTITY a "b">' * 17_000 + b']><svg xmlns="&b;" width="&c;" height="&d;" >'
    ),
    "SVG: an entity without end": repeated(SVG_DTD + b"<!ENTITY ", b" "),
    "SVG: UTF-16": lambda: ("<!---->" * MIB).encode("utf-16"),
    "SVG: escapes": repeated(b'<?xml version="1.0" encoding="iso-2022-jp"?><!--', b"\x1b$B\x1b(B"),
    "SVGZ: members": lambda: gzip.compress(b"<!---->") * 100_000,
    "SVGZ: empty members": lambda: gzip.compress(b"") * 100_000,
    "SVGZ: nothing": lambda: gzip.compress(bytes(64 * MIB)),
    "SVGZ: a comment": lambda: gzip.compress(b"<!--" + b"-" * 64 * MIB),
    "SVGZ: comments": lambda: gzip.compress(b"<!---->" * 4 * MIB),
    "HTML": repeated(b"<!DOCTYPE html>", b"a"),
    "text": repeated(b"", b"\t "),
    "AVIF: boxes in one": lambda: AVIF + meta(FREE * 300_000),
    "AVIF: many descriptions": lambda: AVIF + meta(FREE * 1_900) * 500,
    "AVIF: many properties": lambda: AVIF + meta(box(b"iprp", box(b"ipco", FREE * 1_990))) * 500,
    "AVIF: many tables": lambda: AVIF + meta(box(b"iprp", uses(2, 2_000) * 40)),
    "AVIF: many associations": lambda: (
        AVIF
        + meta(
            box(
                b"iprp",
                box(b"ipco", box(b"ispe", struct.pack(">III", 0, 9, 9))),
                uses(1, 1) * 900,
            )
        )
    ),
    "AVIF: many tracks": lambda: AVIF + box(b"moov", box(b"trak", FREE * 1_900) * 1_900),
    "JXL: boxes": lambda: JXL_BOXES + FREE * MIB,
    "GIF: frames": lambda: b"GIF89a\1\0\1\0\0\0\0" + b",\0\0\0\0\1\0\1\0\0\1\0" * MIB,
    "TIFF: directories": lambda: (
        struct.pack("<2sHIH", b"II", 42, 8, 2)
        + struct.pack("<HHII", 330, 4, 2**31, 0)
        + struct.pack("<HHII", 50706, 1, 4, 0)
        + bytes(MIB)
    ),
    "JPEG: zeros": lambda: b"\xff\xd8\xff\xe0\0\2" + bytes(32 * MIB),
    "JPEG: a scan": lambda: (
        bytes.fromhex("ffd8ffc0000b080010001001011100ffda0008") + b"\0\1\2\3" * 8 * MIB
    ),
    "PNM: comments": repeated(b"P5", b"\n#"),
    "PNM: digits": repeated(b"P5 ", b"1"),
    "PAM: lines": repeated(b"P7\n", b"WIDTH 1\n"),
    "HDR: lines": repeated(b"#?RADIANCE\n", b"\n"),
    "XBM: a name": repeated(b"#define ", b"a"),
    "XBM: names": repeated(b"", b"#define a_width"),
    "XPM: quotes": repeated(b"/* XPM */", b'"1 '),
    "XPM: a string": repeated(b'/* XPM */"1 1 1 1', b" "),
    "EXR: attributes": repeated(b"\x76\x2f\x31\x01\0\0\0\0", b"a\0b\0\0\0\0\0"),
    "FITS: cards": lambda: (
        b"SIMPLE  =                    T".ljust(80) + b"NAXIS   =          0".ljust(80) * 9_999
    ),
    "ICO: images": lambda: (
        b"\0\0\1\0\xff\xff" + struct.pack("<BBBBHHII", 9, 9, 0, 0, 1, 32, 9, MIB) * 65_535
    ),
    "XV: comments": repeated(b"P7 332\n", b"#\n"),
}

CPU_MAX = 0.025
"""Seconds of CPU for a file. What is quadratic takes minutes."""

TRIES = 20
"""Other programs slow down this one: the bound must hold once."""


@pytest.mark.parametrize("make", COSTLY.values(), ids=COSTLY)
def test_no_file_costs_much(
    tmp_path: Path, make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most 8 MiB of a file are read, in a bounded number of reads, and 25 ms of CPU used."""
    lengths: list[int] = []
    get = Bytes.__getitem__

    def noted(self: Bytes, key: slice) -> bytes:
        found = get(self, key)
        lengths.append(len(found))
        return found

    path = tmp_path / "1"
    path.write_bytes(make())
    with path.open("rb") as file:
        head = file.read(HEAD)
    with monkeypatch.context() as context:
        context.setattr(Bytes, "__getitem__", noted)
        spent = cpu_seconds(path, head)
    assert sum(lengths) <= 8 * MIB
    assert len(lengths) <= 2 * READS + 20
    for _ in range(TRIES):
        if spent <= CPU_MAX or spent > 40 * CPU_MAX:
            break
        spent = cpu_seconds(path, head)
    assert spent <= CPU_MAX


def cpu_seconds(path: Path, head: bytes) -> float:
    """Return the CPU time that this thread needs to inspect a file."""
    begin = time.thread_time()
    with suppress(NotAnImage):
        inspect(path, head)
    return time.thread_time() - begin
