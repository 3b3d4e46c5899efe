"""What Chromium shows as an image is kept, with the size that Chromium finds."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from playwright.sync_api import Page

from imagefetch.images.detection import ImageInfo, probe
from tests.conftest import examples
from tests.support.bitmaps import BITMAPS
from tests.support.browser import browsing, needs_chromium
from tests.support.pictures import SVG_NAMESPACE, icon
from tests.support.svg_texts import BEFORE, BOX_SIZES, NO_SIZES, ROOT, SIZES
from tests.support.variants import WEB as VARIANTS
from tests.support.variants.avif import AVIFS_OF_NO_SIZE
from tests.support.variants.svg import SVGZS
from tests.support.variants.windows import ICONS

SHOW = """
async (files) => {
  const shown = [];
  for (const [type, data] of files) {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    const image = new Image();
    image.src = URL.createObjectURL(new Blob([bytes], {type}));
    try {
      await image.decode();
      shown.push([image.naturalWidth, image.naturalHeight]);
    } catch {
      shown.push(null);
    }
    URL.revokeObjectURL(image.src);
  }
  return shown;
}
"""


def saved(plugin: str, **options: object) -> bytes:
    out = io.BytesIO()
    frames = [Image.new("RGB", (40, 30), (n * 80, 0, 0)) for n in range(3)]
    if options.pop("frames", False):
        options |= {"save_all": True, "append_images": frames[1:]}
    frames[0].save(out, plugin, **options)
    return out.getvalue()


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[274] = 6
    return exif


def svg(attributes: str) -> bytes:
    return f'<svg xmlns="{SVG_NAMESPACE}" {attributes}/>'.encode()


WEB: dict[str, bytes] = {
    **{plugin: saved(plugin) for plugin in ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP")},
    **{
        f"{plugin} of frames": saved(plugin, frames=True)
        for plugin in ("PNG", "GIF", "WEBP", "AVIF")
    },
    "AVIF, rotated": saved("AVIF", exif=turned()),
    "ICO": saved("ICO", sizes=[(16, 16), (32, 32)]),
    "ICO of .NET": icon(24, 20, reserved=255),
    "cursor": icon(24, 20, kind=2, hot=(3, 5)),
    **{f"BMP, {name}": content for name, content in BITMAPS.items()},
    **{f"SVG after {name}": (before + ROOT).encode() for name, before in BEFORE.items()},
    **{f"SVG in {name}": ROOT.encode(name) for name in ("utf-16", "utf-8-sig")},
    **{f"SVG {attributes}": svg(attributes) for attributes, _ in SIZES + BOX_SIZES + NO_SIZES},
    "SVG, prefixed": f'<a:svg xmlns:a="{SVG_NAMESPACE}" width="3" height="2"/>'.encode(),
    "no SVG": b'<svg xmlns="http://a.example/" width="3" height="2"/>',
    "page": b"<!DOCTYPE html><svg/>",
    **{name: variant.content for name, variant in VARIANTS.items()},
}

NOT_SHOWN = {
    "BMP, CMYK",
    "BMP, JPEG inside",
    "BMP, OS/2, Huffman",
    "BMP, PNG inside",
    "BMP, masks with holes",
    "BMP, no such depth",
    "JPEG, 12 bits",
    "JPEG, differential",
    "JPEG, lossless",
    "SVG after document type in single quotes",
    "SVG after document type with everything",
    "SVG, GBK",  # Chromium reads an SVG image as UTF-8, unless it has another mark
    "SVG, KOI8-R",
    "SVG, Latin 1",
    "SVG, Shift_JIS",
    "SVG, UTF-16 without mark, big",
    "SVG, UTF-16 without mark, little",
    "SVG, Windows 1252",
    *(f"SVG, compressed, {name}" for name in SVGZS),  # but with Content-Encoding
    "no SVG",
    "page",
}
"""What Chromium does not show: most of it is valid, and kept; the last two are not."""

OF_NO_SIZE = {
    *(f"AVIF, {name}" for name in AVIFS_OF_NO_SIZE),
    *(f"icon, {name}" for name, variant in ICONS.items() if variant.size is None),
    *(f"SVG {attributes}" for attributes, _ in NO_SIZES),
}
"""What Chromium shows in a size that others contradict."""

Change = tuple[int, int, bytes]


def probed(content: bytes) -> ImageInfo | None:
    try:
        return probe(Path("gone"), content, whole=True)
    except Exception:
        return None


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browsing() as browser:
        yield browser.new_page()


def shown_by(page: Page, files: list[bytes]) -> list[tuple[ImageInfo | None, list[int] | None]]:
    """Return what is known of each file, and the size in which the browser shows it."""
    known = [probed(content) for content in files]
    typed = [
        (image.media_type if image else "image/svg+xml", base64.b64encode(content).decode())
        for image, content in zip(known, files, strict=True)
    ]
    return list(zip(known, page.evaluate(SHOW, typed), strict=True))


def contradicts(image: ImageInfo | None, shown: list[int] | None) -> bool:
    """Whether the browser shows what is not known, or in another size than is told."""
    if shown is None:
        return False
    if image is None:
        return True
    if image.width is None or image.height is None or [image.width, image.height] == shown:
        return False
    return image.media_type != "image/svg+xml" or not is_fitted(image.width, image.height, *shown)


def is_fitted(width: int, height: int, shown_width: int, shown_height: int) -> bool:
    """Whether an SVG with only a view box is shown in its ratio, within 300 by 150 pixels. Sides
    are rounded."""
    difference = abs(shown_width * height - shown_height * width)
    return (shown_width == 300 or shown_height == 150) and difference <= sum(
        (width, height, shown_width, shown_height)
    ) / 2


@needs_chromium
def test_what_chromium_shows(page: Page) -> None:
    """Each file that Chromium shows is known, and no size differs."""
    found = dict(zip(WEB, shown_by(page, list(WEB.values())), strict=True))
    assert {name: each for name, each in found.items() if contradicts(*each)} == {}
    assert {name for name, (_, shown) in found.items() if shown is None} == NOT_SHOWN
    untold = {name for name, (image, shown) in found.items() if shown and image and not image.width}
    assert untold <= OF_NO_SIZE


SMALL = [content for name, content in WEB.items() if len(content) < 6_000 and name not in NOT_SHOWN]


@needs_chromium
@given(
    st.lists(
        st.tuples(
            st.sampled_from(SMALL),
            st.lists(
                st.tuples(st.integers(0, 300), st.integers(0, 2), st.binary(max_size=3)), max_size=3
            ),
        ),
        min_size=20,
        max_size=20,
    )
)
@examples(15)
def test_changed_headers(page: Page, cases: list[tuple[bytes, list[Change]]]) -> None:
    """Whatever bytes of a header change, are lost or added, Chromium contradicts no size."""
    files = [changed(content, changes) for content, changes in cases]
    found = shown_by(page, files)
    assert [each for each in found if contradicts(*each)] == []


def changed(content: bytes, changes: list[Change]) -> bytes:
    """Return *content* with bytes replaced by others: offset, how many, by which."""
    for at, length, data in changes:
        content = content[:at] + data + content[at + length :]
    return content
