"""Images are decoded in subprocesses."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PIL import Image

from imagefetch.errors import DecoderFailed, UndecodableImage
from imagefetch.html_report.writer import PLUGINS
from imagefetch.images.decoding import decoder_pool
from imagefetch.images.decoding.decoder_pool import Decoder, DecoderPool, Unverified
from imagefetch.images.decoding.decoder_worker import BYTES_PER_PIXEL, decode
from tests.conftest import RunCrawl
from tests.support import bombs
from tests.support.peak import peak_memory
from tests.support.samples import Sample, each_sample
from tests.support.server import Server, Writer, image

LIMIT = 100_000


def noise(pillow: str, side: int = 64) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((side, side), 90).convert("RGB").save(out, pillow)
    return out.getvalue()


@asynccontextmanager
async def pool(patience: float = 30, limit: int = LIMIT) -> AsyncIterator[DecoderPool]:
    made = DecoderPool(limit, patience)
    try:
        yield made
    finally:
        made.close()


def written(folder: Path, content: bytes) -> Path:
    path = folder / "1"
    path.write_bytes(content)
    return path


@each_sample
def test_what_pillow_wrote_decodes(tmp_path: Path, sample: Sample) -> None:
    """A complete image of any format is accepted."""
    plugin = "JPEG" if sample.pillow == "MPO" else sample.pillow
    assert decode(str(written(tmp_path, sample.bytes())), plugin, LIMIT * 20) == ""


@pytest.mark.parametrize("pillow", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "JPEG2000"])
def test_what_is_wrong_is_said(tmp_path: Path, pillow: str) -> None:
    """An image without its second half can't be decoded; only the named plugin is tried."""
    content = noise(pillow)
    path = written(tmp_path, content[: len(content) // 2])
    assert decode(str(path), pillow, LIMIT)
    assert decode(str(written(tmp_path, content)), "ICNS", LIMIT)


def test_every_frame_within_the_limit_is_decoded(tmp_path: Path) -> None:
    """Damage in a later frame is detected, unless it is beyond the limit of pixels."""
    frames = [Image.effect_noise((64, 64), 90) for _ in range(4)]
    out = io.BytesIO()
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    content = out.getvalue()
    path = str(written(tmp_path, content[: len(content) * 7 // 8]))
    assert decode(path, "PNG", 4 * 64 * 64)
    assert decode(path, "PNG", 3 * 64 * 64) == ""


def test_past_the_limit_nothing_is_decoded(tmp_path: Path) -> None:
    """An image with more pixels than the limit is accepted, whatever follows its header."""
    content = noise("JPEG", 400)
    assert decode(str(written(tmp_path, content[: len(content) // 2])), "JPEG", LIMIT) == ""


async def _check(path: Path, patience: float = 30, limit: int = LIMIT) -> None:
    async with pool(patience, limit) as made:
        await made.check(path, "PNG")


def test_a_pool_tells_good_from_bad(tmp_path: Path) -> None:
    """A process decodes many images; what it can't decode is reported as damage of the image."""
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(noise("PNG"))
    bad.write_bytes(noise("PNG")[:-200])

    async def run() -> list[BaseException | None]:
        async with pool() as made:
            checks = [made.check(path, "PNG") for path in (good, bad) * 10]
            return await asyncio.gather(*checks, return_exceptions=True)

    answers = asyncio.run(run())
    assert answers[::2] == [None] * 10
    assert {type(answer) for answer in answers[1::2]} == {UndecodableImage}


def endless(folder: Path) -> Path:
    """Return a named pipe without a writer: opening it for reading blocks for ever."""
    path = folder / "endless"
    os.mkfifo(path)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes")
def test_a_decoder_that_hangs_is_ended(tmp_path: Path) -> None:
    """Only its current image fails: a new process decodes the next one."""
    good = written(tmp_path, noise("PNG"))

    async def run() -> None:
        async with pool(patience=1) as made:
            with pytest.raises(DecoderFailed):
                await made.check(endless(tmp_path), "PNG")
            made.patience = 30
            await made.check(good, "PNG")

    asyncio.run(run())


GREEDY = """
from imagefetch.images.decoding import decoder_worker as decoder

decoder.decode = lambda *_: str(len(bytearray(6 * 2**30)))
decoder.main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux")
def test_a_decoder_that_wants_too_much_memory_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system refuses memory above the limit; that ends the process, not the run."""
    (tmp_path / "greedy_decoder.py").write_text(GREEDY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(decoder_pool, "MODULE", "greedy_decoder")
    with pytest.raises(DecoderFailed):
        asyncio.run(_check(written(tmp_path, noise("PNG"))))


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_no_picture_takes_more_memory_than_its_pixels(tmp_path: Path) -> None:
    """For every format and content, memory is limited in proportion to the limit of pixels."""
    side = 4_400
    limit = side * side
    peaks = []
    for name, (content, media_type) in bombs.of_every_format(side).items():
        path = tmp_path / name
        path.write_bytes(content)
        decoder = Decoder(limit, 60)
        answer = decoder.decode(path, PLUGINS[media_type])
        if answer is not None:
            peaks.append((name, peak_memory(decoder.process.pid)))
        decoder.end()
    assert len(peaks) > 5
    assert [peak for peak in peaks if peak[1] > limit * BYTES_PER_PIXEL // 2**20 + 80] == []


@pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes")
def test_the_end_of_a_run_waits_for_no_decoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the run is stopping, a decoder that hangs is killed, and no image is decoded any
    more: these images have no outcome."""
    monkeypatch.setattr(decoder_pool, "GRACE", 0)
    begun: list[Decoder] = []

    class Counted(Decoder):
        def __init__(self, limit: int, patience: float) -> None:
            super().__init__(limit, patience)
            begun.append(self)

    monkeypatch.setattr(decoder_pool, "Decoder", Counted)

    async def run() -> None:
        stopping = asyncio.Event()
        made = DecoderPool(LIMIT, patience=3600, stopping=stopping.is_set)
        path = endless(tmp_path)
        checks = [asyncio.ensure_future(made.check(path, "PNG")) for _ in range(50)]
        writer = await asyncio.to_thread(path.open, "wb")  # open only with a reader
        stopping.set()
        outcomes = await asyncio.gather(*checks, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {Unverified}
        writer.close()
        made.close()

    asyncio.run(run())
    assert len(begun) <= (os.cpu_count() or 1)


def test_decoders_that_do_not_work_end_the_run_at_its_start(
    crawl: RunCrawl, server: Server, tmp_path: Path
) -> None:
    """Else every image would be reported as damaged: exit status 3, one line, no request."""
    broken = tmp_path / "modules"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import sys\nif 'imagefetch.images.decoding.decoder_worker' in sys.orig_argv: sys.exit(1)\n"
    )
    done = crawl(
        [server.url("/image/a.jpg")],
        VERIFY_IMAGES="full",
        env={"PYTHONPATH": str(broken)},
        fork=False,
    )
    assert done.status == 3
    assert "Traceback" not in done.log, done.log
    assert "system-limit: VERIFY_IMAGES = 'full': the decoder subprocess ends at once" in done.log
    assert not server.hits


def test_a_file_that_is_gone_is_no_fault(tmp_path: Path) -> None:
    """An error of the disk is not reported as damage of the image."""
    with pytest.raises(FileNotFoundError):
        asyncio.run(_check(tmp_path / "gone"))


# --- In a run --------------------------------------------------------------


def sends(server: Server, path: str, body: bytes) -> str:
    """Let *server* return *body* for *path*; return the URL."""

    async def answer(writer: Writer) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    server.raw[path] = answer
    return server.url(path)


def scrambled() -> bytes:
    """Return a PNG that has an end marker, and invalid data before it."""
    content = bytearray(noise("PNG"))
    content[200:260] = bytes(60)
    return bytes(content)


def several(server: Server) -> list[str]:
    """Return URLs of a complete, a truncated, a scrambled and a huge image, and of one that
    Pillow can't read."""
    return [
        server.url("/image/a.jpg"),
        sends(server, "/cut.jpg", noise("JPEG")[:-300]),
        sends(server, "/scrambled.png", scrambled()),
        sends(server, "/huge.png", noise("PNG", 200)[:-400] + b"IEND\xaeB`\x82"),
        sends(server, "/drawing.svg", b"<svg >"),
    ]


def test_damage_is_kept_and_told(crawl: RunCrawl, server: Server) -> None:
    """By default a damaged image has a file and a reason; one with more pixels than are decoded
    has no reason, one in a format that Pillow doesn't support has one of its own."""
    urls = several(server)
    done = crawl(urls, VERIFY_IMAGES="full", MAX_IMAGE_PIXELS=64 * 64)
    assert done.status == 0, done.log
    assert "Traceback" not in done.log, done.log
    done.check(len(urls))
    rows = done.by_line
    assert [rows[n]["Reason"] for n in sorted(rows)] == [
        "",
        "cut-image",
        "undecodable-image",
        "",
        "unverified-format",
    ]
    assert all(row["File"] and row["Response code"] == "200" for row in rows.values())
    assert "damaged     1 cut-image" in done.log
    assert "damaged     1 undecodable-image" in done.log
    assert "unverified  1 unverified-format" in done.log
    assert (done.images / rows[1]["File"]).read_bytes() == image("/image/a.jpg")
    again = crawl(urls, "-a", "only=failed", VERIFY_IMAGES="full")
    assert "nothing to do" in again.log


@pytest.mark.parametrize("level", ["full", "header", "off"])
def test_damage_is_not_kept(crawl: RunCrawl, server: Server, level: str) -> None:
    """With KEEP_DAMAGED off it has a reason and no file, if VERIFY_IMAGES detects the damage."""
    urls = several(server)
    done = crawl(urls, VERIFY_IMAGES=level, MAX_IMAGE_PIXELS=64 * 64, KEEP_DAMAGED=False)
    assert done.status == 0, done.log
    done.check(len(urls))
    rows = done.by_line
    reasons = {"cut-image": rows[2]["Reason"], "undecodable-image": rows[3]["Reason"]}
    found = {"full": {*reasons}, "header": {"cut-image"}, "off": set[str]()}[level]
    assert {slug for slug, told in reasons.items() if told == slug} == found
    assert {number for number, row in rows.items() if not row["File"]} == {
        2 if slug == "cut-image" else 3 for slug in found
    }
    assert (rows[1]["Width"] == "64") is (level != "off")
