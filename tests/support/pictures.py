"""Writes small image files of formats that Pillow can't write, or not in all their variants."""

from __future__ import annotations

import struct
from collections.abc import Callable

SVG_NAMESPACE = "http://www.w3.org/2000/svg"


def bmp(
    width: int = 5,
    height: int = 3,
    *,
    header: int = 40,
    bits: int = 32,
    compression: int = 0,
    masks: tuple[int, ...] = (),
    reserved: bytes = bytes(4),
) -> bytes:
    """Return a bitmap with a header of any length that one has ever had."""
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, *[0] * 5)
        info = (info + struct.pack(f"<{len(masks)}I", *masks)).ljust(header, b"\0")
        info = info[: max(header, 40 + 4 * len(masks) if header == 40 else header)]
    at = 14 + len(info)
    rows = bytes((width * bits + 31) // 32 * 4 * abs(height))
    return (
        b"BM" + struct.pack("<I", at + len(rows)) + reserved + struct.pack("<I", at) + info + rows
    )


def icon(
    width: int = 16,
    height: int = 16,
    *,
    kind: int = 1,
    reserved: int = 0,
    hot: tuple[int, int] = (1, 32),
) -> bytes:
    """Return an icon (*kind* 1) or a cursor (2) of one bitmap."""
    pixels = bytes(width * height * 4 + (width + 31) // 32 * 4 * height)
    image = struct.pack("<IiiHHIIiiII", 40, width, 2 * height, 1, 32, 0, *[0] * 5) + pixels
    entry = struct.pack("<BBBBHHII", width % 256, height % 256, 0, reserved, *hot, len(image), 22)
    return struct.pack("<HHH", 0, kind, 1) + entry + image


def box(name: bytes, *contents: bytes) -> bytes:
    data = b"".join(contents)
    return struct.pack(">I", len(data) + 8) + name + data


def heif(
    width: int = 7,
    height: int = 5,
    *,
    major: bytes = b"heic",
    brands: tuple[bytes, ...] = (b"mif1", b"heic"),
    transformations: tuple[bytes, ...] = (),
    idat: bool = False,
) -> bytes:
    """Return a HEIF file whose primary item, the second, has a size and *transformations*."""
    properties = (
        box(b"ispe", struct.pack(">III", 0, 640, 480)),
        box(b"ispe", struct.pack(">III", 0, width, height)),
        *transformations,
    )
    uses = bytes(0x80 | n for n in range(2, len(properties) + 1))
    table = struct.pack(">IIHBB", 0, 2, 1, 1, 1) + struct.pack(">HB", 2, len(uses)) + uses
    meta = (
        bytes(4),
        box(b"hdlr", bytes(8), b"pict", bytes(13)),
        box(b"pitm", struct.pack(">IH", 0, 2)),
        box(b"iprp", box(b"ipco", *properties), box(b"ipma", table)),
        *([box(b"idat", bytes(20))] if idat else []),
    )
    end = b"" if idat else box(b"mdat", bytes(20))
    return box(b"ftyp", major, bytes(4), *brands) + box(b"meta", *meta) + end


def clap(
    width: int,
    height: int,
    below: int = 1,
    *,
    at: tuple[int, int] | None = None,
    of: tuple[int, int] = (0, 0),
    more: int = 0,
) -> bytes:
    """Return the property of a crop, by default at the centre; *below*: denominator of its sides,
    to whose numerators *more* is added; *at*: its left and top in an image of the size *of*."""
    shift = (0, 0) if at is None else (2 * at[0] + width - of[0], 2 * at[1] + height - of[1])
    sides = width * below + more, below, height * below, below
    return box(b"clap", struct.pack(">4IiIiI", *sides, shift[0], 2, shift[1], 2))


def irot(quarters: int) -> bytes:
    return box(b"irot", bytes([quarters]))


def sequence(width: int = 7, height: int = 5, *, version: int = 0, major: bytes = b"msf1") -> bytes:
    """Return an image sequence without a primary item."""
    times = bytes(32 if version else 20)
    head = bytes([version, 0, 0, 3]) + times + bytes(52) + struct.pack(">HHHH", width, 0, height, 0)
    movie = box(b"moov", box(b"mvhd", bytes(100)), box(b"trak", box(b"tkhd", head)))
    return box(b"ftyp", major, bytes(4), b"hevc") + movie + box(b"mdat", bytes(9))


def mini(width: int = 7, height: int = 5, *, orientation: int = 1, codec: bytes = b"avif") -> bytes:
    """Return a low-overhead image."""
    large = max(width, height) > 128
    side = 15 if large else 7
    bits = (orientation - 1) << 1 | large
    bits = (bits << side | width - 1) << side | height - 1
    length = 17 + 2 * side
    content = (bits << 64 - length).to_bytes(8, "big") + bytes(20)
    return box(b"ftyp", b"mif3", codec) + box(b"mini", content)


class Bits:
    """Collects bits, the lowest first."""

    def __init__(self) -> None:
        self.value = self.count = 0

    def put(self, value: int, count: int) -> None:
        self.value |= value << self.count
        self.count += count

    def bytes(self) -> bytes:
        return self.value.to_bytes((self.count + 7) // 8, "little")


def jxl(width: int = 7, height: int = 5, *, ratio: int = 0) -> bytes:
    """Return the beginning of a JPEG XL codestream; *ratio*: 0 writes both sides."""
    bits = Bits()
    small = not (height % 8 or width % 8) and max(width, height) <= 256
    bits.put(small, 1)
    for side in (height, width):
        if small:
            bits.put(side // 8 - 1, 5)
        else:
            selector = next(n for n, size in enumerate((9, 13, 18, 30)) if side <= 1 << size)
            bits.put(selector, 2)
            bits.put(side - 1, (9, 13, 18, 30)[selector])
        if side is height:
            bits.put(ratio, 3)
        if ratio:
            break
    return b"\xff\x0a" + bits.bytes() + bytes(20)


JXL_BOXES = b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl ", bytes(4), b"jxl ")


def jxl_boxed(width: int = 7, height: int = 5, *, parts: bool = False) -> bytes:
    stream = jxl(width, height)
    if parts:
        return JXL_BOXES + box(b"jxll", b"\5") + box(b"jxlp", bytes(4), stream)
    return JXL_BOXES + box(b"Exif", bytes(30)) + box(b"jxlc", stream)


def jp2(width: int = 7, height: int = 5, brand: bytes = b"jp2 ") -> bytes:
    head = struct.pack(">IIHBBBB", height, width, 3, 7, 7, 0, 0)
    return (
        b"\0\0\0\x0cjP  \r\n\x87\n"
        + box(b"ftyp", brand, bytes(4), brand)
        + box(b"jp2h", box(b"ihdr", head))
        + box(b"jp2c", b"\xff\x4f\xff\x51", bytes(60))
    )


def tga(
    width: int = 7, height: int = 5, *, kind: int = 2, depth: int = 24, flags: int = 0
) -> bytes:
    palette = kind & 7 == 1
    colours = struct.pack("<HHB", 0, 4, 24) if palette else bytes(5)
    head = struct.pack("<BBB", 3, palette, kind) + colours
    head += struct.pack("<HHHHBB", 0, 0, width, height, depth, flags) + b"abc"
    pixel = (depth + 7) // 8
    return head + bytes(12 if palette else 0) + bytes(width * height * pixel)


def wbmp(width: int = 7, height: int = 5) -> bytes:
    def number(value: int) -> bytes:
        digits = [value & 0x7F]
        while value := value >> 7:
            digits.append(0x80 | value & 0x7F)
        return bytes(reversed(digits))

    return b"\0\0" + number(width) + number(height) + bytes((width + 7) // 8 * height)


def tags(
    order: str, entries: dict[int, tuple[int, int]], *, count: dict[int, int] | None = None
) -> bytes:
    """Return a directory of a TIFF: type and value of each tag."""
    made = [
        struct.pack(f"{order}HHI", tag, kind, (count or {}).get(tag, 1))
        + (struct.pack(f"{order}HH", value, 0) if kind == 3 else struct.pack(f"{order}I", value))
        for tag, (kind, value) in sorted(entries.items())
    ]
    return struct.pack(f"{order}H", len(made)) + b"".join(made) + bytes(4)


def tiff(
    signature: bytes,
    width: int = 7,
    height: int = 5,
    first: int = 8,
    at: tuple[int, int] = (256, 257),
) -> bytes:
    """Return a file with the *signature* of a relative of TIFF, and a size in two tags."""
    order = "<" if signature[:2] == b"II" else ">"
    head = signature + struct.pack(f"{order}I", first)
    return head.ljust(first, b"\0") + tags(order, {at[0]: (4, width), at[1]: (4, height)})


def cr2(width: int = 7, height: int = 5) -> bytes:
    content = bytearray(tiff(b"II*\0", width, height, 16))
    content[8:12] = b"CR\2\0"
    return bytes(content)


def raw(make: bytes, width: int = 70, height: int = 50, *, dng: bool = False) -> bytes:
    """Return a raw camera file: a preview of 16 by 12 pixels, and the sensor's data below it."""
    text, below = 200, 300
    first = {
        254: (4, 1), 256: (4, 16), 257: (4, 12), 262: (3, 2), 271: (2, text), 330: (4, below),
    }  # fmt: skip
    if dng:
        first[50706] = (1, 0x0401)
    head = b"II*\0\x08\0\0\0" + tags("<", first, count={271: len(make)})
    sensor = tags("<", {256: (4, width), 257: (4, height), 262: (3, 32803)})
    return head.ljust(text, b"\0").ljust(text) + make.ljust(below - text, b"\0") + sensor


def exr(width: int = 7, height: int = 5) -> bytes:
    def attribute(name: bytes, kind: bytes, value: bytes) -> bytes:
        return name + b"\0" + kind + b"\0" + struct.pack("<I", len(value)) + value

    return (
        b"\x76\x2f\x31\x01\2\0\0\0"
        + attribute(b"channels", b"chlist", bytes(40))
        + attribute(b"dataWindow", b"box2i", struct.pack("<4i", -2, 3, width - 3, height + 2))
        + b"\0"
    )


def pcx(width: int = 7, height: int = 5, *, version: int = 5, left: int = 2) -> bytes:
    head = struct.pack("<BBBBHHHH", 10, version, 1, 8, left, 1, left + width - 1, height)
    return head.ljust(65, b"\0") + b"\1" + struct.pack("<H", width + width % 2) + bytes(60)


def sgi(width: int = 7, height: int = 5) -> bytes:
    return struct.pack(">HBBHHHH", 474, 0, 1, 2, width, height, 1).ljust(
        512 + width * height, b"\0"
    )


def placed(signature: bytes, at: int, fields: str, *values: int, length: int = 128) -> bytes:
    """Return a header with *values* at an offset."""
    return (signature.ljust(at, b"\0") + struct.pack(fields, *values)).ljust(length, b"\0")


Sized = Callable[[int, int], bytes]

OF_SIZE: dict[str, tuple[str, Sized]] = {
    "bmp": ("image/bmp", bmp),
    "ico": ("image/vnd.microsoft.icon", lambda w, h: icon(w % 256 or 1, h % 256 or 1)),
    "heic": ("image/heic", heif),
    "avif": ("image/avif", lambda w, h: heif(w, h, major=b"avif")),
    "jxl": ("image/jxl", jxl),
    "jxl boxes": ("image/jxl", jxl_boxed),
    "jp2": ("image/jp2", jp2),
    "tga": ("image/x-tga", tga),
    "pcx": ("image/x-pcx", pcx),
    "sgi": ("image/sgi", sgi),
    "ppm": ("image/x-portable-anymap", lambda w, h: b"P6\n# a\n%d %d\n255\nabc" % (w, h)),
    "pam": (
        "image/x-portable-arbitrarymap",
        lambda w, h: b"P7\n# a\nHEIGHT %d\nWIDTH %d\nDEPTH 1\nMAXVAL 9\nENDHDR\nabc" % (h, w),
    ),
    "psd": ("image/vnd.adobe.photoshop", lambda w, h: placed(b"8BPS\0\1", 14, ">II", h, w)),
    "psb": ("image/vnd.adobe.photoshop", lambda w, h: placed(b"8BPS\0\2", 14, ">II", h, w)),
    "dds": ("image/vnd.ms-dds", lambda w, h: placed(b"DDS \x7c\0\0\0", 12, "<II", h, w)),
    "hdr": (
        "image/vnd.radiance",
        lambda w, h: b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y %d +X %d\n" % (h, w),
    ),
    "hdr turned": ("image/vnd.radiance", lambda w, h: b"#?RGBE\n\n+X %d +Y %d\n" % (w, h)),
    "exr": ("image/x-exr", exr),
    "ktx": (
        "image/ktx",
        lambda w, h: placed(b"\xabKTX 11\xbb\r\n\x1a\n\1\2\3\4", 36, "<II", w, h),
    ),
    "ktx big-endian": (
        "image/ktx",
        lambda w, h: placed(b"\xabKTX 11\xbb\r\n\x1a\n\4\3\2\1", 36, ">II", w, h),
    ),
    "ktx2": ("image/ktx2", lambda w, h: placed(b"\xabKTX 20\xbb\r\n\x1a\n", 20, "<II", w, h)),
    "qoi": ("image/qoi", lambda w, h: placed(b"qoif", 4, ">II", w, h)),
    "wbmp": ("image/vnd.wap.wbmp", wbmp),
    "tiff": ("image/tiff", lambda w, h: tiff(b"MM\0*", w, h)),
    "orf": ("image/x-olympus-orf", lambda w, h: tiff(b"IIRO", w, h)),
    "orf of old": ("image/x-olympus-orf", lambda w, h: tiff(b"MMOR", w, h)),
    "rw2": ("image/x-panasonic-rw2", lambda w, h: tiff(b"IIU\0", w, h, 24, (2, 3))),
    "cr2": ("image/x-canon-cr2", cr2),
    "jxr": ("image/jxr", lambda w, h: tiff(b"II\xbc\1", w, h, at=(0xBC80, 0xBC81))),
    "dng": ("image/x-adobe-dng", lambda w, h: raw(b"Any\0", w, h, dng=True)),
    "nef": ("image/x-nikon-nef", lambda w, h: raw(b"NIKON CORPORATION\0", w, h)),
    "arw": ("image/x-sony-arw", lambda w, h: raw(b"SONY\0", w, h)),
    "sun": ("image/x-sun-raster", lambda w, h: placed(b"\x59\xa6\x6a\x95", 4, ">II", w, h)),
    "xcf": ("image/x-xcf", lambda w, h: placed(b"gimp xcf v011\0", 14, ">II", w, h)),
    "dpx": ("image/x-dpx", lambda w, h: placed(b"XPDS", 772, "<II", w, h, length=2_048)),
    "farbfeld": ("image/x-farbfeld", lambda w, h: placed(b"farbfeld", 8, ">II", w, h)),
    "xpm": (
        "image/x-xpixmap",
        lambda w, h: b'/* XPM */\nstatic char *a[] = {\n"%d %d 2 1",\n' % (w, h),
    ),
    "xbm": (
        "image/x-xbitmap",
        lambda w, h: b"#define a_width %d\n#define a_height %d\nstatic char a_bits[] = {" % (w, h),
    ),
    "svg": (
        "image/svg+xml",
        lambda w, h: b'<svg xmlns="%s" width="%d" height="%d"/>' % (SVG_NAMESPACE.encode(), w, h),
    ),
}
"""By name: the media type, and a function that writes a file of a given width and height."""
