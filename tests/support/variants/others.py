"""Variants of formats that browsers do not show."""

from __future__ import annotations

import struct

from tests.support import pictures
from tests.support.pictures import clap, heif, irot, placed
from tests.support.variants.base import SIZE, Variant, noise, saved


def ifd(order: str, entries: dict[int, tuple[int, int]], *, big: bool = False) -> bytes:
    """Return a TIFF file with one directory, in either byte order, also as BigTIFF."""
    mark = b"II" if order == "<" else b"MM"
    kinds = {1: "B", 3: "H", 4: "I", 16: "Q"}
    table = b"".join(
        struct.pack(f"{order}HH{'Q' if big else 'I'}", tag, kind, 1)
        + struct.pack(f"{order}{kinds[kind]}", value).ljust(8 if big else 4, b"\0")
        for tag, (kind, value) in entries.items()
    )
    head = struct.pack(f"{order}HHHQ", 43, 8, 0, 16) if big else struct.pack(f"{order}HI", 42, 8)
    count = struct.pack(f"{order}{'Q' if big else 'H'}", len(entries))
    return mark + head + count + table + bytes(8)


def raw(order: str, make: bytes) -> bytes:
    """Return a raw camera file in either byte order."""

    def directory(entries: dict[int, tuple[int, int, int]]) -> bytes:
        table = b"".join(
            struct.pack(f"{order}HHI", tag, kind, count)
            + (
                struct.pack(f"{order}HH", value, 0)
                if kind == 3
                else struct.pack(f"{order}I", value)
            )
            for tag, (kind, count, value) in entries.items()
        )
        return struct.pack(f"{order}H", len(entries)) + table + bytes(4)

    mark = b"II" if order == "<" else b"MM"
    first = {
        254: (4, 1, 1),
        256: (4, 1, 16),
        257: (4, 1, 12),
        271: (2, len(make), 400),
        330: (4, 2, 450),
    }
    preview = {256: (4, 1, 600), 257: (4, 1, 400), 262: (3, 1, 6)}
    sensor = {256: (4, 1, 40), 257: (4, 1, 30), 262: (3, 1, 32803)}
    head = mark + struct.pack(f"{order}HI", 42, 8) + directory(first)
    return (
        head.ljust(200, b"\0") + directory(preview).ljust(100, b"\0")
        + directory(sensor).ljust(100, b"\0") + make.ljust(50, b"\0")
        + struct.pack(f"{order}II", 200, 300)
    )  # fmt: skip


def exr_of(*attributes: tuple[bytes, bytes, bytes], flags: int = 0) -> bytes:
    fields = b"".join(
        name + b"\0" + kind + b"\0" + struct.pack("<I", len(value)) + value
        for name, kind, value in attributes
    )
    return b"\x76\x2f\x31\x01" + struct.pack("<I", 2 | flags) + fields + b"\0" + bytes(40)


WINDOW = (b"dataWindow", b"box2i", struct.pack("<4i", 5, 6, 44, 35))
DX10 = (
    b"DDS " + struct.pack("<7I", 124, 0x1007, 30, 40, 160, 1, 1) + bytes(44)
    + struct.pack("<II4s5I", 32, 4, b"DX10", *[0] * 5) + bytes(20)
    + struct.pack("<5I", 98, 3, 0, 1, 0)
)  # fmt: skip
SIDES = {256: (4, 40), 257: (4, 30)}
CODESTREAM = struct.pack(">HHHHIIIIIIIIH", 0xFF4F, 0xFF51, 47, 0, 50, 37, 10, 7, 40, 30, 0, 0, 3)

