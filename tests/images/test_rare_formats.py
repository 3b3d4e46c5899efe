"""Formats and fields that few files have: each is known, with its size."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import pytest

from imagefetch.errors import DamagedImage, NotAnImage
from imagefetch.images.bounded_bytes import Bytes
from imagefetch.images.completeness import STEP
from imagefetch.images.detection import ImageInfo, probe
from imagefetch.images.headers.web import jpeg_frame
from tests.support.pictures import box, heif, icon, jp2, jxl, pcx, placed, sequence, tga, tiff
from tests.support.png_chunks import chunk
from tests.support.samples import Sample
from tests.support.variants.base import noise, saved
from tests.support.variants.others import ifd
from tests.support.variants.web import GIF, GIF_BLOCKS, GIFS, JPEG, PNG, WEBP, WEBPS, segment
from tests.support.variants.windows import icon_of, png_of


def probed(content: bytes) -> ImageInfo:
    return probe(Path("gone"), content, whole=True)


def brief(content: bytes) -> tuple[str, int | None, int | None]:
    image = probed(content)
    return image.media_type, image.width, image.height


FITS = b"".join(
    card.ljust(80)
    for card in (
        b"SIMPLE  =                    T",
        b"BITPIX  =                    8",
        b"NAXIS   =                    2",
        b"NAXIS1  =                   40",
        b"NAXIS2  =                   30",
        b"END",
    )
).ljust(2_880) + bytes(2_880)

BITS = pcx(40, 30)[:3] + b"\1" + pcx(40, 30)[4:]  # a PCX that needs no palette

RARE = {
    "Pixar": (
        "image/x-pixar",
        placed(b"\x80\xe8\0\0", 416, "<HHHHHH", 30, 40, 0, 0, 14, 2, length=600),
    ),
    "GIMP brush": (
        "image/x-gimp-gbr",
        struct.pack(">5I4sI", 32, 2, 40, 30, 4, b"GIMP", 10) + b"abc\0" + bytes(4_800),
    ),
    "several PCX": ("image/x-dcx", b"\xb1\x68\xde\x3a" + struct.pack("<II", 12, 0) + BITS),
    "XV thumbnail": (
        "image/x-xv-thumbnail",
        b"P7 332\n#XVVERSION:2\n#END_OF_COMMENTS\n40 30 255\n" + bytes(1_200),
    ),
    "McIDAS": ("image/x-mcidas", placed(b"\0\0\0\0\0\0\0\4", 32, ">III", 30, 40, 1, length=400)),
    "FITS": ("image/fits", FITS),
    "Olympus, IIRS": ("image/x-olympus-orf", tiff(b"IIRS", 40, 30)),
    "JPEG XR, version 0": ("image/jxr", tiff(b"II\xbc\0", 40, 30, at=(0xBC80, 0xBC81))),
    "DPX, big-endian": ("image/x-dpx", placed(b"SDPX", 772, ">II", 40, 30, length=2_048)),
    "Windows Paint 2": ("image/x-mspaint", placed(b"LinS", 4, "<HH", 40, 30)),
    "Windows metafile": (
        "image/wmf",
        placed(b"\xd7\xcd\xc6\x9a\0\0", 6, "<hhhhH", 30, 20, 630, 470, 1_440),
    ),
    "enhanced metafile": (
        "image/emf",
        placed(b"\1\0\0\0\x6c\0\0\0", 8, "<4i", 5, 6, 45, 36, length=40) + b" EMF" + bytes(60),
    ),
    "IFUNC": (
        "image/x-im",
        b"Image type: RGB image\r\nImage size (x*y): 40*30\r\n\x1a" + bytes(500),
    ),
    "TIFF, values of type IFD": (
        "image/tiff",
        tiff(b"II*\0", 40, 30).replace(b"\4\0\1\0", b"\x0d\0\1\0"),
    ),
    "XPM of one line": ("image/x-xpixmap", b'/* XPM */ static char *a[] = {"40 30 2 1 XPMEXT",'),
    "PNM, carriage returns": ("image/x-portable-anymap", b"P5\r# a\r40\r30\r255\ra"),
    "PNM, zeros": ("image/x-portable-anymap", b"P1 40 30\n0"),
    "PAM, CRLF": ("image/x-portable-arbitrarymap", b"P7\nWIDTH 40 \r\nHEIGHT\t30\r\nENDHDR\r\na"),
    "TGA, grey of one bit": ("image/x-tga", tga(40, 30, kind=3, depth=1)[: 18 + 3 + 5 * 30]),
    "compound JPEG 2000": ("image/jpm", jp2(brand=b"jpm ").replace(b"jp2h", b"mhdr")),
}  # fmt: skip
OF_NO_SIZE = {"compound JPEG 2000"}


@pytest.mark.parametrize("name", RARE)
def test_rare_formats(name: str) -> None:
    media_type, content = RARE[name]
    if name in OF_NO_SIZE:
        assert (probed(content).damaged, probed(content).width) == (False, None)
    else:
        assert brief(content) == (media_type, 40, 30)


@pytest.mark.parametrize("turned", [0, 1, 2, 3])
def test_photo_cd(turned: int) -> None:
    """It has one size, and may be stored on its side."""
    size = (512, 768) if turned & 1 else (768, 512)
    assert brief(bytes(2_048) + b"PCD_".ljust(1_538) + bytes([turned]) + bytes(99)) == (
        "image/x-photo-cd",
        *size,
    )


@pytest.mark.parametrize(
    ("signature", "media_type"),
    [
        (b"FUJIFILMCCD-RAW 0201", "image/x-fuji-raf"),
        (b"II\x1a\0\0\0HEAPCCDR", "image/x-canon-crw"),
        (b"\0MRM\0\0", "image/x-minolta-mrw"),
        (b"FOVb\0\0", "image/x-sigma-x3f"),
    ],
)
def test_raw_files_known_by_their_signature(signature: bytes, media_type: str) -> None:
    assert brief(signature + bytes(100)) == (media_type, None, None)


# --- Raw files that are TIFF inside ----------------------------------------------


def raw(make: bytes, *directories: dict[int, tuple[int, int]], photometric: int = 1) -> bytes:
    """Return a TIFF of a *make* with a small image, and *directories* below it."""

    def table(entries: dict[int, tuple[int, int]], counts: dict[int, int]) -> bytes:
        rows = b"".join(
            struct.pack("<HHI", tag, kind, counts.get(tag, 1))
            + struct.pack("<HH" if kind == 3 else "<I", *((value, 0) if kind == 3 else (value,)))
            for tag, (kind, value) in entries.items()
        )
        return struct.pack("<H", len(entries)) + rows + bytes(4)

    offsets = [500 + 100 * n for n in range(len(directories))]
    first = {256: (4, 16), 257: (4, 12), 262: (3, photometric), 271: (2, 300)}
    counts = {271: len(make), 330: len(offsets)}
    if offsets:
        first[330] = (4, 400 if len(offsets) > 1 else offsets[0])
    content = (b"II*\0\x08\0\0\0" + table(first, counts)).ljust(300, b"\0") + make
    content = content.ljust(400, b"\0") + struct.pack(f"<{len(offsets)}I", *offsets)
    for at, entries in zip(offsets, directories, strict=True):
        content = content.ljust(at, b"\0") + table(entries, {})
    return content


SENSOR = {256: (4, 40), 257: (4, 30), 262: (3, 32803)}


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (b"NIKON CORPORATION", "nikon-nef"), (b"SONY", "sony-arw"), (b"Sony", "sony-arw"),
        (b"PENTAX Corporation", "pentax-pef"), (b"RICOH IMAGING", "pentax-pef"),
        (b"SAMSUNG", "samsung-srw"), (b"EASTMAN KODAK", "kodak-dcr"), (b"Kodak", "kodak-dcr"),
        (b"Hasselblad", "hasselblad-3fr"), (b"Phase One A/S", "phaseone-iiq"),
        (b"Leaf", "leaf-mos"), (b"SEIKO EPSON", ""), (b"EPSON", "epson-erf"), (b"Other", ""),
    ],
)  # fmt: skip
def test_makes(make: bytes, name: str) -> None:
    """The sensor's data decides whether the file is a raw one, the make which."""
    expected = (f"image/x-{name}", 40, 30) if name else ("image/tiff", 16, 12)
    assert brief(raw(make + b"\0", SENSOR)) == expected


