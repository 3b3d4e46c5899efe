"""What a picture is, told by its bytes."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from imagefetch.errors import DamagedImage, NotAnImage
from imagefetch.probe import FORMATS, HEAD, WHOLE_FILE_MAX, Picture, probe

SIZE = (40, 30)


class Sample(NamedTuple):
    """A format that Pillow can save."""

    pillow: str
    media_type: str
    extension: str
    cut: int = 20
    """So many bytes are the signature and not the whole header."""
    options: dict[str, Any] = {}  # noqa: RUF012 - not changed

    def bytes(self) -> bytes:
        out = io.BytesIO()
        Image.new("RGB", SIZE, "red").save(out, self.pillow, **self.options)
        return out.getvalue()


AVIF = Sample("AVIF", "image/avif", ".avif")
PNG = Sample("PNG", "image/png", ".png")
WEBP = Sample("WEBP", "image/webp", ".webp", 29)
SAMPLES = [
    AVIF,
    PNG,
    WEBP,
    WEBP._replace(options={"lossless": True}, cut=24),
    WEBP._replace(options={"save_all": True, "append_images": [Image.new("L", SIZE)]}),
    Sample("JPEG", "image/jpeg", ".jpg"),
    Sample("JPEG", "image/jpeg", ".jpg", options={"exif": b"Exif\0\0" + bytes(2 * HEAD)}),
    Sample("MPO", "image/jpeg", ".jpg", 3),
    Sample("GIF", "image/gif", ".gif", 12),
    Sample("JPEG2000", "image/jp2", ".jp2"),
    Sample("JPEG2000", "image/j2c", ".j2k", options={"no_jp2": True}),
    Sample("TIFF", "image/tiff", ".tif"),
    Sample("TIFF", "image/tiff", ".tif", options={"big_tiff": True}),
    Sample("BMP", "image/bmp", ".bmp"),
    Sample("ICO", "image/vnd.microsoft.icon", ".ico"),
    Sample("ICNS", "image/x-icns", ".icns"),
    Sample("DDS", "image/vnd.ms-dds", ".dds"),
    Sample("QOI", "image/qoi", ".qoi", 12),
    Sample("PPM", "image/x-portable-anymap", ".pnm", 5),
]
each_sample = pytest.mark.parametrize(
    "sample", SAMPLES, ids=lambda sample: " ".join((sample.pillow, *sample.options))
)


def probed(folder: Path, content: bytes) -> Picture:
    path = folder / "1"
    path.write_bytes(content)
    return probe(path, content[:HEAD])


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def vp8x(width: int, height: int) -> bytes:
    body = b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0" + body


@each_sample
def test_pillow_agrees(tmp_path: Path, sample: Sample) -> None:
    """Type and size are those of the picture that Pillow saved."""
    content = sample.bytes()
    with Image.open(io.BytesIO(content)) as image:
        expected = Picture(sample.media_type, sample.extension, *image.size)
    assert probed(tmp_path, content) == expected


def test_every_format_that_pillow_saves_is_tried() -> None:
    """The samples leave out no format that Pillow can write."""
    Image.init()
    ours = {f.media_type for f in FORMATS if f.pillow in Image.SAVE} | {WEBP.media_type}
    assert {sample.media_type for sample in SAMPLES} == ours


@each_sample
def test_cut_header_is_damage(tmp_path: Path, sample: Sample) -> None:
    """A file that breaks off amid its header is a damaged picture, not something else."""
    with pytest.raises(DamagedImage):
        probed(tmp_path, sample.bytes()[: sample.cut])


@pytest.mark.parametrize(
    ("content", "media_type", "extension"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic", ".heic"),
        (b"\0\0\0\x18ftyphevx\0\0\0\0msf1hevx", "image/heic", ".heic"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "image/heif", ".heif"),
        (b"\xff\x0a\xfa\x1f", "image/jxl", ".jxl"),
        (b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl ", "image/jxl", ".jxl"),
    ],
)
def test_what_pillow_cannot_read_has_no_size(
    tmp_path: Path, content: bytes, media_type: str, extension: str
) -> None:
    """Formats known by their signature alone are kept, their size left open."""
    assert probed(tmp_path, content) == Picture(media_type, extension, None, None)


def test_avif_by_compatible_brand(tmp_path: Path) -> None:
    """An AVIF file whose major brand is the general one is still AVIF."""
    content = AVIF.bytes().replace(b"ftypavif", b"ftypmif1", 1)
    assert probed(tmp_path, content) == Picture("image/avif", ".avif", *SIZE)


def test_psd(tmp_path: Path) -> None:
    """A Photoshop file gives its size in width and height, though it is stored the other way."""
    header = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, SIZE[1], SIZE[0], 8, 3)
    content = header + struct.pack(">IIIH", 0, 0, 0, 0) + bytes(3 * SIZE[0] * SIZE[1])
    assert probed(tmp_path, content) == Picture("image/vnd.adobe.photoshop", ".psd", *SIZE)


def test_pixel_bomb_is_measured(tmp_path: Path) -> None:
    """A size past MAX_IMAGE_PIXELS is told, and the limit is in force again afterwards."""
    limit = Image.MAX_IMAGE_PIXELS
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0"))
    assert probed(tmp_path, content) == Picture("image/png", ".png", 60_000, 60_000)
    with pytest.raises(DamagedImage):
        probed(tmp_path, content[:30])
    assert limit is not None
    assert limit == Image.MAX_IMAGE_PIXELS


def test_webp_canvas_is_not_allocated(tmp_path: Path) -> None:
    """A WebP's size is in its first 30 bytes; nothing behind them is needed."""
    assert probed(tmp_path, vp8x(16_383, 16_383)) == Picture("image/webp", ".webp", 16_383, 16_383)
    assert probed(tmp_path, vp8x(1, 2**24)) == Picture("image/webp", ".webp", 1, 2**24)


