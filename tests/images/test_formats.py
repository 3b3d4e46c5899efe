"""Every format is known by its content."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagefetch.config.rules.image_types import TYPE_NAMES
from imagefetch.errors import DamagedImage, NotAnImage
from imagefetch.images.detection import HEAD, ImageInfo, probe
from imagefetch.images.formats import FORMATS
from tests.conftest import ROOT, examples
from tests.support import pictures
from tests.support.bitmaps import BITMAPS
from tests.support.pictures import OF_SIZE, bmp, icon
from tests.support.variants import VARIANTS, Variant


def probed(content: bytes) -> ImageInfo:
    """Probe a file that is small enough to be in memory."""
    return probe(Path("gone"), content, whole=True)


def brief(content: bytes) -> tuple[str, int | None, int | None]:
    image = probed(content)
    return image.media_type, image.width, image.height


@pytest.mark.parametrize("name", OF_SIZE)
@pytest.mark.parametrize(("width", "height"), [(7, 5), (1, 1), (240, 160), (200, 3)])
def test_type_and_size(name: str, width: int, height: int) -> None:
    media_type, made = OF_SIZE[name]
    assert brief(made(width, height)) == (media_type, width, height)


@given(st.sampled_from(sorted(OF_SIZE)), st.integers(1, 60_000), st.integers(1, 80))
@examples(200)
def test_any_size(name: str, width: int, height: int) -> None:
    """The sides are not mixed up, and no bit of them is lost."""
    media_type, made = OF_SIZE[name]
    if name == "ico":
        width, height = width % 256 or 1, height % 256 or 1
    assert brief(made(width, height)) == (media_type, width, height)


# --- Variants ----------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_variants(tmp_path: Path, variant: Variant) -> None:
    """Each is known, complete, and has its size, or none where decoders differ."""
    path = tmp_path / "1"
    path.write_bytes(variant.content)
    head = variant.content[:HEAD]
    image = probe(path, head)
    assert (image.media_type, image.whole is not False) == (variant.media_type, True)
    assert (image.width, image.height) == (variant.size or (None, None))
    assert probe(path, head, header=False).width is None


@pytest.mark.parametrize("content", BITMAPS.values(), ids=BITMAPS)
def test_bitmaps(content: bytes) -> None:
    """Width and height are in the same place in every header, whatever else it says."""
    assert brief(content) == ("image/bmp", 5, 3)


@given(
    st.sampled_from([*range(16, 65), 108, 124]),
    st.integers(0, 2**32 - 1),
    st.binary(min_size=4, max_size=4),
)
@examples(100)
def test_any_bitmap_header(header: int, mask: int, reserved: bytes) -> None:
    made = bmp(header=header, compression=3, masks=(mask,), reserved=reserved)
    assert brief(made) == ("image/bmp", 5, 3)


@pytest.mark.parametrize("reserved", [0, 1, 127, 255])
def test_icons(reserved: int) -> None:
    """.NET writes 255 into the reserved byte; cursors have hot spots."""
    assert brief(icon(reserved=reserved)) == ("image/vnd.microsoft.icon", 16, 16)
    cursor = icon(32, 24, kind=2, reserved=reserved, hot=(31, 300))
    assert brief(cursor) == ("image/x-win-bitmap", 32, 24)


@pytest.mark.parametrize(("kind", "depth"), [(1, 8), (2, 16), (2, 24), (2, 32), (3, 8), (3, 16)])
def test_tga_without_a_footer(kind: int, depth: int) -> None:
    """A consistent header is enough, also of a truncated file; a footer allows any header."""
    content = pictures.tga(kind=kind, depth=depth)
    assert brief(content) == ("image/x-tga", 7, 5)
    assert probed(content).whole is True
    assert probed(content[:-1]).whole is False
    odd = pictures.tga(kind=kind, depth=depth, flags=0xC7)
    assert brief(odd) == ("image/x-tga", 7, 5)
    for other in (odd[:-1], odd + b"a"):
        with pytest.raises(NotAnImage):
            probed(other)
    assert brief(odd + bytes(8) + b"TRUEVISION-XFILE.\0") == ("image/x-tga", 7, 5)


@pytest.mark.parametrize(
    ("names", "side"),
    [
        ((b"ICN#",), 32),
        ((b"ic04", b"ic05"), 32),
        ((b"ics8", b"sb24", b"zzzz"), 24),
        ((b"ic07", b"ic12"), 128),
        ((b"ic09", b"ic10", b"TOC "), 1024),
    ],
)
def test_apple_icons(names: tuple[bytes, ...], side: int) -> None:
    """Also of images that Pillow does not know; a truncated file has the size of what is in it."""
    blocks = b"".join(name + (28).to_bytes(4, "big") + bytes(20) for name in names)
    content = b"icns" + (8 + len(blocks)).to_bytes(4, "big") + blocks
    assert brief(content) == ("image/x-icns", side, side)
    assert probed(content).whole is True
    assert probed(content + b"a").whole is True
    with pytest.raises(DamagedImage):
        probed(content[:30])


FITS_WITHOUT_DATA = b"".join(
    card.ljust(80)
    for card in (
        b"SIMPLE  =                    T",
        b"BITPIX  =                    8",
        b"NAXIS   =                    0",
        b"END",
    )
).ljust(5_760)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"FTEX" + (7).to_bytes(4, "little") * 40, "image/x-ftex"),
        (b"\0\0\0\0\0\0\0\4" + bytes(300), "image/x-mcidas"),
        (FITS_WITHOUT_DATA, "image/fits"),
    ],
)
def test_what_pillow_refuses_may_be_valid(content: bytes, media_type: str) -> None:
    """A rare format whose plugin fails is not damaged; the size is unknown."""
    assert brief(content) == (media_type, None, None)


def test_wbmp_is_as_long_as_it_says() -> None:
    """It has no signature: a byte more or less, and it is something else."""
    for content in (pictures.wbmp() + b"\0", pictures.wbmp()[:-1]):
        with pytest.raises(NotAnImage):
            probed(content)


@pytest.mark.parametrize(
    ("brand", "media_type"),
    [(b"jpx ", "image/jpx"), (b"jph ", "image/jph"), (b"jp2 ", "image/jp2")],
)
def test_jpeg_2000_by_brand(brand: bytes, media_type: str) -> None:
    assert brief(pictures.jp2(brand=brand)) == (media_type, 7, 5)


def test_motion_jpeg_2000_is_a_video() -> None:
    with pytest.raises(NotAnImage) as raised:
        probed(pictures.jp2(brand=b"mjp2"))
    assert raised.value.kind == "video"


def test_a_tiff_of_a_camera_is_no_raw_file() -> None:
    """The make alone, or a directory below the first, make no raw file."""
    content = pictures.raw(b"NIKON\0").replace((32803).to_bytes(2, "little"), b"\2\0")
    assert brief(content) == ("image/tiff", 16, 12)


@pytest.mark.parametrize("plugin", ["GIF", "WEBP", "PNG", "JPEG"])
def test_no_side_is_zero(plugin: str) -> None:
    """A header with a side of zero pixels contradicts itself; Pillow does not open it either."""
    out = io.BytesIO()
    Image.new("RGB", (40, 41)).save(out, plugin)
    content = out.getvalue().replace(b"\x29\0", bytes(2)).replace(b"\0\x29", bytes(2))
    with pytest.raises(DamagedImage):
        probed(content)
    with pytest.raises(OSError, match=r"cannot identify|could not create decoder"):
        Image.open(io.BytesIO(content))


def test_apng() -> None:
    """The type is that of Pillow; the suffix is one that every viewer knows."""
    out = io.BytesIO()
    frames = [Image.new("L", (4, 3), n) for n in range(3)]
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    image = probed(out.getvalue())
    assert (image.media_type, image.extension, image.frames) == ("image/apng", ".png", 3)
    assert Image.open(out).get_format_mimetype() == "image/apng"


def test_an_apple_png() -> None:
    """Its first chunk is Apple's, and Pillow can't read it."""
    out = io.BytesIO()
    Image.new("L", (4, 3)).save(out, "PNG")
    content = out.getvalue()
    apple = content[:8] + b"\0\0\0\4CgBI\x50\0\x20\x02abcd" + content[8:]
    assert brief(apple) == ("image/png", 4, 3)


# --- Pillow's list -------------------------------------------------------------

NO_IMAGES = {
    "BUFR": "a stub for weather data",
    "GRIB": "a stub for weather data",
    "HDF5": "a stub for scientific data",
    "EPS": "a program",
    "PDF": "a document",
    "FLI": "a video",
    "MPEG": "a video",
    "IPTC": "metadata of a picture",
    "IMT": "obsolete, and text without a signature",
    "PALM": "without a signature, and Pillow only writes it",
}
"""Plugins of Pillow whose files are not kept, and why."""

NO_DECODER = {"IM": "deprecated", "WMF": "needs a system that draws it", "MPO": "decoded as JPEG"}
"""Plugins of formats that are kept, but not decoded with them."""


def test_every_plugin_of_pillow() -> None:
    """Each format that Pillow reads or writes is known, or is no image."""
    Image.init()
    assert {*Image.OPEN, *Image.SAVE} == {f.pillow for f in FORMATS if f.pillow} | {
        *NO_IMAGES,
        *NO_DECODER,
    }


@pytest.mark.filterwarnings("ignore:IM image format is deprecated")
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F", "I"])
def test_everything_that_pillow_writes(mode: str) -> None:
    """In every mode and format, the size is that of Pillow."""
    Image.init()
    for plugin in sorted({*Image.SAVE} - {*NO_IMAGES, "WMF"}):
        out = io.BytesIO()
        try:
            Image.new(mode, (19, 13)).save(out, plugin)
        except (OSError, ValueError, KeyError, NotImplementedError):
            continue
        image = probed(out.getvalue())
        with Image.open(io.BytesIO(out.getvalue())) as opened:
            assert (image.width, image.height) == opened.size, plugin
            assert image.pillow in {opened.format, None} or plugin == "MPO"


def test_types_and_extensions() -> None:
    """Each type can be named in ALLOWED_TYPES, and has a row in docs/formats.md that is true."""
    text = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if "| `image/" in line]
    table = {(row[1].strip("`"), row[2].strip("`")): tuple(row[3:6]) for row in rows}
    assert len(table) == len(rows)
    assert {*table} == {(known.media_type, known.extension) for known in FORMATS}
    for known in FORMATS:
        assert TYPE_NAMES[known.media_type] == known.media_type
        size, truncation, decoded = table[known.media_type, known.extension]
        assert decoded == ("yes" if known.pillow else "no"), known.media_type
        if known.media_type not in TOLD_BY_OTHERS:
            assert size == ("yes" if known.header else "no"), known.media_type
            assert truncation == ("yes" if known.ends else "no"), known.media_type


TOLD_BY_OTHERS = {known.media_type for known in FORMATS if not known.header and not known.ends} - {
    "image/x-fuji-raf",
    "image/x-canon-crw",
    "image/x-minolta-mrw",
    "image/x-sigma-x3f",
}
"""Types that the header of another format tells."""


# --- What is no image ----------------------------------------------------------

PAGE = b"<!DOCTYPE html><html><body><svg xmlns='http://www.w3.org/2000/svg'/></body></html>"
OTHERS: dict[str, list[bytes]] = {
    "html": [
        PAGE, b"\n <html>", b"<!-- <svg> -->" + PAGE, b"<!doctype HTML>", b"<head>", b"<div>a",
        b"<!-- " + b"long " * 2_000 + b"-->" + PAGE,
        b"<?xml version='1.0'?><!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0'><html>",
        b"\xef\xbb\xbf<html>", "<html>".encode("utf-16"), b"<script>svg</script>", b"<p>Not found",
    ],
    "json": [b'{"error": "<svg>"}', b"[1, 2]", b"[]", b"{}", b'\xef\xbb\xbf{"a": 1}', b'"no"'],
    "xml": [
        b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", b"<rss/>",
        b'<?xml version="1.0"?><a:svg xmlns:a="http://a.example/"/>',
        b'<svg xmlns="http://a.example/"/>', b"<svgs/>",
        b"<!DOCTYPE svg [<!ENTITY a '<svg/>'>]><a1/>",
    ],
    "pdf": [b"%PDF-1.7\n", b"\n%PDF-1.4"],
    "postscript": [b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\xc5\xd0\xd3\xc6" + bytes(30)],
    "office": [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), b"{\\rtf1}"],
    "video": [
        pictures.box(b"ftyp", b"isom", bytes(4), b"isom", b"mp42"), b"\x1a\x45\xdf\xa3" + bytes(60),
        pictures.box(b"ftyp", b"qt  ", bytes(4), b"qt  "), b"RIFF\0\0\0\0AVI LIST", b"FLV\1\5",
        b"\0\0\1\xba\x44", b"\0\0\1\xb3\x14", b"#EXTM3U\n", b"\x8aMNG\r\n\x1a\n",
        pictures.box(b"ftyp", b"mp42", bytes(4), b"mif1"),
    ],
    "audio": [b"ID3\4\0", b"\xff\xfb\x90\x64", b"RIFF\0\0\0\0WAVEfmt ", b"OggS\0\2", b"fLaC\0"],
    "font": [b"\0\1\0\0\0\x0f\0\x80\0\3\0\x70", b"OTTO\0\x0b", b"wOFF", b"wOF2", b"ttcf\0\1"],
    "archive": [
        b"PK\3\4\x14\0", gzip.compress(PAGE, mtime=0),
        gzip.compress(b"svg", mtime=0), b"BZh91AY&SY", b"7z\xbc\xaf\x27\x1c",
        b"\xfd7zXZ\0", b"Rar!\x1a\7\1\0", b"\x28\xb5\x2f\xfd\4",
        bytes(257) + b"ustar\0" + bytes(300),
    ],
    "program": [b"\x7fELF\2\1\1", b"#!/bin/sh\n"],
    "text": [
        b"404 not found", b"the <svg> element", b"P1 is a tax form", b"P5 12 apples",
        b"BM is short",
        b"P6 1 2 three", b"#define a 1\n#define b 2\n", b"/* a style */ svg { color: red }",
        b"Image type: none\n", b"P7\r\nno", b"icon", b"", b" ", b"GIF88a",
    ],
    "data": [bytes(100), b"\0\1\2\3" * 30, b"\xff\xd8", b"\0\0\2\0\6\4\6\0\x08\0" + bytes(40)],
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "content"),
    [(kind, content) for kind, contents in OTHERS.items() for content in contents],
    ids=lambda value: ascii(value[:16]),
)
@pytest.mark.parametrize("header", [True, False])
def test_the_rest_is_no_image(kind: str, content: bytes, header: bool) -> None:
    """What else is served as an image is not kept, and it is said what it is."""
    with pytest.raises(NotAnImage) as raised:
        probe(Path("gone"), content, whole=True, header=header)
    assert raised.value.kind == kind


@given(st.binary(max_size=400))
@examples(400)
def test_noise_is_no_image(content: bytes) -> None:
    """Random bytes are rarely taken for one; whatever happens, no other error is raised."""
    try:
        image = probe(Path("gone"), content[:HEAD], whole=True)
    except Exception as error:
        assert type(error).__name__ in {"NotAnImage", "DamagedImage"}
    else:
        assert image.media_type
