"""Images that Pillow does not support are told from damaged ones."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
from PIL import Image

from imagefetch.errors import UndecodableImage, UnverifiedFormat
from imagefetch.images.decoding.decoder_pool import DecoderPool
from imagefetch.images.decoding.decoder_problems import UNSUPPORTED
from imagefetch.images.decoding.decoder_worker import decode
from imagefetch.images.detection import probe
from tests.support.pictures import bmp, jp2, pcx, placed, sgi, tiff
from tests.support.variants.web import frame_of
from tests.support.variants.windows import icon_of, png_of

LIMIT = 1_000_000


def written(folder: Path, content: bytes) -> tuple[str, str]:
    """Write a file; return its path, and the plugin that may decode it."""
    path = folder / "1"
    path.write_bytes(content)
    plugin = probe(path, content, whole=True).pillow
    assert plugin is not None
    return str(path), plugin


def saved(plugin: str) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((60, 40), 90).convert("RGB").save(out, plugin)
    return out.getvalue()


def twelve_bits() -> bytes:
    """Return a JPEG whose samples have 12 bits."""
    content = bytearray(saved("JPEG"))
    content[content.index(b"\xff\xc0") + 4] = 12
    return bytes(content)


NOT_SUPPORTED = {
    "BMP, masks": bmp(compression=3, masks=(0xF000000, 0xF00000, 0xF0000)),
    "BMP, depth": bmp(bits=7),
    "BMP, compression": bmp(compression=4),
    "BMP, header": bmp(header=42, bits=24),
    "DDS, format": placed(b"DDS \x7c\0\0\0", 12, "<II", 5, 7) + bytes(64),
    "JPEG, depth": twelve_bits(),
    **{
        f"JPEG, process {process:X}": frame_of(process)
        for process in (0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF)
    },
    "cursor, PNG": icon_of(png_of(40), sides=(40,), kind=2),
    "PCX, mode": pcx(version=2),
    "SGI, channels": sgi().replace(b"\0\1\0\0", b"\0\x09\0\0", 1),
    "TIFF, mode": tiff(b"II*\0")[:8] + tiff(b"II*\0")[8:],
}


@pytest.mark.parametrize("content", NOT_SUPPORTED.values(), ids=NOT_SUPPORTED)
def test_not_supported(tmp_path: Path, content: bytes) -> None:
    """Pillow refuses the variant, not the bytes."""
    assert decode(*written(tmp_path, content), LIMIT).startswith(UNSUPPORTED)


@pytest.mark.parametrize(
    "plugin", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "TGA", "SGI"]
)
def test_damage_is_no_lack_of_support(tmp_path: Path, plugin: str) -> None:
    """Half a file, or one whose data are zeros, is damaged, if anything."""
    content = saved(plugin)
    half = len(content) // 2
    for damaged in (content[:half], content[:half] + bytes(half)):
        problem = decode(*written(tmp_path, damaged), LIMIT)
        assert not problem.startswith(UNSUPPORTED), problem


def test_the_pool_raises_what_it_is(tmp_path: Path) -> None:
    async def check(content: bytes) -> None:
        path, plugin = written(tmp_path, content)
        pool = DecoderPool(LIMIT)
        try:
            await pool.check(Path(path), plugin)
        finally:
            pool.close()

    with pytest.raises(UnverifiedFormat):
        asyncio.run(check(NOT_SUPPORTED["BMP, masks"]))
    with pytest.raises(UndecodableImage):
        asyncio.run(check(saved("PNG")[:-300]))
    with pytest.raises(UndecodableImage):
        asyncio.run(check(jp2()))
