"""Downloader middleware that obeys robots.txt."""

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
from imagefetch.meta import BODY_MAX
from imagefetch.middlewares.robots_txt import SIZE_MAX, Rules, reduce
from imagefetch.utils.bounded.lru_cache import LRUCache

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

# Size of the cache of rules as text, in bytes, and the overhead of each host: enough for about
# 10,000 hosts. The robots.txt of the least recently used ones is requested again when needed.
RULES_SIZE = 8 * 2**20
OVERHEAD = 512

# Size of the cache of parsed rules, in lines of 400 bytes, and the overhead of each host.
PARSED_LINES = 10_000
OVERHEAD_LINES = 10

# Cost of a match: wildcards of a robots.txt times characters of a URL. Up to the first limit, a URL
# is matched on the event loop, in some milliseconds; beyond the second, it counts as forbidden.
MATCH_INLINE = 2**17
MATCH_MOST = 2**22

# Lines of a robots.txt up to which a URL is matched on the event loop.
LINES_INLINE = 2_000


class HostRobots(NamedTuple):
    """A host's parsed robots.txt."""

    rules: Rules
    parser: RobotParser | None
    """None if the robots.txt could not be fetched: then nothing is forbidden."""


class NamedRobotsTxtMiddleware(RobotsTxtMiddleware):
    """Scrapy's middleware for ROBOTSTXT_OBEY, but with an error class of its own, and with
    memory and time bounded by the size of a robots.txt.

    Settings: ROBOTSTXT_USER_AGENT, USER_AGENT, ROBOTSTXT_PARSER.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.robot = crawler.settings["ROBOTSTXT_USER_AGENT"]
        self.user_agent = crawler.settings["USER_AGENT"]
        self.make_parser = load_object(crawler.settings["ROBOTSTXT_PARSER"])
        self.rules: LRUCache[tuple[str, str], Rules] = LRUCache(RULES_SIZE)
        self.parsed: LRUCache[tuple[str, str], HostRobots] = LRUCache(PARSED_LINES)
        self._loading: dict[tuple[str, str], asyncio.Future[HostRobots]] = {}
        self._thread = ThreadPoolExecutor(1, "robots")  # uses at most one processor

    async def process_request(self, request: Request, spider: Spider | None = None) -> None:
        """:raises DisallowedByRobots: if robots.txt forbids *request*"""
        if request.meta.get("dont_obey_robotstxt") or not request.url.startswith("http"):
            return
        robot = to_unicode(self.robot or request.headers.get("User-Agent") or self.user_agent)
        rules, parser = await self._robots_of(request, robot)
        if parser is not None and not await self._allows(rules, parser, request.url, robot):
            self._count("forbidden")
            raise DisallowedByRobots

    async def _allows(self, rules: Rules, parser: RobotParser, url: str, robot: str) -> bool:
        work = rules.wildcards * len(url)
        if work > MATCH_MOST:
            return False
        if work > MATCH_INLINE or rules.lines > LINES_INLINE:
            return await self._in_thread(parser.allowed, url, robot)
        return parser.allowed(url, robot)

    async def _robots_of(self, request: Request, robot: str) -> HostRobots:
        """Return the robots.txt of *request*'s host, from the cache or else from the host."""
        key = urlsplit(request.url).netloc, robot
        if (robots := self.parsed.get(key)) is not None:
            return robots
        if (loading := self._loading.get(key)) is None:
            loading = self._loading[key] = asyncio.ensure_future(self._load(request, key))
            loading.add_done_callback(lambda _: self._loading.pop(key))
        return await asyncio.shield(loading)

    async def _load(self, request: Request, key: tuple[str, str]) -> HostRobots:
        rules, parser = self.rules.get(key), None
        try:
            if rules is not None:
                parser = await self._parse(rules)
            else:
                rules = await self._download(request, key[1])
                parser = await self._parse(rules)
                await self.crawler.signals.send_catch_log_async(
                    signals.robots_parsed, robotparser=parser, request=request
                )
        except IgnoreRequest:
            pass
        except Exception as error:
            logger.error("Error downloading robots.txt for %s: %r", request.url, error)
            self._count(f"exception_count/{type(error)}")
        robots = HostRobots(rules or Rules(), parser)
        self.cache(key, robots)
        return robots

    def cache(self, key: tuple[str, str], robots: HostRobots) -> None:
        """Cache the robots.txt of a host; the least recently used are removed."""
        self.rules.put(key, robots.rules, OVERHEAD + len(robots.rules.text))
        self.parsed.put(key, robots, OVERHEAD_LINES + robots.rules.lines)

    async def _download(self, request: Request, robot: str) -> Rules:
        url = urlsplit(request.url)
        robots_request = Request(
            f"{url.scheme}://{url.netloc}/robots.txt",
            priority=self.DOWNLOAD_PRIORITY,
            meta={"dont_obey_robotstxt": True, BODY_MAX: SIZE_MAX},
            callback=NO_CALLBACK,
        )
        self._count("request_count")
        response = await self.crawler.engine.download_async(robots_request)
        self._count("response_count")
        self._count(f"response_status_count/{response.status}")
        return await self._in_thread(reduce, response.body, robot)

    async def _parse(self, rules: Rules) -> RobotParser:
        return await self._in_thread(build_from_crawler, self.make_parser, self.crawler, rules.text)

    async def _in_thread(self, function: Callable[..., Result], *arguments: Any) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(function, *arguments))

    def _count(self, name: str) -> None:
        self.crawler.stats.inc_value(f"robotstxt/{name}")