def test_the_largest_of_the_sensor_s_directories() -> None:
    smaller = {**SENSOR, 256: (4, 20)}
    linear = {**SENSOR, 262: (3, 34892)}
    preview = {256: (4, 900), 257: (4, 600), 262: (3, 6)}
    for directories in ([SENSOR, smaller], [smaller, preview, SENSOR], [linear, smaller]):
        assert brief(raw(b"NIKON\0", *directories)) == ("image/x-nikon-nef", 40, 30)


def test_a_directory_outside_of_the_file() -> None:
    """The others count."""
    content = raw(b"NIKON\0", SENSOR, SENSOR)
    gone = content[:404] + struct.pack("<I", 2**24) + content[408:]
    assert brief(gone) == ("image/x-nikon-nef", 40, 30)


def test_a_sensor_in_the_first_directory() -> None:
    assert brief(raw(b"SONY\0", photometric=32803)) == ("image/x-sony-arw", 16, 12)


def test_the_borders_of_a_sensor() -> None:
    """Panasonic's files state the sensor's size, and the image's borders on it."""
    sides = {2: (3, 60), 3: (3, 50), 4: (3, 5), 5: (3, 7), 6: (3, 35), 7: (3, 47)}
    content = ifd("<", {256: (4, 1), **sides}).replace(b"II*\0", b"IIU\0")
    assert brief(content) == ("image/x-panasonic-rw2", 40, 30)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations_of_tiff(orientation: int) -> None:
    size = (30, 40) if orientation >= 5 else (40, 30)
    content = ifd("<", {256: (4, 40), 257: (4, 30), 274: (3, orientation)})
    assert brief(content) == ("image/tiff", *size)