def test_webp_scaling_bits_are_no_size(tmp_path: Path) -> None:
    """The upper two bits of a lossy WebP's width and height say how to scale it, no more."""
    content = bytearray(WEBP.bytes())
    content[27] |= 0x40
    content[29] |= 0x80
    assert probed(tmp_path, bytes(content)) == Picture("image/webp", ".webp", *SIZE)


@pytest.mark.parametrize(("at", "byte"), [(12, b"X"), (23, b"\0")], ids=["chunk", "start code"])
def test_webp_of_no_known_kind_is_damage(tmp_path: Path, at: int, byte: bytes) -> None:
    """A WebP whose first chunk isn't one of the three kinds has no size that could be told."""
    content = WEBP.bytes()
    with pytest.raises(DamagedImage):
        probed(tmp_path, content[:at] + byte + content[at + 1 :])


def test_large_avif_is_not_read(tmp_path: Path) -> None:
    """An AVIF past WHOLE_FILE_MAX is kept with its size unknown: Pillow would read all of it."""
    content, path = AVIF.bytes(), tmp_path / "1"
    path.write_bytes(content)
    with path.open("r+b") as file:
        file.truncate(WHOLE_FILE_MAX + 1)  # a hole: takes no space
    assert probe(path, content[:HEAD]) == Picture("image/avif", ".avif", None, None)


def test_vanished_file_is_no_damage(tmp_path: Path) -> None:
    """What the disk does wrong isn't the picture's fault."""
    with pytest.raises(FileNotFoundError):
        probe(tmp_path / "gone", PNG.bytes()[:HEAD])


@pytest.mark.parametrize(
    "text",
    [
        "<svg>",
        '<svg xmlns="http://www.w3.org/2000/svg"/>',
        "<svg\nwidth='1'>",
        "\ufeff<svg >",
        "\n\t <svg >",
        '<?xml version="1.0"?><svg >',
        "<?xml version='1.0'?>\r\n<?xml-stylesheet href='a'?>\r\n<svg >",
        "<!-- a > b --><!-- <html> -->\n<svg >",
        "<?xml version='1.0'?><!-- a --><svg ><!-- b --><?c d?>",
        "<!DOCTYPE svg><svg >",
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://w3.example/svg11.dtd">\n<svg >',
        '<!DOCTYPE svg [\n<!ENTITY a "http://a.example/">\n<!ENTITY b "b">\n] >\n<svg >',
        "<?xml version='1.0'?><!-- a --><!DOCTYPE svg []><!-- b --><svg >",
        '<svg:svg xmlns:svg="http://www.w3.org/2000/svg">',
    ],
    ids=lambda text: ascii(text[:30]),
)
def test_svg_in_every_dress(tmp_path: Path, text: str) -> None:
    """What stands before an SVG's root element doesn't hide it."""
    assert probed(tmp_path, text.encode()) == Picture("image/svg+xml", ".svg", None, None)


NO_IMAGES = [
    b"", b" ", b"\0", b"404 not found\n", b'{"error": "no such picture"}', bytes(range(256)) * 16,
    b"<!DOCTYPE html><html><body><svg ></svg></body></html>", b"<html><svg >", b"<svgfoo>",
    b"<?xml version='1.0'?><html><svg >", b"<!-- <svg > --><html>",
    b"<!DOCTYPE svg [ <!ENTITY a '<svg >'> ]><html>",
    b"<!---->" * 600, b"<!--" * 1_024, b"<!DOCTYPE svg [" + b"] " * 2_000,  # linear or never
    b"\xff\xd8", b"\x89PNG\n", b"GIF88a", b"RIFF\0\0\0\0WAVEfmt ", b"%PDF-1.7",
    b"BMW is a car, not a picture", b"\0\0\0\x18ftypisom\0\0\0\0isommp42",
]  # fmt: skip


@pytest.mark.parametrize("content", NO_IMAGES, ids=lambda content: ascii(content[:20]))
def test_the_rest_is_no_image(tmp_path: Path, content: bytes) -> None:
    """Text, pages with pictures in them, films and noise are NotAnImage."""
    with pytest.raises(NotAnImage):
        probed(tmp_path, content)
