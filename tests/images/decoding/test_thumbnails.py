"""Thumbnails: transparent pixels become white, and colours are preserved."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageFile

from imagefetch.images.decoding.thumbnails import SIDE, thumbnail

RED, WHITE = (255, 0, 0), (255, 255, 255)


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore the global settings that `thumbnail` changes, for other tests."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)


def half_clear(mode: str) -> Image.Image:
    """Return an image of *mode*: red on the left, transparent black on the right."""
    image = Image.new("RGBA", (400, 200), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (200, 0, 400, 200))
    if mode == "P":
        paletted = image.convert("RGB").quantize(4)
        paletted.info["transparency"] = paletted.getpixel((300, 100))
        return paletted
    return image.convert(mode)


def small_copy(image: Image.Image, kind: str, folder: Path, **how: object) -> Image.Image:
    path = folder / f"a.{kind.lower()}"
    image.save(path, kind, **how)
    return Image.open(io.BytesIO(thumbnail(path, kind, 10**6)))


def near(found: object, wanted: tuple[int, int, int]) -> bool:
    """Whether JPEG compression may have turned the colour *wanted* into *found*."""
    assert isinstance(found, tuple)
    return all(abs(a - b) < 12 for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize(("mode", "left"), [("RGBA", RED), ("P", RED), ("LA", (76, 76, 76))])
def test_what_shows_through_is_white(mode: str, left: tuple[int, int, int], tmp_path: Path) -> None:
    """Also if the transparent colour is one of a palette."""
    picture = half_clear(mode)
    how = {"transparency": picture.info["transparency"]} if mode == "P" else {}
    small = small_copy(picture, "PNG", tmp_path, **how)
    assert small.size == (SIDE, SIDE // 2)
    assert near(small.getpixel((20, 36)), left)
    assert near(small.getpixel((SIDE - 20, 36)), WHITE)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("RGB", "JPEG"), ("CMYK", "JPEG"), ("L", "JPEG"), ("I;16", "PNG"), ("1", "PNG")],
)
def test_every_mode_becomes_a_jpeg_in_colour(mode: str, kind: str, tmp_path: Path) -> None:
    """Images of every mode become RGB JPEGs of the same colour."""
    image = Image.new("L", (300, 300), 255) if mode == "1" else Image.new("RGB", (300, 300), RED)
    small = small_copy(image.convert("L" if mode == "I;16" else mode).convert(mode), kind, tmp_path)
    assert (small.format, small.mode, small.size) == ("JPEG", "RGB", (SIDE, SIDE))
    if mode in {"RGB", "CMYK"}:
        assert near(small.getpixel((70, 70)), RED)


def test_a_picture_is_turned_as_it_says(tmp_path: Path) -> None:
    """EXIF orientation 6 means a rotation by 90 degrees clockwise."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = half_clear("RGBA").convert("RGB")
    small = small_copy(picture, "JPEG", tmp_path, exif=exif)
    assert small.size == (SIDE // 2, SIDE)
    assert near(small.getpixel((36, 20)), RED)