# --- HEIF, JPEG 2000, JPEG XL ----------------------------------------------------


def test_long_tables_of_a_heif() -> None:
    """Numbers of items take 4 bytes in version 1, those of properties 2 with a flag."""
    properties = [box(b"ispe", struct.pack(">III", 0, n, n)) for n in range(1, 300)]
    properties += [box(b"ispe", struct.pack(">III", 0, 40, 30))]
    table = struct.pack(">IIIB", 0x01000001, 2, 70_000, 1) + struct.pack(">H", 0x8001)
    table += struct.pack(">IB", 70_001, 1) + struct.pack(">H", 0x8000 | 300)
    pitm = box(b"pitm", struct.pack(">II", 0x01000000, 70_001))
    meta = box(
        b"meta", bytes(4), pitm, box(b"iprp", box(b"ipco", *properties), box(b"ipma", table))
    )
    content = box(b"ftyp", b"heic", bytes(4), b"mif1") + meta + box(b"mdat", b"a")
    assert brief(content) == ("image/heic", 40, 30)


def test_what_would_take_long_has_no_size() -> None:
    """Large descriptions of a HEIF are not read, nor more than 2,000 items."""
    content = heif(40, 30)
    large = content.replace(b"ipma", b"ipmx").replace(b"iprp", b"iprp")
    assert brief(large) == ("image/heic", None, None)
    start = box(b"ftyp", b"heic", bytes(4), b"mif1")
    pitm = box(b"pitm", struct.pack(">IH", 0, 9_999))
    entries = b"".join(struct.pack(">HB", n, 0) for n in range(3_000))
    tables = [
        box(b"iprp", box(b"ipco", box(b"free", bytes(2**18)))),
        box(b"iprp", box(b"ipma", struct.pack(">II", 0, 3_000) + entries)),
    ]
    for table in tables:
        made = start + box(b"meta", bytes(4), pitm, table) + box(b"mdat", b"a")
        assert brief(made) == ("image/heic", None, None)


