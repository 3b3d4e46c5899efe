"""Format, size and completeness of an image are read from its bytes."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import io
import struct
import threading
import tracemalloc
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from scrapy.http import Headers

from imagefetch.errors import DamagedImage, NotAnImage
from imagefetch.images.bounded_bytes import QUICK_BYTES, QUICK_READS, READS, Bytes
from imagefetch.images.detection import FORMATS, HEAD, ImageInfo, probe
from imagefetch.images.pillow_headers import BYTES
from imagefetch.line import Line
from imagefetch.output.partial_files import SMALL, Download
from imagefetch.pages import base
from imagefetch.pages.base import ImagePage
from imagefetch.pages.image_response import ImageResponse
from tests.support import bombs
from tests.support.hostile_pictures import HOSTILE
from tests.support.png_chunks import chunk
from tests.support.samples import (
    AVIF,
    PNG,
    SAMPLES,
    SIZE,
    WEBP,
    WITHOUT_SIGNATURE,
    Sample,
    each_sample,
)


def probed(folder: Path, content: bytes) -> ImageInfo:
    path = folder / "1"
    path.write_bytes(content)
    return probe(path, content[:HEAD])


def vp8x(width: int, height: int) -> bytes:
    body = b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0" + body


def brief(picture: ImageInfo) -> tuple[str, str, int | None, int | None]:
    """Return type, extension, width and height."""
    return picture.media_type, picture.extension, picture.width, picture.height


def saved(picture: Image.Image, pillow: str, **options: Any) -> bytes | None:
    """Return the image as written by Pillow; None if Pillow can't write that mode."""
    out = io.BytesIO()
    try:
        picture.save(out, pillow, **options)
    except (OSError, ValueError, KeyError):
        return None
    return out.getvalue()


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "F"]


@each_sample
def test_pillow_agrees(tmp_path: Path, sample: Sample) -> None:
    """In every mode, type and size are those of the image saved by Pillow; none is truncated."""
    modes = 0
    for mode in MODES:
        content = saved(Image.new(mode, SIZE), sample.pillow, **sample.options)
        if content is None:
            continue
        modes += 1
        picture = probed(tmp_path, content)
        with Image.open(io.BytesIO(content)) as image:
            assert brief(picture) == (sample.media_type, sample.extension, *image.size)
            assert picture.mode in {None, image.mode}
            assert picture.frames in {None, getattr(image, "n_frames", 1), 1}
        assert picture.whole in {None, True}
    assert modes


MARKED = {"image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"}


