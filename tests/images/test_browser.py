"""What Chromium shows as an image is kept, with the size that Chromium finds."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from imagefetch.images.formats import ImageInfo, probe
from tests.support.browser import browsing, needs_chromium
from tests.support.pictures import BITMAPS, SVG_NAMESPACE, icon
from tests.support.svg_documents import BEFORE, ROOT, SIZES

SHOW = """
async ([type, data]) => {
  const image = new Image();
  image.src = `data:${type};base64,${data}`;
  try { await image.decode(); } catch { return null; }
  return [image.naturalWidth, image.naturalHeight];
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
    **{f"SVG {attributes}": svg(attributes) for attributes, _ in SIZES},
    "SVG, prefixed": f'<a:svg xmlns:a="{SVG_NAMESPACE}" width="3" height="2"/>'.encode(),
    "no SVG": b'<svg xmlns="http://a.example/" width="3" height="2"/>',
    "page": b"<!DOCTYPE html><svg/>",
}

NOT_SHOWN = {
    "BMP, JPEG inside",
    "BMP, no such depth",
    "SVG after document type in single quotes",
    "SVG after document type with everything",
    "no SVG",
    "page",
}
"""What Chromium does not show: some of it is valid, and kept; the last two are not."""


def probed(content: bytes) -> ImageInfo | None:
    try:
        return probe(Path("gone"), content, whole=True)
    except Exception:
        return None


@needs_chromium
def test_what_chromium_shows() -> None:
    """Each file that Chromium shows is known, and no size differs."""
    differ, hidden = [], set()
    with browsing() as browser:
        page = browser.new_page()
        for name, content in WEB.items():
            image = probed(content)
            media_type = image.media_type if image else "image/svg+xml"
            shown = page.evaluate(SHOW, [media_type, base64.b64encode(content).decode()])
            if shown is None:
                hidden.add(name)
            elif image is None or shown != [image.width, image.height]:
                differ.append((name, shown, image))
    assert differ == []
    assert hidden == NOT_SHOWN