def test_the_first_description_counts() -> None:
    """A file may have only one; a track without a size is skipped."""
    second = heif(50, 60)
    made = heif(40, 30)
    assert brief(made + second[second.index(b"meta") - 4 :]) == ("image/heic", 40, 30)
    empty = made.replace(b"iprp", b"ipry")
    assert brief(empty + second[second.index(b"meta") - 4 :]) == ("image/heic", None, None)
    movie = sequence(40, 30)
    track = sequence(0, 0)
    sound = track[track.index(b"trak") - 4 : track.index(b"mdat") - 4]
    head, rest = movie[: movie.index(b"moov") + 4], movie[movie.index(b"moov") + 4 :]
    head = head[:-8] + struct.pack(">I", int.from_bytes(head[-8:-4], "big") + len(sound)) + b"moov"
    assert brief(head + sound + rest) == ("image/heif", 40, 30)


@pytest.mark.parametrize("size", [(512, 513), (8_192, 8_193), (262_144, 262_145), (2**30, 300_000)])
def test_sides_of_jpeg_xl(size: tuple[int, int]) -> None:
    assert brief(jxl(*size)) == ("image/jxl", *size)


@pytest.mark.parametrize(
    ("ratio", "width"), [(1, 300), (2, 360), (3, 400), (4, 450), (5, 533), (6, 375), (7, 600)]
)
def test_ratios_of_jpeg_xl(ratio: int, width: int) -> None:
    assert brief(jxl(300, 300, ratio=ratio)) == ("image/jxl", width, 300)


def test_a_cut_jpeg_xl_has_no_size() -> None:
    for length in range(2, 6):
        assert brief(jxl(300, 500)[:length]) == ("image/jxl", None, None)


# --- Others ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "side"),
    [
        (b"is32", 16), (b"icp4", 16), (b"ic11", 32), (b"icsb", 18), (b"icsB", 36), (b"SB24", 48),
        (b"il32", 32), (b"icp5", 32), (b"ic12", 64), (b"ih32", 48), (b"icp6", 64), (b"it32", 128),
        (b"ic13", 256), (b"ic08", 256), (b"ic14", 512), (b"ic09", 512), (b"ic10", 1_024),
    ],
)  # fmt: skip
def test_images_of_apple_icons(name: bytes, side: int) -> None:
    content = b"icns" + struct.pack(">I4sI", 36, name, 28) + bytes(20)
    assert brief(content) == ("image/x-icns", side, side)


def test_the_largest_image_of_a_cursor() -> None:
    cursor = icon_of(png_of(16), png_of(48), png_of(32), sides=(16, 48, 32), kind=2)
    assert brief(cursor) == ("image/x-win-bitmap", 48, 48)


def test_what_is_no_icon() -> None:
    """A directory of nothing, images without a byte, or in the directory."""
    made = icon()
    for other in (
        made[:4] + bytes(2) + made[6:],
        made[:14] + bytes(4) + made[18:],
        made[:18] + b"\x10\0\0\0" + made[22:],
    ):
        with pytest.raises(NotAnImage):
            probed(other)