# Pillow warns of truncated files.
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data", "ignore:Truncated File Read")
@each_sample
def test_cut_at_many_lengths(tmp_path: Path, sample: Sample) -> None:
    """A truncated file that Pillow opens has the size that Pillow reads; in formats with an end
    marker, every truncation is detected."""
    noise = Image.effect_noise(SIZE, 90).convert(sample.mode)
    content = saved(noise, sample.pillow, **sample.options)
    assert content is not None
    for length in {*range(0, len(content), max(1, len(content) // 150)), len(content) - 1}:
        cut = content[:length]
        try:
            with Image.open(io.BytesIO(cut)) as image:
                size: tuple[int | None, int | None] | None = image.size
        except Exception:
            size = None
        try:
            picture = probed(tmp_path, cut)
        except (DamagedImage, NotAnImage):
            assert size is None, length
            continue
        assert picture.media_type == sample.media_type
        if size is not None:
            assert (picture.width, picture.height) == size, length
        if sample.media_type in MARKED and sample.pillow != "MPO":
            assert picture.whole is False, length


@pytest.mark.parametrize("pillow", ["JPEG", "PNG", "GIF", "WEBP"])
def test_what_follows_the_end_does_not_hide_it(tmp_path: Path, pillow: str) -> None:
    """An image is complete with padding, a video or a page after it."""
    content = saved(Image.new("RGB", SIZE, "blue"), pillow)
    assert content is not None
    for tail in (b"\0" * 100_000, b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 9, b"\r\n<!-- -->"):
        assert probed(tmp_path, content + tail).whole is True


def test_a_thumbnail_is_not_the_end(tmp_path: Path) -> None:
    """A JPEG truncated in its scan is detected, even if its header contains a thumbnail."""
    thumbnail = saved(Image.new("RGB", (16, 12)), "JPEG")
    assert thumbnail is not None
    content = saved(Image.effect_noise(SIZE, 90), "JPEG", exif=b"Exif\0\0" + thumbnail)
    assert content is not None
    picture = probed(tmp_path, content[:-100])
    assert (brief(picture)[2:], picture.whole) == (SIZE, False)


def test_a_frame_widens_its_gif(tmp_path: Path) -> None:
    """A first frame larger than the screen determines the size, as in Pillow."""
    content = saved(Image.new("P", SIZE), "GIF")
    assert content is not None
    small = content[:6] + struct.pack("<HH", 2, 3) + content[10:]
    assert brief(probed(tmp_path, small))[2:] == SIZE


def test_stray_bytes_before_a_frame(tmp_path: Path) -> None:
    """Browsers stop at bytes of no block, Pillow looks for a frame after them: a size that this
    frame would enlarge is unknown, and the file is complete nevertheless."""
    content = saved(Image.new("P", SIZE), "GIF")
    assert content is not None
    blocks = 13 + (3 << (content[10] & 7) + 1)
    content = content[:13] + b";" * (blocks - 13) + content[blocks:]
    at = content.index(b"\x2c\0\0\0\0")
    for screen, size in ((SIZE, SIZE), ((2, 3), (None, None))):
        stray = content[:6] + struct.pack("<HH", *screen) + content[10:at] + b"\7\0" + content[at:]
        picture = probed(tmp_path, stray)
        assert (picture.width, picture.height) == size
        assert picture.whole is True
        assert probed(tmp_path, stray[:-5]).whole is False


@pytest.mark.parametrize("orientation", [1, 3, 5, 6, 8])
@pytest.mark.parametrize("big", [False, True])
def test_a_turned_tiff(tmp_path: Path, orientation: int, big: bool) -> None:
    """An orientation that turns the image by 90 degrees swaps width and height, as in Pillow."""
    content = saved(Image.new("L", SIZE), "TIFF", tiffinfo={274: orientation}, big_tiff=big)
    assert content is not None
    with Image.open(io.BytesIO(content)) as image:
        assert brief(probed(tmp_path, content))[2:] == image.size


def test_the_larger_picture_of_an_icon(tmp_path: Path) -> None:
    """The largest image of an icon, PNG or bitmap, determines the size; 0 means 256."""
    for options in ({"bitmap_format": "bmp"}, {}):
        content = saved(Image.new("RGBA", (256, 256)), "ICO", **options)
        assert content is not None
        assert brief(probed(tmp_path, content))[2:] == (256, 256)


# --- Hostile files ---------------------------------------------------------


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Records the lengths of all reads by `probe`."""
    lengths: list[int] = []
    get = Bytes.__getitem__

    def noted(self: Bytes, key: slice) -> bytes:
        found = get(self, key)
        lengths.append(len(found))
        return found

    monkeypatch.setattr(Bytes, "__getitem__", noted)
    yield lengths


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_no_header_costs_much(tmp_path: Path, read: list[int], make: Callable[[], bytes]) -> None:
    """A file made to take minutes takes a bounded number of reads and of bytes. The result is an
    image, perhaps of unknown size, or damage."""
    content = make()
    tracemalloc.start()
    try:
        with suppress(DamagedImage):
            assert probed(tmp_path, content).extension
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(read) <= 3 * READS
    assert sum(read) < 100 * 2**20
    assert peak < 40 * 2**20 + len(content)


def costly() -> dict[str, bytes]:
    """Return files that need more reads than are allowed on the event loop."""
    jpeg = saved(Image.new("RGB", SIZE), "JPEG")
    gif = saved(Image.new("P", SIZE), "GIF")
    assert jpeg is not None
    assert gif is not None
    return {
        **{name: make() for name, make in HOSTILE.items() if name in LONG},
        "JPEG: a film behind it": jpeg + bytes(2**20),
        "JPEG: 16 MiB behind it": jpeg + bytes(2**24),
        "GIF: blocks behind its end": gif[:-1] + b"!\xfe" + b"\1a" * 2**16 + b"\0;\0",
    }


LONG = {
    "GIF: nothing but comments",
    "GIF: one comment of small blocks",
    "JPEG: fill bytes",
    "JPEG: escapes",
    "JPEG: segments without end",
    "JPEG: Photoshop's",
    "PNM: a comment",
    "PNM: white space",
    "ICNS: small blocks",
    "AVIF: small boxes",
}


def page_of(folder: Path, content: bytes) -> ImagePage:
    path = folder / "1"
    path.write_bytes(content)
    head = content if len(content) <= SMALL else content[:HEAD]
    download = Download(path, len(content), hashlib.sha256(content).hexdigest(), head)
    line = Line(1, "http://a.example/")
    return ImagePage(ImageResponse(line, line.text, 200, Headers(), download))


def test_long_headers_are_read_in_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the event loop at most 64 KiB are read, in 500 reads; a thread gives the same result."""
    here = threading.get_ident()
    on_loop: list[int] = []
    elsewhere: list[int] = []
    get = Bytes.__getitem__

    def noted(self: Bytes, key: slice) -> bytes:
        found = get(self, key)
        (on_loop if threading.get_ident() == here else elsewhere).append(len(found))
        return found

    monkeypatch.setattr(Bytes, "__getitem__", noted)
    for name, content in costly().items():
        page = page_of(tmp_path, content)
        expected: ImageInfo | None = None
        with suppress(DamagedImage):
            expected = probed(tmp_path, content)
        on_loop.clear()
        elsewhere.clear()
        asyncio.run(page.read_header())
        assert elsewhere, name
        assert len(on_loop) <= QUICK_READS, name
        assert sum(on_loop) <= QUICK_BYTES, name
        on_loop.clear()
        if expected is None:
            assert page.image().damaged
        else:
            assert page.image() == expected
        assert not on_loop, name


@each_sample
def test_common_headers_need_no_thread(
    tmp_path: Path, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ordinary images are inspected on the event loop, in less time than a thread would take."""
    monkeypatch.setattr(base, "offload", None)
    page = page_of(tmp_path, sample.bytes())
    asyncio.run(page.read_header())
    assert brief(page.image())[:2] == (sample.media_type, sample.extension)


def test_a_slow_disk_ends_a_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If each read takes long, the size stays unknown."""
    monkeypatch.setattr("imagefetch.images.bounded_bytes.SECONDS", -1.0)
    assert probed(tmp_path, PNG.bytes()).width is None


def test_a_header_that_goes_on_and_on_is_no_fault(tmp_path: Path) -> None:
    """An image whose header exceeds the limits is kept with its size unknown."""
    picture = probed(tmp_path, HOSTILE["JPEG: segments without end"]() + b"\xff\xd9")
    assert (picture.media_type, picture.width, picture.whole) == ("image/jpeg", None, True)
    text = b"P6\n#" + b"a" * BYTES + b"\n40 30\n255\n"
    assert brief(probed(tmp_path, text)) == ("image/x-portable-anymap", ".pnm", None, None)


@pytest.mark.parametrize(
    "content",
    [bombs.avif(20_000), bombs.avif(3_000), bombs.avif(1, 3_000), bombs.avif(900, 1_500)],
    ids=["items", "thousands", "properties", "both"],
)
def test_avif_of_many_items_is_not_parsed(tmp_path: Path, content: bytes, read: list[int]) -> None:
    """libavif would take minutes for ten thousand boxes: few are read, and if the primary image is
    not among them, its size stays unknown."""
    assert brief(probed(tmp_path, content)) in {
        ("image/avif", ".avif", None, None),
        ("image/avif", ".avif", 64, 64),
    }
    assert len(read) < 50


def test_avif_of_some_items_is_parsed(tmp_path: Path) -> None:
    """As many boxes as an image made of tiles has are read."""
    assert brief(probed(tmp_path, bombs.avif(400)))[2:] == (64, 64)


def test_pillow_s_settings_stay_as_they_are(tmp_path: Path) -> None:
    """Pillow's limit for decoding and the warning filters stay unchanged; nothing warns."""
    limit, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    gc.collect()  # else objects left by other tests warn in here
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ImportWarning)  # from modules that other tests have loaded
        for sample in SAMPLES:
            probed(tmp_path, sample.bytes())
            with suppress(DamagedImage, NotAnImage):
                probed(tmp_path, sample.bytes()[:-40] + b"MPF\0" * 10)
    assert [str(each.message) for each in caught] == []
    assert (Image.MAX_IMAGE_PIXELS, warnings.filters) == (limit, filters)


@each_sample
def test_all_of_it_in_memory(tmp_path: Path, sample: Sample) -> None:
    """Given all bytes, `probe` returns the same without the file."""
    content = sample.bytes()
    assert probe(tmp_path / "gone", content, whole=True) == probed(tmp_path, content)


def test_the_first_bytes_alone(tmp_path: Path) -> None:
    """With ``header=False`` only the signature is used, even if there is no file."""
    content = PNG.bytes()
    picture = probe(tmp_path / "gone", content[:HEAD], header=False)
    assert picture == ImageInfo("image/png", ".png")


def test_every_format_that_pillow_saves_is_tried() -> None:
    """The samples include every format that Pillow can write."""
    Image.init()
    ours = {f.media_type for f in FORMATS if f.pillow in Image.SAVE} | {WEBP.media_type}
    ours -= {"image/jpx", "image/jph"}  # Pillow only reads them
    assert {sample.media_type for sample in SAMPLES} == ours


@pytest.mark.parametrize(
    "sample",
    [sample for sample in SAMPLES if sample not in WITHOUT_SIGNATURE],
    ids=lambda sample: " ".join((sample.pillow, *sample.options)),
)
def test_cut_header_is_damage(tmp_path: Path, sample: Sample) -> None:
    """A file truncated in its header is a damaged image, not some other type of file."""
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
    """Formats known only by their signature are kept with their size unknown."""
    assert brief(probed(tmp_path, content)) == (media_type, extension, None, None)


def test_avif_by_compatible_brand(tmp_path: Path) -> None:
    """An AVIF file whose major brand is the general one is still AVIF."""
    content = AVIF.bytes().replace(b"ftypavif", b"ftypmif1", 1)
    assert brief(probed(tmp_path, content)) == ("image/avif", ".avif", *SIZE)


def test_psd(tmp_path: Path) -> None:
    """Width and height of a Photoshop file are in this order, although stored the other way."""
    header = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, SIZE[1], SIZE[0], 8, 3)
    content = header + struct.pack(">IIIH", 0, 0, 0, 0) + bytes(3 * SIZE[0] * SIZE[1])
    assert brief(probed(tmp_path, content)) == ("image/vnd.adobe.photoshop", ".psd", *SIZE)


def test_pixel_bomb_is_measured(tmp_path: Path) -> None:
    """A size above MAX_IMAGE_PIXELS is read."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0"))
    assert brief(probed(tmp_path, content)) == ("image/png", ".png", 60_000, 60_000)
    with pytest.raises(DamagedImage):
        probed(tmp_path, content[:30])


def test_webp_canvas_is_not_allocated(tmp_path: Path) -> None:
    """The size of a WebP is in its first 30 bytes; no others are needed."""
    assert brief(probed(tmp_path, vp8x(16_383, 16_383)))[2:] == (16_383, 16_383)
    assert brief(probed(tmp_path, vp8x(1, 2**24)))[2:] == (1, 2**24)


def test_webp_scaling_bits_are_no_size(tmp_path: Path) -> None:
    """The upper two bits of a lossy WebP's width and height are a scale, not part of the size."""
    content = bytearray(WEBP.bytes())
    content[27] |= 0x40
    content[29] |= 0x80
    assert brief(probed(tmp_path, bytes(content))) == ("image/webp", ".webp", *SIZE)


@pytest.mark.parametrize(("at", "byte"), [(12, b"X"), (23, b"\0")], ids=["chunk", "start code"])
def test_webp_of_no_known_kind_is_damage(tmp_path: Path, at: int, byte: bytes) -> None:
    """A WebP whose first chunk is none of the three kinds is damaged: its size can't be read."""
    content = WEBP.bytes()
    with pytest.raises(DamagedImage):
        probed(tmp_path, content[:at] + byte + content[at + 1 :])


def test_large_avif_is_not_read(tmp_path: Path, read: list[int]) -> None:
    """The size of a large AVIF is in its first boxes; Pillow would read all of it."""
    content, path = AVIF.bytes(), tmp_path / "1"
    path.write_bytes(content)
    with path.open("r+b") as file:
        file.truncate(2**24 + 1)  # a hole: takes no space
    assert brief(probe(path, content[:HEAD])) == ("image/avif", ".avif", *SIZE)
    assert sum(read) < 2_000


def test_vanished_file_is_no_damage(tmp_path: Path) -> None:
    """An error of the disk is not reported as damage of the image."""
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
    """An SVG is recognized with comments and declarations before its root element."""
    assert brief(probed(tmp_path, text.encode())) == ("image/svg+xml", ".svg", None, None)


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
    """Text, pages that contain images, videos and noise are NotAnImage."""
    with pytest.raises(NotAnImage):
        probed(tmp_path, content)
