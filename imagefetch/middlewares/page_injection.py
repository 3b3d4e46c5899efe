"""Downloader middleware that creates the page object for the spider's callback.

For every request, scrapy-poet determines the page object of the URL and its inputs, which takes
0.4 to 1 ms. The spider's requests all have the same callback, and almost all page objects need
only an `ImageResponse`: this middleware creates these itself.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from inspect import signature
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy_poet.downloadermiddlewares import InjectionMiddleware
from web_poet import ApplyRule, ItemPage, RulesRegistry

from imagefetch.items import ImageRecord
from imagefetch.meta import LINE
from imagefetch.pages.base import ImagePage
from imagefetch.pages.host_policies import lacks_contact
from imagefetch.pages.image_response import ImageResponse
from imagefetch.urls import host_of

logger = logging.getLogger(__name__)

# Hosts whose page object class is cached.
HOSTS = 10_000


class HostRules(RulesRegistry):
    """Rules that ignore a URL's user information, the case of its host, and its port.

    A rule that names a port matches only that port. web-poet compares the whole authority, all
    between ``//`` and the path.
    """

    def overrides_for(self, url: Any) -> Mapping[type[ItemPage[Any]], type[ItemPage[Any]]]:
        exact, any_port = matchable(url)
        return {**super().overrides_for(any_port), **super().overrides_for(exact)}

    def page_cls_for_item(self, url: Any, item_cls: type) -> type | None:
        exact, any_port = matchable(url)
        page = super().page_cls_for_item(exact, item_cls)
        return page or super().page_cls_for_item(any_port, item_cls)


def matchable(url: object) -> tuple[str, str]:
    """Return *url* with its port and without it, both without user information and with the
    host in lower case."""
    parts = urlsplit(str(url))
    authority = parts.netloc.rpartition("@")[2].lower()
    host = re.sub(r":\d*$", "", authority)
    port = authority.removeprefix(host)
    host = host.removesuffix(".")
    return parts._replace(netloc=host + port).geturl(), parts._replace(netloc=host).geturl()


class PageMiddleware(InjectionMiddleware):
    """Creates page objects that need only an `ImageResponse`; scrapy-poet creates all others."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.read_header = crawler.settings["VERIFY_IMAGES"] != "off"
        rules = self.registry.get_rules()
        self.registry = self.injector.registry = HostRules(rules=rules)
        for rule in rules:
            if rule.instead_of is None and rule.to_return is ImageRecord:
                # A rule without instead_of, which is easily forgotten, applies as well.
                self.registry.add_rule(
                    ApplyRule(rule.for_patterns, use=rule.use, instead_of=ImagePage)
                )
        self._simple = all(rule.instead_of in {None, ImagePage} for rule in rules)
        self._by_host = all(_matches_hosts_only(rule) for rule in rules)
        self._without_contact: set[type[ImagePage]] = set()  # of which a warning was logged
        self._page_of_host = lru_cache(HOSTS)(self._match)

    def process_request(self, request: Request, spider: Spider | None = None) -> Any:
        if LINE in request.meta:
            return None  # the callback needs the response, even if the page does not
        return super().process_request(request)

    async def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Response | Request:
        if self._simple and LINE in request.meta:
            page = self._page_of(request.url)
            if page is not None:
                given = ImageResponse.of(request, response, read_header=self.read_header)
                request.cb_kwargs["page"] = page(given)
                return response
        return await super().process_response(request, response)

    def _page_of(self, url: str) -> type[ImagePage] | None:
        if not self._by_host:
            return self._match(url)
        parts = urlsplit(url)
        return self._page_of_host(f"{parts.scheme}://{parts.netloc}/")

    def _match(self, url: str) -> type[ImagePage] | None:
        """Return the page class for *url*; None if it needs inputs besides `ImageResponse`."""
        page = self.registry.overrides_for(url).get(ImagePage, ImagePage)
        if page not in self._without_contact and lacks_contact(page, self.crawler.settings):
            self._without_contact.add(page)
            logger.warning(
                "%s requires an address of contact in the User-Agent: set CONTACT", host_of(url)
            )
        return page if _needs_only_response(page) else None


@cache
def _needs_only_response(page: type[ImagePage]) -> bool:
    inputs = list(signature(page.__init__).parameters)[1:]
    types = get_type_hints(page.__init__)
    return len(inputs) == 1 and types.get(inputs[0], ImageResponse) is ImageResponse


def _matches_hosts_only(rule: ApplyRule) -> bool:
    """Return whether *rule* matches by host only."""
    patterns = rule.for_patterns
    return not patterns.exclude and all(
        re.fullmatch(r"[\w-]+(\.[\w-]+)*", pattern) for pattern in patterns.include
    )
