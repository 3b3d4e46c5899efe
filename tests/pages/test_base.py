"""Tests page objects, and those for web sites that the project contains."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
from scrapy.http import Headers
from tldextract import tldextract
from url_matcher.util import get_domain
from web_poet import ItemPage, field

from imagefetch.errors import EmptyBody, NotAnImage, Placeholder
from imagefetch.images.bounded_bytes import QUICK_BYTES, QUICK_READS
from imagefetch.items import ImageRecord
from imagefetch.line import Line
from imagefetch.output.partial_files import Download
from imagefetch.pages.base import ImagePage
from imagefetch.pages.flickr import FlickrPage
from imagefetch.pages.image_response import ImageResponse
from imagefetch.pages.imgur import ImgurPage
from tests.conftest import RunCrawl
from tests.support.proxying import redirects, shows
from tests.support.raw_responses import sends
from tests.support.server import Server, image


def response(download: Download, url: str = "http://a.example/b.jpg") -> ImageResponse:
    line = Line(7, "http://a.example/a.jpg")
    return ImageResponse(line, url, 203, Headers(), download, attempts=2, seconds=1.5)


def downloaded(folder: Path, content: bytes) -> Download:
    path = folder / "1"
    path.write_bytes(content)
    return Download(path, len(content), "ab" * 32, content[:4_096])


def test_a_page_creates_the_record(tmp_path: Path) -> None:
    """The record has all that a row shows of a response and its image, except the file name."""
    content = image("/a.jpg")
    record = asyncio.run(ImagePage(response(downloaded(tmp_path, content))).to_item())
    assert (record.url, record.code, record.line) == ("http://a.example/a.jpg", "203", 7)
    assert (record.type, record.width, record.height) == ("image/jpeg", 64, 48)
    assert (record.bytes, record.sha256) == (len(content), "ab" * 32)
    assert (record.attempts, record.seconds, record.reason) == (2, 1.5, "")


def test_a_page_sees_the_columns_of_the_list(tmp_path: Path) -> None:
    """As the record of its line, also by the earlier name of the response."""
    line = Line(7, "http://a.example/a.jpg", 2, {"sku": "A"})
    given = replace(response(downloaded(tmp_path, image("/a.jpg"))), line=line)
    assert ImagePage(given).answer.line.record["sku"] == "A"


class Bigger(ImagePage):
    @field
    def width(self) -> int:
        return 640


class Processed(ImagePage):
    class Processors:
        width = [lambda width: width * 10]  # noqa: RUF012 - as web-poet documents


class Validated(ImagePage):
    def validate_input(self) -> ImageRecord:
        return ImageRecord("http://a.example/a.jpg", "203", 7, width=640)


class Awaited(ImagePage):
    @field
    async def width(self) -> int:
        await asyncio.sleep(0)
        return 640


class Unrelated(ImagePage):
    def is_placeholder(self) -> bool:
        return False


def test_the_record_is_that_of_web_poet(tmp_path: Path) -> None:
    """For plain pages it is created without evaluating field by field."""
    page = Unrelated(response(downloaded(tmp_path, image("/a.jpg"))))
    assert asyncio.run(page.to_item()) == asyncio.run(ItemPage.to_item(page))


@pytest.mark.parametrize("page", [Bigger, Processed, Validated, Awaited])
def test_a_page_may_change_fields(tmp_path: Path, page: type[ImagePage]) -> None:
    """By a field, a processor or a validation, as web-poet documents."""
    record = asyncio.run(page(response(downloaded(tmp_path, image("/a.jpg")))).to_item())
    assert record.width == 640


def test_a_page_is_in_no_reference_cycle(tmp_path: Path) -> None:
    """It is freed at once, and with it the first bytes of the body."""
    page = ImagePage(response(downloaded(tmp_path, image("/a.jpg"))))
    asyncio.run(page.read_header())
    asyncio.run(page.to_item())
    freed = weakref.ref(page)
    gc.disable()
    try:
        del page
        assert freed() is None
    finally:
        gc.enable()


def test_a_body_that_is_no_image_has_no_record(tmp_path: Path) -> None:
    """The error names the reason."""
    with pytest.raises(NotAnImage):
        asyncio.run(ImagePage(response(downloaded(tmp_path, b"<html>"))).to_item())
    with pytest.raises(EmptyBody):
        asyncio.run(ImagePage(response(Download())).to_item())


PLACEHOLDERS: list[tuple[type[ImagePage], str]] = [
    (ImgurPage, "https://i.imgur.com/removed.png"),
    (FlickrPage, "https://s.yimg.com/pw/images/en-us/photo_unavailable.png"),
    (FlickrPage, "https://s.yimg.com/pw/images/en-us/photo_unavailable_h.png"),
    (FlickrPage, "https://l.yimg.com/g/images/photo_unavailable.gif"),
]
PICTURES: list[tuple[type[ImagePage], str]] = [
    (ImgurPage, "https://i.imgur.com/a/removed.png"),
    (ImgurPage, "https://i.imgur.com/x.png?removed.png"),
    (FlickrPage, "https://live.staticflickr.com/65535/1_2_b.jpg"),
    (FlickrPage, "https://s.yimg.com/not_photo_unavailable.png"),
]


@pytest.mark.parametrize(("page", "url"), PLACEHOLDERS)
def test_a_placeholder_is_recognized(tmp_path: Path, page: type[ImagePage], url: str) -> None:
    """Even if it is a valid image."""
    with pytest.raises(Placeholder):
        asyncio.run(page(response(downloaded(tmp_path, image("/a")), url)).to_item())


@pytest.mark.parametrize(("page", "url"), PICTURES)
def test_an_image_of_the_site_is_no_placeholder(
    tmp_path: Path, page: type[ImagePage], url: str
) -> None:
    """Only the documented URL is a placeholder."""
    record = asyncio.run(page(response(downloaded(tmp_path, image("/a")), url)).to_item())
    assert record.type == "image/jpeg"


def test_domains_are_found_without_the_network() -> None:
    """Matching URLs to web sites never downloads a list of public suffixes."""
    assert tldextract.TLD_EXTRACTOR.suffix_list_urls == ()
    assert get_domain("https://live.staticflickr.com/1.jpg") == "staticflickr.com"
    assert get_domain("https://a.b.co.uk/") == "b.co.uk"


def test_sites_in_a_run(crawl: RunCrawl, server: Server) -> None:
    """The URL of the response selects the page; a placeholder has a reason and no file."""
    gone = "http://i.imgur.com/removed.png"
    unavailable = "http://s.yimg.com/pw/images/en-us/photo_unavailable.png"
    redirects(server, "http://i.imgur.com/gone.jpg", gone)
    redirects(server, "http://live.staticflickr.com/1/2_3.jpg", unavailable)
    there = ["http://i.imgur.com/there.jpg", "http://a.example/removed.png"]
    for url in (gone, unavailable, *there):
        shows(server, url)
    urls = ["http://i.imgur.com/gone.jpg", "http://live.staticflickr.com/1/2_3.jpg", *there]
    done = crawl(urls, env={"http_proxy": server.url("")})
    assert done.status == 0, done.log
    done.check(4)
    rows = [row for _, row in sorted(done.by_line.items())]
    assert [row["Reason"] for row in rows] == ["placeholder", "placeholder", "", ""]
    assert [bool(row["File"]) for row in rows] == [False, False, True, True]
    assert [row["Response code"] for row in rows] == ["200"] * 4


def test_a_run_reads_long_headers_in_threads(crawl: RunCrawl, server: Server) -> None:
    """The event loop reads little of each file, whatever its content; rows don't change."""
    picture = image("/a.jpg")
    bodies = {
        "/raw/segments": picture[:2] + b"\xff\xfe\0\2" * 9_000 + picture[2:],
        "/raw/tail": picture + bytes(2**20),
        "/raw/small": picture,
    }
    for path, body in bodies.items():
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        server.raw[path] = sends(head + body)
    extensions = json.dumps({"tests.support.extensions.ReadsOnLoop": 1})
    done = crawl([server.url(path) for path in bodies], EXTENSIONS=extensions)
    assert done.status == 0, done.log
    done.check(len(bodies))
    rows = [row for _, row in sorted(done.by_line.items())]
    assert [row["Width"] for row in rows] == ["", "64", "64"]
    assert [row["Reason"] for row in rows] == ["", "", ""]
    found = re.search(r"reads on the loop: (\d+), bytes: (\d+)", done.log)
    assert found is not None
    assert 0 < int(found[1]) <= QUICK_READS
    assert 0 < int(found[2]) <= QUICK_BYTES
