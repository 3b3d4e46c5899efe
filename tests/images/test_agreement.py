"""No size is told that Pillow contradicts."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagefetch.errors import DamagedImage, NotAnImage
from imagefetch.images.detection import probe
from tests.conftest import examples
from tests.support.pictures import OF_SIZE, bmp, icon
from tests.support.samples import SAMPLES

WRITTEN = [sample.bytes() for sample in SAMPLES]
WRITTEN += [made(70, 50) for _, made in OF_SIZE.values()]
WRITTEN += [bmp(header=n, bits=24) for n in (12, 40, 64, 108, 124)]
WRITTEN += [icon(kind=2), icon(24, 40)]

PREVIEW = {"image/x-adobe-dng", "image/x-nikon-nef", "image/x-sony-arw", "image/x-canon-cr2"}
"""Raw camera files, of which Pillow reads the preview."""

ROTATED = {"image/avif"}
"""Pillow does not apply rotation and crop, as browsers do."""


def size_by_pillow(content: bytes, plugin: str) -> tuple[int, int] | None:
    """Return the size that Pillow reads with *plugin* from a file; None if it can't."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=[plugin]) as image:
                return image.size
    except Exception:
        return None


@given(
    st.sampled_from(WRITTEN),
    st.lists(st.tuples(st.integers(0, 300), st.binary(min_size=1, max_size=4)), max_size=3),
    st.integers(0, 4_000),
)
@examples(1_500)
@pytest.mark.filterwarnings("ignore")
def test_changed_headers(content: bytes, changes: list[tuple[int, bytes]], length: int) -> None:
    """Whatever bytes of a header change, the size is that of Pillow, or one of them has none."""
    changed = bytearray(content)
    for at, data in changes:
        if at < len(changed):
            changed[at : at + len(data)] = data
    made = bytes(changed[:length] if length > 30 else changed)
    try:
        image = probe(Path("gone"), made, whole=True)
    except (DamagedImage, NotAnImage):
        return
    if image.width is None or image.pillow is None or image.media_type in PREVIEW | ROTATED:
        return
    told = size_by_pillow(made, image.pillow)
    assert told in {None, (image.width, image.height)}, image
