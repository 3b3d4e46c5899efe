"""Serves a small web site on loopback, with images and typical failures.

/photos/<name>.<ext>   an image in this format, made with Pillow
/slow/<name>.jpg       the same, after a second
/moved/<name>.jpg      a redirect to /photos/<name>.jpg
/loop                  a redirect to itself
/busy/<name>.png       503 the first time, then an image
/page.jpg              an HTML page with Content-Type image/jpeg
/short.jpg             an image with a truncated body
/empty.jpg             200 with an empty body
anything else          404
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web
from PIL import Image, ImageDraw

FORMATS = {
    "jpg": "JPEG",
    "png": "PNG",
    "gif": "GIF",
    "webp": "WEBP",
    "avif": "AVIF",
    "bmp": "BMP",
    "tif": "TIFF",
}

PAGE = "<!doctype html><title>Sorry</title><p>This picture has moved."
DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle r="20"/></svg>'


def picture(name: str, extension: str) -> bytes:
    """Return an image whose colours depend on *name*."""
    seed = sum(name.encode())
    image = Image.new("RGB", (320, 240), (seed * 7 % 256, seed * 13 % 256, seed * 29 % 256))
    draw = ImageDraw.Draw(image)
    for ring in range(5):
        box = (20 + ring * 25, 15 + ring * 20, 300 - ring * 25, 225 - ring * 20)
        draw.ellipse(box, outline=(255 - seed % 256, ring * 50, 255), width=6)
    file = io.BytesIO()
    image.save(file, FORMATS[extension])
    return file.getvalue()


def site() -> web.Application:
    """Return the application; see the module's docstring."""
    asked: Counter[str] = Counter()

    async def photo(request: web.Request) -> web.Response:
        name, extension = request.match_info["name"], request.match_info["extension"]
        if extension not in FORMATS:
            raise web.HTTPNotFound
        return web.Response(body=picture(name, extension))

    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(1)
        return web.Response(body=picture(request.match_info["name"], "jpg"))

    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound(f"/photos/{request.match_info['name']}.jpg")

    async def loop(request: web.Request) -> web.Response:
        raise web.HTTPFound("/loop")

    async def busy(request: web.Request) -> web.Response:
        asked[request.path] += 1
        if asked[request.path] == 1:
            raise web.HTTPServiceUnavailable
        return web.Response(body=picture(request.match_info["name"], "png"))

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="image/jpeg")

    async def drawing(request: web.Request) -> web.Response:
        return web.Response(text=DRAWING, content_type="text/plain")

    async def short(request: web.Request) -> web.StreamResponse:
        body = picture("short", "jpg")
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return response

    async def empty(request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.add_routes(
        [
            web.get("/photos/{name}.{extension}", photo),
            web.get("/slow/{name}.jpg", slow),
            web.get("/moved/{name}.jpg", moved),
            web.get("/loop", loop),
            web.get("/busy/{name}.png", busy),
            web.get("/page.jpg", page),
            web.get("/drawing", drawing),
            web.get("/short.jpg", short),
            web.get("/empty.jpg", empty),
        ]
    )
    return app


def url_list(base: str) -> str:
    """Return a list of URLs of the site at *base*, as a user would write it."""
    photos = [f"{base}/photos/{n}.{e}" for e in FORMATS for n in ("dawn", "noon", "dusk")]
    lines = [
        "# Pictures in several formats",
        *photos,
        f"{base}/drawing",
        "",
        "# Slow, busy, moved",
        f"{base}/slow/tortoise.jpg",
        f"{base}/busy/bee.png",
        f"{base}/moved/noon.jpg",
        "",
        "# A duplicate: one download, a row each",
        photos[0],
        "",
        "# Failures",
        f"{base}/photos/missing.xyz",
        f"{base}/page.jpg",
        f"{base}/short.jpg",
        f"{base}/empty.jpg",
        f"{base}/loop",
        "http://127.0.0.1:9/nobody-listens.jpg",
        "ftp://example.com/picture.jpg",
        "not a URL",
    ]
    return "\n".join(lines) + "\n"


@contextmanager
def running_site() -> Iterator[str]:
    """Serve the site in a thread; yield its URL."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(site())

    async def begin() -> str:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        return f"http://{host}:{port}"

    base = loop.run_until_complete(begin())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield base
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(runner.cleanup())
        loop.close()
