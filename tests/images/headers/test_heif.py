"""HEIF, HEIC and AVIF: type by brand, size by the properties of the primary item."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from imagefetch.errors import NotAnImage
from imagefetch.images.detection import ImageInfo, probe
from tests.support.avif_files import wide_box
from tests.support.pictures import box, clap, heif, irot, mini, sequence


def probed(content: bytes) -> ImageInfo:
    return probe(Path("gone"), content, whole=True)


@pytest.mark.parametrize(
    ("major", "others", "media_type"),
    [
        (b"heic", (b"mif1",), "image/heic"),
        (b"heix", (), "image/heic"),
        (b"hevc", (b"msf1",), "image/heic"),
        (b"avif", (b"mif1", b"miaf", b"MA1B"), "image/avif"),
        (b"avis", (b"msf1", b"avif"), "image/avif"),
        (b"mif1", (b"mif1", b"avif"), "image/avif"),
        (b"msf1", (b"avis",), "image/avif"),
        (b"mif1", (b"mif1", b"heic"), "image/heif"),
        (b"mif2", (b"mif1",), "image/heif"),
        (b"avci", (b"mif1",), "image/heif"),
        (b"jpeg", (b"mif1",), "image/heif"),
        (b"miaf", (), "image/heif"),
        (b"1pic", (b"mif1",), "image/heif"),
        (b"crx ", (b"crx ", b"isom"), "image/x-canon-cr3"),
        (b"zzzz", (b"a", b"avif"), "image/avif"),
    ],
)
def test_brands(major: bytes, others: tuple[bytes, ...], media_type: str) -> None:
    content = heif(major=major, brands=tuple(each.ljust(4) for each in others))
    image = probed(content)
    assert (image.media_type, image.width, image.height, image.whole) == (media_type, 7, 5, True)


def test_many_brands() -> None:
    """The one that tells may be the last."""
    assert (
        probed(heif(major=b"mif1", brands=(b"abcd",) * 300 + (b"avif",))).media_type == "image/avif"
    )


def test_brands_end_with_their_box() -> None:
    """What follows the first box is no brand."""
    content = box(b"ftyp", b"isom", bytes(4)) + b"avif" + bytes(30)
    with pytest.raises(NotAnImage):
        probed(content)


@pytest.mark.parametrize(
    ("transformations", "size"),
    [
        ((), (40, 30)),
        ((irot(0),), (40, 30)),
        ((irot(1),), (30, 40)),
        ((irot(2),), (40, 30)),
        ((irot(3),), (30, 40)),
        ((clap(20, 10),), (20, 10)),
        ((clap(20, 10, below=2),), (20, 10)),
        ((clap(20, 10), irot(1)), (10, 20)),
        ((irot(1), clap(20, 10)), (20, 10)),
        ((clap(50, 10),), (40, 30)),  # not a part of the image
        ((clap(20, 10, below=0),), (40, 30)),
        ((box(b"imir", b"\1"), box(b"free")), (40, 30)),
    ],
)
def test_transformations(transformations: tuple[bytes, ...], size: tuple[int, int]) -> None:
    """They apply in the order in which they are named."""
    image = probed(heif(40, 30, transformations=transformations))
    assert (image.width, image.height) == size


@pytest.mark.parametrize("idat", [False, True])
def test_where_the_data_is(idat: bool) -> None:
    """Image data may be in the box that describes it; without any, the file is truncated."""
    content = heif(idat=idat)
    assert probed(content).whole is True
    for length in range(40, len(content)):
        assert probed(content[:length]).whole is False, length
    assert probed(heif()[: -len(box(b"mdat", bytes(20)))]).whole is False


@pytest.mark.parametrize("version", [0, 1])
def test_sequences(version: int) -> None:
    """Without a primary item, the first track has the size."""
    image = probed(sequence(60, 40, version=version))
    assert (image.media_type, image.width, image.height) == ("image/heif", 60, 40)


@pytest.mark.parametrize(
    ("codec", "media_type"),
    [(b"avif", "image/avif"), (b"heic", "image/heic"), (b"abcd", "image/heif")],
)
@pytest.mark.parametrize("size", [(7, 5), (128, 3), (300, 200), (32_768, 1)])
def test_low_overhead_images(codec: bytes, media_type: str, size: tuple[int, int]) -> None:
    upright, turned = probed(mini(*size, codec=codec)), probed(mini(*size, orientation=6))
    assert (upright.media_type, upright.width, upright.height) == (media_type, *size)
    assert (turned.height, turned.width, turned.whole) == (*size, True)


def test_as_pillow_writes_it() -> None:
    """Pillow turns the orientation into a rotation, and doesn't apply it; browsers do."""
    exif = Image.Exif()
    exif[274] = 6
    out = io.BytesIO()
    Image.new("RGB", (40, 30)).save(out, "AVIF", exif=exif)
    image = probed(out.getvalue())
    assert (image.width, image.height) == (30, 40)
    frames = [Image.new("RGB", (40, 30), (n * 80, 0, 0)) for n in range(3)]
    out = io.BytesIO()
    frames[0].save(out, "AVIF", save_all=True, append_images=frames[1:])
    image = probed(out.getvalue())
    assert (image.media_type, image.width, image.height, image.whole) == (
        "image/avif",
        40,
        30,
        True,
    )


@pytest.mark.parametrize(
    ("transformations", "size"),
    [
        ((clap(20, 10, at=(0, 0), of=(40, 30)),), (20, 10)),
        ((clap(21, 11, at=(0, 0), of=(40, 30)), irot(1)), (11, 21)),
        ((clap(40, 30), irot(3)), (30, 40)),
        ((clap(50, 10),), (40, 30)),
        ((irot(1), irot(2)), None),
        ((clap(20, 10),), None),
        ((clap(20, 10, at=(0, 2), of=(40, 30)),), None),
        ((clap(20, 10, at=(2, 0), of=(40, 30)),), None),
        ((clap(20, 10, below=2, more=1, at=(0, 0), of=(40, 30)),), None),
        ((irot(1), clap(20, 10, at=(0, 0), of=(40, 30))), None),
    ],
)
def test_crops_of_avif(transformations: tuple[bytes, ...], size: tuple[int, int] | None) -> None:
    """Browsers apply only a crop at the corner, and before any rotation; where others differ, the
    size is unknown."""
    image = probed(heif(40, 30, major=b"avif", transformations=transformations))
    assert (image.width, image.height) == (size or (None, None))
    assert image.whole is True


def test_a_long_length_of_the_first_box() -> None:
    """Its length may take 8 bytes."""
    content = wide_box(b"ftyp", b"mif1", bytes(4), b"mif1", b"avif") + heif()[24:]
    image = probed(content)
    assert (image.media_type, image.width, image.height) == ("image/avif", 7, 5)
