"""Lists the image formats that are recognized, with their signatures."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from imagefetch.images import boxes
from imagefetch.images import completeness as ends
from imagefetch.images import pillow_headers as by_pillow
from imagefetch.images.bounded_bytes import Bytes
from imagefetch.images.headers import (
    ReadHeader,
    apple,
    heif,
    jpeg2000,
    jpeg_xl,
    raster,
    svg,
    text,
    textures,
    tiff,
    web,
    windows,
)

Ends = Callable[[Bytes, int], bool | None]


@dataclass(frozen=True)
class Format:
    """An image format, recognized by the first bytes of a file."""

    media_type: str
    extension: str
    matches: Callable[[bytes], object]
    """Returns whether the first bytes of a file are those of the format."""
    header: ReadHeader | None = None
    """Reads the size; None if that is not supported."""
    ends: Ends | None = None
    """Returns whether a file is complete, given the offset at which its header ends; None if it
    can't tell."""
    pillow: str | None = None
    """The one Pillow plugin that may decode such a file."""
    weak: bool = False
    """Whether other files begin in the same way: `header` tells."""


def _format(
    media_type: str,
    extension: str,
    signature: bytes | Callable[[bytes], object],
    header: ReadHeader | None = None,
    ends: Ends | None = None,
    *,
    pillow: str | None = None,
    weak: bool = False,
) -> Format:
    matches = re.compile(signature, re.DOTALL).match if isinstance(signature, bytes) else signature
    return Format(media_type, extension, matches, header, ends, pillow, weak)


def _variant(media_type: str, extension: str, pillow: str | None = None) -> Format:
    """Return a format that only the header of another one tells."""
    return Format(media_type, extension, lambda _: False, pillow=pillow)


def _heif(
    media_type: str,
    extension: str,
    header: ReadHeader = heif.heif,
    pillow: str | None = None,
) -> Format:
    """Return a format that is told by the brands in its first box."""

    def matches(head: bytes) -> bool:
        return boxes.media_type_of(head) == media_type

    return _format(media_type, extension, matches, header, ends.boxes, pillow=pillow)


_old = partial(_format, weak=True)