def test_what_is_no_tga() -> None:
    """Fields that contradict each other, in a file that is not as long as they say."""
    made = tga(40, 30)
    for at, value in ((1, 1), (2, 1), (3, 1), (5, 1), (7, 1), (16, 8), (17, 0x40), (17, 3)):
        other = made[:at] + bytes([value]) + made[at + 1 :] + b"abc"
        with pytest.raises(NotAnImage):
            probed(other)
    for at in (12, 14):
        with pytest.raises(NotAnImage):
            probed(made[:at] + bytes(2) + made[at + 2 :])


def test_what_more_is_a_tga() -> None:
    """Fields match each other, whatever follows; of encoded data, the end is not known."""
    assert brief(tga(40, 30, depth=32, flags=0x28) + b"abc") == ("image/x-tga", 40, 30)
    assert probed(tga(40, 30, kind=10)).whole is None
    palette = tga(40, 30, kind=1, depth=8)
    with pytest.raises(NotAnImage):
        probed(palette[:1] + b"\0" + palette[2:3] + bytes(5) + palette[8:] + b"abc")


def test_a_cut_document_with_a_prefix_is_no_svg() -> None:
    """Its namespace is not known; without a prefix it is a damaged one."""
    for text in (b'<a:svg xmlns:a="http://www.w3.org/2000/svg" wid', b"<a:svg a='b'"):
        with pytest.raises(NotAnImage):
            probed(text)
    with pytest.raises(DamagedImage):
        probed(b"<svg a='b'")


def test_quotes_within_characters() -> None:
    """In ISO-2022-JP, bytes of a character may be those of markup."""
    text = '<?xml version="1.0" encoding="ISO-2022-JP"?><svg id="\u3042" '
    text += 'xmlns="http://www.w3.org/2000/svg" width="40" height="30"/>'
    assert b'$"' in text.encode("iso2022_jp")
    assert brief(text.encode("iso2022_jp")) == ("image/svg+xml", 40, 30)


@pytest.mark.parametrize("mark", [b"\0\0\xfe\xff", b"\xff\xfe\0\0"])
def test_svg_of_four_bytes_a_character(mark: bytes) -> None:
    text = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"/>'
    order = "utf-32-be" if mark[0] == 0 else "utf-32-le"
    assert brief(mark + text.encode(order)) == ("image/svg+xml", 40, 30)


def test_what_is_no_bitmap() -> None:
    """A bitmap without file header has possible fields only."""
    made = Sample("DIB", "image/bmp", ".dib").bytes()
    for at, value in ((6, 0x40), (8, 0), (12, 2), (14, 7), (16, 9)):
        other = made[:at] + bytes([value]) + made[at + 1 :]
        with pytest.raises(NotAnImage):
            probed(other)


def test_a_c_file_is_no_bitmap() -> None:
    with pytest.raises(NotAnImage):
        probed(b"#define a_width 40\n#define a_height 30\nint main() {}\n")


def test_where_a_gif_ends() -> None:
    """Frames with palettes of their own are skipped as a whole, and data after the end ignored."""
    frame = b"," + struct.pack("<HHHHB", 3, 2, 40, 30, 0x81) + b"\x3b" * 12 + b"\2\1\x3b\0"
    for content in (GIF[:GIF_BLOCKS] + frame * 2 + b";", GIFS["local palette"]):
        for tail in (b"", b"a" * 99):
            assert probed(content + tail).whole is True
        assert probed(content[:-1]).whole is False
    assert brief(GIF[:GIF_BLOCKS] + frame + b";")[1:] == (43, 32)
    no_palette = GIF[:10] + b"\0" + GIF[11:13] + frame + b";"
    assert (probed(no_palette).width, probed(no_palette).whole) == (43, True)


def test_where_a_webp_ends() -> None:
    """It is as long as it says, and padded or not."""
    assert probed(WEBP).whole is True
    for less in (1, 3, 8):
        assert probed(WEBP[:-less]).whole is False
    assert (probed(WEBP).frames, probed(WEBPS["animated"]).frames) == (1, None)


