"""Downloader middleware: robots.txt."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http.request import NO_CALLBACK
from scrapy.robotstxt import RobotParser
from scrapy.utils.misc import build_from_crawler, load_object
from scrapy.utils.python import to_unicode

from imagefetch.errors import DisallowedByRobots
from imagefetch.meta import READ_MOST
from imagefetch.middlewares.robots_txt import MOST, Rules, reduce
from imagefetch.utils.lru import Kept

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

# Bytes of rules that are kept as text, of all hosts, and what each host adds to its own: some
# 10,000 hosts. Those longest unused are asked again when they are needed.
RULES_SIZE = 8 * 2**20
OVERHEAD = 512

# Lines of rules that are kept parsed, at 400 bytes each, and what each host adds.
PARSED_LINES = 10_000
OVERHEAD_LINES = 10

# Wildcards of a robots.txt times characters of a URL: so many are matched on the event loop, in
# some milliseconds. More than so many are not: a robots.txt that would need that forbids the URL.
MATCH_INLINE = 2**17
MATCH_MOST = 2**22

# Lines of a robots.txt of which a URL is matched on the event loop.
LINES_INLINE = 2_000


class Known(NamedTuple):
    """What is known of a host's robots.txt."""

    rules: Rules
    parser: RobotParser | None
    """None where it could not be had: nothing is forbidden then."""


class NamedRobotsTxtMiddleware(RobotsTxtMiddleware):
    """Scrapy's, for ROBOTSTXT_OBEY, but what robots.txt forbids has its name, and no robots.txt
    takes more memory or time than its size is worth.

    Settings: ROBOTSTXT_USER_AGENT, USER_AGENT, ROBOTSTXT_PARSER.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.robot = crawler.settings["ROBOTSTXT_USER_AGENT"]
        self.user_agent = crawler.settings["USER_AGENT"]
        self.make_parser = load_object(crawler.settings["ROBOTSTXT_PARSER"])
        self.rules: Kept[tuple[str, str], Rules] = Kept(RULES_SIZE)
        self.known: Kept[tuple[str, str], Known] = Kept(PARSED_LINES)
        self._coming: dict[tuple[str, str], asyncio.Future[Known]] = {}
        self._thread = ThreadPoolExecutor(1, "robots")  # one processor at most

    async def process_request(self, request: Request, spider: Spider | None = None) -> None:
        """:raises DisallowedByRobots: if robots.txt forbids *request*"""
        if request.meta.get("dont_obey_robotstxt") or not request.url.startswith("http"):
            return
        robot = to_unicode(self.robot or request.headers.get("User-Agent") or self.user_agent)
        rules, parser = await self._get(request, robot)
        if parser is not None and not await self._allows(rules, parser, request.url, robot):
            self._count("forbidden")
            raise DisallowedByRobots

    async def _allows(self, rules: Rules, parser: RobotParser, url: str, robot: str) -> bool:
        work = rules.wildcards * len(url)
        if work > MATCH_MOST:
            return False
        if work > MATCH_INLINE or rules.lines > LINES_INLINE:
            return await self._beside(parser.allowed, url, robot)
        return parser.allowed(url, robot)

    async def _get(self, request: Request, robot: str) -> Known:
        """Return what is known of *request*'s host; ask it, if that is nothing."""
        key = urlsplit(request.url).netloc, robot
        if (known := self.known.get(key)) is not None:
            return known
        if (coming := self._coming.get(key)) is None:
            coming = self._coming[key] = asyncio.ensure_future(self._make(request, key))
            coming.add_done_callback(lambda _: self._coming.pop(key))
        return await asyncio.shield(coming)

    async def _make(self, request: Request, key: tuple[str, str]) -> Known:
        rules, parser = self.rules.get(key), None
        try:
            if rules is not None:
                parser = await self._parse(rules)
            else:
                rules = await self._ask(request, key[1])
                parser = await self._parse(rules)
                await self.crawler.signals.send_catch_log_async(
                    signals.robots_parsed, robotparser=parser, request=request
                )
        except IgnoreRequest:
            pass
        except Exception as error:
            logger.error("Error downloading robots.txt for %s: %r", request.url, error)
            self._count(f"exception_count/{type(error)}")
        known = Known(rules or Rules(), parser)
        self.keep(key, known)
        return known

    def keep(self, key: tuple[str, str], known: Known) -> None:
        """Keep what is known of a host while there is room for it."""
        self.rules.put(key, known.rules, OVERHEAD + len(known.rules.text))
        self.known.put(key, known, OVERHEAD_LINES + known.rules.lines)

    async def _ask(self, request: Request, robot: str) -> Rules:
        url = urlsplit(request.url)
        asked = Request(
            f"{url.scheme}://{url.netloc}/robots.txt",
            priority=self.DOWNLOAD_PRIORITY,
            meta={"dont_obey_robotstxt": True, READ_MOST: MOST},
            callback=NO_CALLBACK,
        )
        self._count("request_count")
        response = await self.crawler.engine.download_async(asked)
        self._count("response_count")
        self._count(f"response_status_count/{response.status}")
        return await self._beside(reduce, response.body, robot)

    async def _parse(self, rules: Rules) -> RobotParser:
        return await self._beside(build_from_crawler, self.make_parser, self.crawler, rules.text)

    async def _beside(self, function: Callable[..., Result], *arguments: Any) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(function, *arguments))

    def _count(self, name: str) -> None:
        self.crawler.stats.inc_value(f"robotstxt/{name}")
