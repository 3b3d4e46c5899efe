"""Tests which page object a response gets, compared with scrapy-poet's own middleware."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, cast

import pytest
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.statscollectors import MemoryStatsCollector
from scrapy_poet.downloadermiddlewares import InjectionMiddleware
from web_poet import ApplyRule, PageParams

from imagefetch.download.response import FileResponse
from imagefetch.line import Line
from imagefetch.middlewares.page_injection import PageMiddleware
from imagefetch.pages.base import ImagePage
from imagefetch.pages.flickr import FlickrPage
from imagefetch.pages.image_response import Answer, ImageResponse
from imagefetch.pages.imgur import ImgurPage
from imagefetch.spiders.images import ImagesSpider
from tests.conftest import project


class HostPage(ImagePage):
    """The page of one host."""


class PathPage(ImagePage):
    """The page of a folder of that host."""


class ParamsPage(ImagePage):
    """A page that needs an input besides `ImageResponse`."""

    def __init__(self, response: ImageResponse, params: PageParams) -> None:  # type: ignore[type-arg]
        super().__init__(response)
        self.params = params


class PageOfEarlierNames(ImagePage):
    """A page that was written when its input was called an answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)

    def is_placeholder(self) -> bool:
        return self.answer.url.endswith("/gone.jpg") and self.picture().width == 1


BY_HOST = [ApplyRule("a.example", use=HostPage, instead_of=ImagePage)]
BY_PATH = [*BY_HOST, ApplyRule("a.example/deep/", use=PathPage, instead_of=ImagePage)]
OTHERS = [*BY_HOST, ApplyRule("b.example", use=ParamsPage, instead_of=ImagePage)]
OF_PAGE = [*BY_HOST, ApplyRule("www.a.example", use=PathPage, instead_of=HostPage)]


def new_middleware(middleware: type[InjectionMiddleware], **settings: Any) -> InjectionMiddleware:
    crawler = Crawler(ImagesSpider, project(**settings))
    crawler.stats = MemoryStatsCollector(crawler)
    crawler.spider = ImagesSpider.__new__(ImagesSpider)
    return middleware.from_crawler(crawler)


async def awaited(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


def page_of(middleware: InjectionMiddleware, url: str) -> ImagePage:
    """Return the page that the spider's callback gets for *url*."""
    spider = middleware.crawler.spider
    assert isinstance(spider, ImagesSpider)
    request = Request(url, callback=cast("Any", spider.parse), meta={"line": Line(1, url)})
    assert middleware.process_request(request) is None
    response = FileResponse(url, status=200, request=request)
    assert asyncio.run(awaited(middleware.process_response(request, response))) is response
    page = request.cb_kwargs["page"]
    assert isinstance(page, ImagePage)
    assert page.response.url == url
    return page


URLS = [
    "http://a.example/x.jpg",
    "http://a.example/deep/x.jpg",
    "http://www.a.example/x.jpg",
    "https://b.example/x.jpg",
    "http://c.example/x.jpg",
    "http://127.0.0.1:8080/x.jpg",
]


@pytest.mark.parametrize("rules", [[], BY_HOST, BY_PATH, OTHERS, OF_PAGE])
def test_pages_are_those_of_scrapy_poet(rules: list[ApplyRule]) -> None:
    """For all kinds of rules, each URL gets the page that scrapy-poet would create, also when
    it is repeated."""
    ours, stock = (
        new_middleware(cls, SCRAPY_POET_RULES=rules)
        for cls in (PageMiddleware, InjectionMiddleware)
    )
    for url in URLS * 2:
        assert type(page_of(ours, url)) is type(page_of(stock, url)), url


WITH_PORT = [*BY_PATH, ApplyRule("a.example:81", use=ParamsPage, instead_of=ImagePage)]


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("http://a.example:8080/x.jpg", HostPage),
        ("https://a.example:8443/x.jpg", HostPage),
        ("http://www.a.example:8080/x.jpg", HostPage),
        ("http://user:pw@a.example/x.jpg", HostPage),
        ("http://user@a.example:8080/x.jpg", HostPage),
        ("http://A.Example/x.jpg", HostPage),
        ("HTTP://A.EXAMPLE:8080/x.jpg", HostPage),
        ("http://a.example.:8080/x.jpg", HostPage),
        ("http://a.example:8080/deep/x.jpg", PathPage),
        ("http://a.example:81/x.jpg", ParamsPage),
        ("http://nota.example:8080/x.jpg", ImagePage),
        ("http://a.example@b.example:8080/x.jpg", ImagePage),
        ("http://[::1]:8080/x.jpg", ImagePage),
    ],
)
@pytest.mark.parametrize("rules", [BY_HOST, BY_PATH, WITH_PORT])
def test_a_rule_for_a_host_ignores_port_user_and_case(
    rules: list[ApplyRule], url: str, page: type[ImagePage]
) -> None:
    """Unless it names a port, with and without the fast path."""
    wanted = page if page in {rule.use for rule in rules} | {ImagePage} else HostPage
    middleware = new_middleware(PageMiddleware, SCRAPY_POET_RULES=rules)
    assert isinstance(middleware, PageMiddleware)
    for simple in (middleware._simple, False):
        middleware._simple = simple
        assert type(page_of(middleware, url)) is wanted


@pytest.mark.parametrize(("rules", "matches"), [(BY_HOST, 1), (BY_PATH, 50)])
def test_rules_of_hosts_are_matched_once_per_host(
    monkeypatch: pytest.MonkeyPatch, rules: list[ApplyRule], matches: int
) -> None:
    """With a rule for a path, each URL is matched."""
    middleware = new_middleware(PageMiddleware, SCRAPY_POET_RULES=rules)
    matched: list[str] = []
    overrides = middleware.registry.overrides_for

    def recorded(url: str) -> Any:
        matched.append(url)
        return overrides(url)

    monkeypatch.setattr(middleware.registry, "overrides_for", recorded)
    for n in range(50):
        page_of(middleware, f"http://a.example/{n}.jpg")
    assert len(matched) == matches


def test_a_page_may_need_other_inputs() -> None:
    """A page gets the inputs that web-poet provides."""
    page = page_of(
        new_middleware(PageMiddleware, SCRAPY_POET_RULES=OTHERS), "http://b.example/x.jpg"
    )
    assert isinstance(page, ParamsPage)
    assert page.params == {}


def test_earlier_names_remain() -> None:
    """Such a page is created without scrapy-poet's injection, and reads its input."""
    rules = [ApplyRule("a.example", use=PageOfEarlierNames, instead_of=ImagePage)]
    middleware = new_middleware(PageMiddleware, SCRAPY_POET_RULES=rules)
    assert isinstance(middleware, PageMiddleware)
    assert middleware._page_of("http://a.example/x.jpg") is PageOfEarlierNames
    page = page_of(middleware, "http://a.example/x.jpg")
    assert page.answer is page.response
    assert not page.is_placeholder()


def test_sites_are_found() -> None:
    """Page objects of the project are found without configuration."""
    middleware = new_middleware(PageMiddleware)
    pages = {
        url: type(page_of(middleware, f"https://{url}/x.jpg"))
        for url in (
            "i.imgur.com",
            "imgur.com",
            "live.staticflickr.com",
            "s.yimg.com",
            "notimgur.com",
        )
    }
    assert list(pages.values()) == [ImgurPage, ImgurPage, FlickrPage, FlickrPage, ImagePage]