OTHERS: dict[str, Variant] = {
    "PNM, comment after the signature": Variant("image/x-portable-anymap", b"P6#a\n40 30 255\nabc"),
    "PNM, comments between": Variant(
        "image/x-portable-anymap", b"P5\n# 7 5\n40 # wide\n#\n30\n# deep\n65535\nab"
    ),
    "PNM, CRLF": Variant("image/x-portable-anymap", b"P5\r\n40 30\r\n255\r\nab"),
    "PNM, text": Variant("image/x-portable-anymap", b"P3 40 30 15 0 0 0 15 15 15"),
    "PNM, bits": Variant("image/x-portable-anymap", b"P4\n40\t30\n\xff\xff"),
    "PNM, bits as text": Variant("image/x-portable-anymap", b"P1\n# a\n40 30\n0101"),
    "PNM, long comment": Variant(
        "image/x-portable-anymap", b"P6\n#" + b"a" * 20_000 + b"\n40 30\n255\nabc"
    ),
    "PFM": Variant("image/x-portable-anymap", b"PF\n40 30\n-1.0\nabcd"),
    "PAM, comments": Variant(
        "image/x-portable-arbitrarymap",
        b"P7\n# WIDTH 9\nTUPLTYPE RGB\nHEIGHT 30\n\n# a\nWIDTH 40\nDEPTH 3\nMAXVAL 9\nENDHDR\na",
    ),
    "HDR, -Y +X": Variant("image/vnd.radiance", b"#?RADIANCE\n# a\nEXPOSURE=1\n\n-Y 30 +X 40\n"),
    "HDR, +Y -X": Variant("image/vnd.radiance", b"#?RGBE\nGAMMA=1\n\n+Y 30 -X 40\n"),
    "HDR, +X +Y": Variant("image/vnd.radiance", b"#?RADIANCE\n\n+X 40 +Y 30\n"),
    "HDR, -X -Y": Variant("image/vnd.radiance", b"#?RADIANCE\n\n-X 40 -Y 30\n"),
    "EXR": Variant("image/x-exr", exr_of((b"compression", b"compression", b"\0"), WINDOW)),
    "EXR of parts": Variant(
        "image/x-exr", exr_of((b"name", b"string", b"left"), WINDOW, flags=0x1000) * 2
    ),
    "EXR, tiled, long names": Variant(
        "image/x-exr", exr_of((b"a" * 200, b"string", bytes(300)), WINDOW, flags=0x600)
    ),
    "DDS, DX10": Variant("image/vnd.ms-dds", DX10),
    "KTX": Variant(
        "image/ktx", placed(b"\xabKTX 11\xbb\r\n\x1a\n\1\2\3\4", 36, "<II", 40, 30, length=300)
    ),
    "KTX of one dimension": Variant(
        "image/ktx", placed(b"\xabKTX 11\xbb\r\n\x1a\n\4\3\2\1", 36, ">II", 40, 0), (40, 1)
    ),
    "KTX 2": Variant("image/ktx2", placed(b"\xabKTX 20\xbb\r\n\x1a\n", 20, "<II", 40, 30)),
    "QOI": Variant("image/qoi", placed(b"qoif", 4, ">IIBB", 40, 30, 4, 1)),
    "WBMP, two bytes a side": Variant("image/vnd.wap.wbmp", pictures.wbmp(300, 200), (300, 200)),
    "WBMP, three bytes a side": Variant(
        "image/vnd.wap.wbmp", pictures.wbmp(70_000, 2), (70_000, 2)
    ),
    **{
        f"PCX of version {n}": Variant("image/x-pcx", pictures.pcx(40, 30, version=n))
        for n in (0, 2, 3, 4, 5)
    },
    "PCX, one bit": Variant("image/x-pcx", saved("PCX", noise("1"))),
    "PCX, palette": Variant("image/x-pcx", saved("PCX", noise("P"))),
    "SGI, run-length": Variant("image/sgi", b"\x01\xda\1\1" + pictures.sgi(40, 30)[4:]),
    "SGI, two bytes": Variant("image/sgi", b"\x01\xda\0\2" + pictures.sgi(40, 30)[4:]),
    **{
        f"TGA, kind {kind}": Variant("image/x-tga", pictures.tga(40, 30, kind=kind, depth=depth))
        for kind, depth in ((1, 8), (2, 16), (3, 8), (9, 8), (10, 24), (10, 32), (11, 8))
    },
    "TGA, from the top": Variant("image/x-tga", pictures.tga(40, 30, depth=32, flags=0x28)),
    "PSD": Variant(
        "image/vnd.adobe.photoshop", placed(b"8BPS\0\1" + bytes(6), 12, ">HIIHH", 4, 30, 40, 16, 4)
    ),
    "PSB": Variant(
        "image/vnd.adobe.photoshop", placed(b"8BPS\0\2" + bytes(6), 12, ">HIIHH", 3, 30, 40, 8, 3)
    ),
    "TIFF, shorts": Variant("image/tiff", ifd(">", {256: (3, 40), 257: (3, 30)})),
    "TIFF, big-endian": Variant("image/tiff", ifd(">", SIDES)),
    "TIFF, unsorted": Variant("image/tiff", ifd("<", {257: (4, 30), 256: (3, 40)})),
    "BigTIFF": Variant("image/tiff", ifd("<", {256: (16, 40), 257: (16, 30)}, big=True)),
    "BigTIFF, big-endian": Variant("image/tiff", ifd(">", SIDES, big=True)),
    "TIFF of pages": Variant(
        "image/tiff", saved("TIFF", save_all=True, append_images=[noise("L")])
    ),
    "TIFF, JPEG inside": Variant("image/tiff", saved("TIFF", compression="jpeg")),
    "TIFF, deflated": Variant("image/tiff", saved("TIFF", compression="tiff_adobe_deflate")),
    "raw, Nikon": Variant("image/x-nikon-nef", raw(">", b"NIKON CORPORATION\0")),
    "raw, Pentax": Variant("image/x-pentax-pef", raw(">", b"PENTAX Corporation\0")),
    "raw, Sony": Variant("image/x-sony-arw", raw("<", b"SONY\0")),
    "codestream with an offset": Variant("image/j2c", CODESTREAM + bytes(60)),
    "JPEG 2000 of tiles": Variant("image/jp2", saved("JPEG2000", tile_size=(16, 16))),
    "JPEG 2000, a lossy codestream": Variant(
        "image/j2c", saved("JPEG2000", no_jp2=True, irreversible=True)
    ),
    "JPEG XL": Variant("image/jxl", pictures.jxl(*SIZE)),
    "JPEG XL, small": Variant("image/jxl", pictures.jxl(40, 32), (40, 32)),
    "JPEG XL in boxes": Variant("image/jxl", pictures.jxl_boxed(*SIZE)),
    "JPEG XL in parts": Variant("image/jxl", pictures.jxl_boxed(*SIZE, parts=True)),
    "icns": Variant("image/x-icns", saved("ICNS", noise("RGBA", (128, 128))), (1024, 1024)),
    "HEIC, cropped": Variant("image/heic", heif(60, 50, transformations=(clap(40, 30),))),
    "HEIC, turned, in its description": Variant(
        "image/heic", heif(30, 40, transformations=(irot(3),), idat=True)
    ),
    "HEIC sequence": Variant("image/heic", pictures.sequence(*SIZE, major=b"hevc")),
}  # fmt: skip