def test_where_a_jpeg_ends_is_not_searched_for_long(tmp_path: Path) -> None:
    """In a large file without the marker at its end, whether it is whole is not told."""
    made = Sample("JPEG", "image/jpeg", ".jpg").bytes()[:-2]
    path = tmp_path / "1"
    path.write_bytes(made + bytes(7 * 2**20))
    assert probe(path, made[:4_096].ljust(4_096, b"\0")).whole is None
    path.write_bytes(made + bytes(2**20))
    assert probe(path, made[:4_096].ljust(4_096, b"\0")).whole is False


def test_a_header_of_exr_that_goes_on() -> None:
    """An attribute that is too long to skip makes no damage; a cut header does."""
    start = b"\x76\x2f\x31\x01\2\0\0\0comments\0string\0"
    assert brief(start + struct.pack("<I", 70_000) + bytes(80_000)) == ("image/x-exr", None, None)
    with pytest.raises(DamagedImage):
        probed(start + struct.pack("<I", 70_000) + bytes(50))


def test_an_end_marker_across_two_reads() -> None:
    """It is found wherever it is in the file."""
    made = Sample("JPEG", "image/jpeg", ".jpg").bytes()[:-2]
    begin = jpeg_frame(Bytes(BytesIO(made))).end
    for at in (STEP - 2, STEP - 1, STEP):
        content = made.ljust(begin + at, b"\0") + b"\xff\xd9" + bytes(99)
        assert probed(content).whole is True


@pytest.mark.parametrize("version", ["BLP1", "BLP2"])
def test_versions_of_blp(version: str) -> None:
    content = saved("BLP", noise("P"), blp_version=version)
    assert content.startswith(version.encode())
    assert brief(content) == ("image/x-blp", 40, 30)


def test_data_of_a_heif_in_other_boxes() -> None:
    """Image data may be in a box that has an identifier."""
    content = heif(40, 30)
    assert probed(content.replace(b"mdat", b"imda")).whole is True
    assert probed(content.replace(b"mdat", b"free")).whole is False


def test_an_animation_of_no_frames() -> None:
    image = probed(PNG[:33] + chunk(b"acTL", bytes(8)) + PNG[33:])
    assert (image.media_type, image.frames) == ("image/png", 0)


@pytest.mark.parametrize(
    ("media_type", "content", "size"),
    [
        ("image/jpeg", JPEG[:2] + segment(0xCC, b"\0\1\0\0\0\0\0\0") + JPEG[2:], (40, 30)),
        ("image/sgi", b"\x01\xda\0\1\0\1" + struct.pack(">HHH", 40, 0, 0) + bytes(600), (40, 1)),
        (
            "image/x-ftex",
            struct.pack("<4s8i", b"FTEX", 0, 40, 30, 1, 1, 1, 32, 9) + bytes(4_000),
            (40, 30),
        ),
        ("image/x-portable-anymap", b"P1 40 30\n1", (40, 30)),
        (
            "image/svg+xml",
            b'<svg xmlns="http://www.w3.org/2000/svg" width="40.5" height="30.5"/>',
            (41, 31),
        ),
    ],
)
def test_rare_fields(media_type: str, content: bytes, size: tuple[int, int]) -> None:
    """Conditions of arithmetic coding, an image of one row, a number that is rounded, …"""
    assert brief(content) == (media_type, *size)


def test_headers_that_end_too_early() -> None:
    for content in (
        GIF[:GIF_BLOCKS] + b";" + GIF[GIF_BLOCKS:],
        b"P7\nWIDTH 40\nHEIGHT 30\nDEPTH 1\n",
    ):
        with pytest.raises(DamagedImage):
            probed(content)


def test_a_page_whose_root_is_a_drawing() -> None:
    """The document type decides."""
    with pytest.raises(NotAnImage) as raised:
        probed(b'<!DOCTYPE html><svg xmlns="http://www.w3.org/2000/svg" width="4" height="3"/>')
    assert raised.value.kind == "html"
