"""Middlewares that do nothing are left out, and come back with what needs them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from scrapy.downloadermiddlewares.defaultheaders import DefaultHeadersMiddleware
from scrapy.settings import Settings

from imagefetch.config.components import merge
from imagefetch.config.idle_components import (
    AUTH,
    HEADERS,
    PROXY,
    REQUEST_HEADERS,
    SWITCHED,
    leave_out,
)
from imagefetch.spiders.images import ImagesSpider
from tests.conftest import RunCrawl, project
from tests.support.server import Server

ALL = {AUTH, PROXY, *HEADERS, *SWITCHED.values()}
MINE = {"tests.support.parts.Nothing": 400}


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def left_out(settings: Settings, spider: type = ImagesSpider) -> set[str]:
    merge(settings)
    leave_out(settings, spider)
    enabled: set[Any] = set()
    for name in ("DOWNLOADER_MIDDLEWARES", "EXTENSIONS"):
        enabled |= set(settings.get_component_priority_dict_with_base(name))
    if DefaultHeadersMiddleware in enabled:
        enabled.add(HEADERS[0])
    assert (REQUEST_HEADERS in enabled) == enabled.isdisjoint(HEADERS)
    return ALL - enabled


def test_all_are_left_out_by_default() -> None:
    assert left_out(project()) == ALL


@pytest.mark.parametrize(
    ("changed", "back"),
    [
        *(({switch: True}, {path}) for switch, path in SWITCHED.items()),
        ({"HTTPAUTH_USER": "me"}, {AUTH}),
        ({"HTTPAUTH_PASS": "secret"}, {AUTH}),
        ({"DOWNLOADER_MIDDLEWARES": {AUTH: 300}}, {AUTH}),
        ({"DOWNLOADER_MIDDLEWARES": {HEADERS[1]: 500}}, set(HEADERS)),
        ({"DOWNLOADER_MIDDLEWARES": {DefaultHeadersMiddleware: 90}}, set(HEADERS)),
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