# Sources of the signatures: the formats' own specifications (docs/formats.md), as collected by the
# WHATWG (https://mimesniff.spec.whatwg.org/#image-type-pattern-matching-algorithm), by libmagic
# and by Pillow's plugins.
FORMATS = (
    _format("image/jpeg", ".jpg", rb"\xff\xd8\xff", web.jpeg, ends.jpeg, pillow="JPEG"),
    _format("image/png", ".png", rb"\x89PNG\r\n\x1a\n", web.png, ends.png, pillow="PNG"),
    _variant("image/apng", ".png", "PNG"),
    _format("image/gif", ".gif", rb"GIF8[79]a", web.gif, ends.gif, pillow="GIF"),
    _format("image/webp", ".webp", rb"RIFF.{4}WEBP", web.webp, ends.webp, pillow="WEBP"),
    _heif("image/avif", ".avif", heif.avif, "AVIF"),
    _heif("image/heic", ".heic"),
    _heif("image/heif", ".heif"),
    _heif("image/x-canon-cr3", ".cr3"),
    _format("image/jxl", ".jxl", rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", jpeg_xl.jxl),
    _format(
        "image/jp2",
        ".jp2",
        rb"\0\0\0\x0cjP(?:  |\x1a\x1a)\r\n\x87\n",
        jpeg2000.jp2,
        pillow="JPEG2000",
        weak=True,
    ),
    _variant("image/jpx", ".jpf", "JPEG2000"),
    _variant("image/jpm", ".jpm"),
    _variant("image/jph", ".jph", "JPEG2000"),
    _format("image/j2c", ".j2k", rb"\xff\x4f\xff\x51", jpeg2000.codestream, pillow="JPEG2000"),
    _format("image/tiff", ".tif", rb"II[*+]\0|MM\0[*+]", tiff.tiff, pillow="TIFF"),
    _variant("image/x-adobe-dng", ".dng"),
    _variant("image/x-canon-cr2", ".cr2"),
    *(_variant(name, f".{name.rpartition('-')[2]}") for name in dict.fromkeys(tiff.MAKES.values())),
    _format("image/x-olympus-orf", ".orf", rb"II(?:RO|RS)|MMOR", tiff.olympus),
    _format("image/x-panasonic-rw2", ".rw2", rb"IIU\0", tiff.panasonic),
    _format("image/x-fuji-raf", ".raf", rb"FUJIFILMCCD-RAW"),
    _format("image/x-canon-crw", ".crw", rb"II.{4}HEAPCCDR"),
    _format("image/x-minolta-mrw", ".mrw", rb"\0MRM"),
    _format("image/x-sigma-x3f", ".x3f", rb"FOVb"),
    _format("image/jxr", ".jxr", rb"II\xbc[\0\x01]", tiff.jpeg_xr),
    # OS/2 bitmap headers have any length from 16 to 64 (Chromium reads them, too).
    _format(
        "image/bmp", ".bmp", rb"BM.{12}[\x0c\x10-\x40\x6c\x7c]\0\0\0", windows.bmp, pillow="BMP"
    ),
    _format(
        "image/vnd.microsoft.icon",
        ".ico",
        partial(windows.is_icon, b"\1"),
        windows.icon,
        pillow="ICO",
    ),
    _format(
        "image/x-win-bitmap", ".cur", partial(windows.is_icon, b"\2"), windows.cursor, pillow="CUR"
    ),
    _format("image/x-icns", ".icns", rb"icns", apple.icns, ends.icns, pillow="ICNS"),
    _format("image/vnd.adobe.photoshop", ".psd", rb"8BPS\0[\x01\x02]", raster.psd, pillow="PSD"),
    _format("image/vnd.ms-dds", ".dds", rb"DDS \x7c\0\0\0", textures.dds, pillow="DDS"),
    _format("image/qoi", ".qoi", rb"qoif", raster.qoi, pillow="QOI"),
    _old("image/x-portable-anymap", ".pnm", rb"P[1-6fF][ \t\r\n#]", text.pnm, pillow="PPM"),
    _format("image/x-portable-arbitrarymap", ".pam", rb"P7\s*\n(?=[#A-Z\s])", text.pam),
    _format("image/vnd.radiance", ".hdr", rb"#\?(?:RADIANCE|RGBE)\s", text.radiance),
    _format("image/x-exr", ".exr", rb"\x76\x2f\x31\x01", textures.exr),
    _format("image/ktx", ".ktx", rb"\xabKTX 11\xbb\r\n\x1a\n", textures.ktx),
    _format("image/ktx2", ".ktx2", rb"\xabKTX 20\xbb\r\n\x1a\n", textures.ktx2),
    _format(
        "image/sgi", ".sgi", rb"\x01\xda[\0\x01][\x01\x02]\0[\x01-\x03]", raster.sgi, pillow="SGI"
    ),
    _format(
        "image/x-pcx", ".pcx", rb"\x0a[\0-\x05][\0\x01][\x01\x02\x04\x08]", raster.pcx, pillow="PCX"
    ),
    _format("image/x-dcx", ".dcx", rb"\xb1\x68\xde\x3a", by_pillow.dcx, pillow="DCX"),
    _format("image/x-sun-raster", ".ras", rb"\x59\xa6\x6a\x95", raster.sun, pillow="SUN"),
    _format("image/x-xcf", ".xcf", rb"gimp xcf ", raster.xcf),
    _format("image/x-dpx", ".dpx", rb"SDPX|XPDS", raster.dpx),
    _format("image/x-farbfeld", ".ff", rb"farbfeld", raster.farbfeld),
    _format("image/fits", ".fits", rb"SIMPLE  =\s{1,30}T", by_pillow.fits, pillow="FITS"),
    _format("image/emf", ".emf", rb"\x01\0\0\0.{36} EMF", windows.enhanced_metafile),
    _format("image/wmf", ".wmf", rb"\xd7\xcd\xc6\x9a\0\0", windows.metafile),
    _format("image/x-xpixmap", ".xpm", rb"/\* XPM \*/", text.xpm, pillow="XPM"),
    _old("image/x-xbitmap", ".xbm", rb"\s*(?:#define|/\*)", text.xbm, pillow="XBM"),
    _format("image/x-mspaint", ".msp", rb"DanM|LinS", raster.paint, pillow="MSP"),
    _format("image/x-blp", ".blp", rb"BLP[12]", by_pillow.blp, pillow="BLP"),
    _format("image/x-ftex", ".ftu", rb"FTEX", by_pillow.ftex, pillow="FTEX"),
    _format(
        "image/x-gimp-gbr",
        ".gbr",
        rb"\0\0.{2}\0\0\0[\x01\x02].{12}(?:GIMP)",
        by_pillow.gbr,
        pillow="GBR",
    ),
    _format("image/x-pixar", ".pxr", rb"\x80\xe8\0\0", by_pillow.pixar, pillow="PIXAR"),
    _format("image/x-mcidas", ".area", rb"\0{7}\x04", by_pillow.mcidas, pillow="MCIDAS"),
    _format("image/x-photo-cd", ".pcd", rb".{2048}PCD_", by_pillow.photo_cd, pillow="PCD"),
    _format("image/x-xv-thumbnail", ".p7", rb"P7 332", by_pillow.xv_thumbnail, pillow="XVTHUMB"),
    _old("image/x-im", ".im", rb"Image type: ", text.im),  # Pillow deprecates it
    _old("image/svg+xml", ".svg", svg.may_be_svg, svg.svg),
    _old("image/svg+xml", ".svgz", svg.may_be_svgz, svg.svgz),
    # Without a signature: what else a file could be was tried before.
    _old("image/bmp", ".dib", windows.is_dib, windows.dib, pillow="DIB"),
    _old("image/vnd.wap.wbmp", ".wbmp", rb"\0\0[^\0]", raster.wbmp),
    _old("image/x-tga", ".tga", raster.may_be_tga, raster.tga, ends.tga, pillow="TGA"),
    _old("image/x-spider", ".spi", by_pillow.may_be_spider, by_pillow.spider, pillow="SPIDER"),
)
