"""Middlewares that do nothing are left out, and come back with what needs them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from scrapy.downloadermiddlewares.defaultheaders import DefaultHeadersMiddleware
from scrapy.settings import Settings

from imagefetch.engine.unused import REQUEST_HEADERS, SCRAPY, shortened
from imagefetch.spiders.images import ImagesSpider
from tests.conftest import RunCrawl, project
from tests.support.server import Server

COOKIES = f"{SCRAPY}cookies.CookiesMiddleware"
AUTH = f"{SCRAPY}httpauth.HttpAuthMiddleware"
CACHE = f"{SCRAPY}httpcache.HttpCacheMiddleware"
PROXY = f"{SCRAPY}httpproxy.HttpProxyMiddleware"
STATS = f"{SCRAPY}stats.DownloaderStats"
DEFAULTS = f"{SCRAPY}defaultheaders.DefaultHeadersMiddleware"
AGENT = f"{SCRAPY}useragent.UserAgentMiddleware"
ALL = {COOKIES, AUTH, CACHE, PROXY, STATS, DEFAULTS, AGENT}

MINE = {"tests.support.parts.Nothing": 400}


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def left_out(settings: Settings, spider: type = ImagesSpider) -> set[str]:
    middlewares = settings.get_component_priority_dict_with_base("DOWNLOADER_MIDDLEWARES")
    enabled = {**middlewares, **shortened(settings, spider)}
    found = {path for path in ALL if enabled.get(path, 0) is None}
    assert (REQUEST_HEADERS in enabled) == (DEFAULTS in found) == (AGENT in found)
    return found


def test_all_are_left_out_by_default() -> None:
    assert left_out(project()) == ALL


@pytest.mark.parametrize(
    ("changed", "back"),
    [
        ({"COOKIES_ENABLED": True}, {COOKIES}),
        ({"HTTPAUTH_USER": "me"}, {AUTH}),
        ({"HTTPAUTH_PASS": "secret"}, {AUTH}),
        ({"HTTPCACHE_ENABLED": True}, {CACHE}),
        ({"DOWNLOADER_STATS": True}, {STATS}),
        ({"DOWNLOADER_MIDDLEWARES": {AUTH: 300}}, {AUTH}),
        ({"DOWNLOADER_MIDDLEWARES": {AGENT: 500}}, {AGENT, DEFAULTS}),
        ({"DOWNLOADER_MIDDLEWARES": {DefaultHeadersMiddleware: 90}}, {AGENT, DEFAULTS}),
        *(({setting: MINE}, ALL) for setting in ("DOWNLOADER_MIDDLEWARES", "SPIDER_MIDDLEWARES")),
        *(({setting: MINE}, ALL) for setting in ("ITEM_PIPELINES", "EXTENSIONS", "ADDONS")),
    ],
)
def test_one_is_back_with_its_setting_and_all_with_a_component(
    changed: dict[str, Any], back: set[str]
) -> None:
    assert ALL - left_out(project(**changed)) == back


def test_the_proxy_s_is_back_with_a_proxy_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    assert ALL - left_out(project()) == {PROXY}
    assert left_out(project(HTTPPROXY_ENABLED=False)) == ALL


def test_all_are_back_for_a_spider_of_a_user() -> None:
    class Mine(ImagesSpider):
        http_user = "me"

    assert left_out(project(), Mine) == set()


@pytest.mark.parametrize("mine", [True, False])
def test_the_server_sees_the_same_headers(crawl: RunCrawl, server: Server, mine: bool) -> None:
    """With all middlewares, which a user's component brings back, and without those left out."""
    part = {"EXTENSIONS": json.dumps({"tests.support.parts.Nothing": 1})} if mine else {}
    headers = {"Accept": "image/x", "X-Two": ["a", "b"], "X-None": None}
    done = crawl(
        [server.url("/image/x.jpg")],
        DEFAULT_REQUEST_HEADERS=json.dumps(headers),
        CONTACT="me@example.org",
        LOG_LEVEL="DEBUG",
        **part,
    )
    assert done.status == 0, done.log
    assert ("UserAgentMiddleware" in done.log) == mine
    seen = server.headers["/image/x.jpg"]
    assert seen["accept"] == "image/x"
    assert re.fullmatch(r"imagefetch/\S+ \(\+me@example\.org\)", seen["user-agent"])
    assert seen["x-two"] in {"a", "b"}
    assert "x-none" not in seen
