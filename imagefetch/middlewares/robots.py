"""Downloader middleware that obeys robots.txt."""

from __future__ import annotations

import logging
from typing import NamedTuple
from urllib.parse import urlsplit

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.robotstxt import RobotParser
from scrapy.utils.misc import build_from_crawler, load_object
from scrapy.utils.python import to_unicode

from imagefetch.download.opt_outs.preferences import Preferences
from imagefetch.errors import DisallowedByRobots, OptedOut
from imagefetch.middlewares.site_rules.path_patterns import path_of
from imagefetch.middlewares.site_rules.robots_txt import Rules, reduce
from imagefetch.middlewares.site_rules.site_file import Key, Postponed, SiteFile
from imagefetch.middlewares.site_rules.usage_rules import NO_RULES, UsageRules, usage_rules
from imagefetch.utils.bounded.lru_cache import LRUCache

logger = logging.getLogger(__name__)

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
    usage: UsageRules = NO_RULES
    """Its rules about the use of content."""


class NamedRobotsTxtMiddleware(RobotsTxtMiddleware):
    """Scrapy's middleware for ROBOTSTXT_OBEY, but with an error class of its own, with rules
    about the use of content, and with memory and time bounded by the size of a robots.txt.

    Settings: ROBOTSTXT_USER_AGENT, USER_AGENT, ROBOTSTXT_PARSER, OPT_OUT_SIGNALS.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.robot = crawler.settings["ROBOTSTXT_USER_AGENT"]
        self.user_agent = crawler.settings["USER_AGENT"]
        self.make_parser = load_object(crawler.settings["ROBOTSTXT_PARSER"])
        self.preferences = Preferences(crawler.settings.getlist("OPT_OUT_SIGNALS"))
        self.file = SiteFile[HostRobots](crawler, "/robots.txt")
        self.rules: LRUCache[Key, Rules] = LRUCache(RULES_SIZE)
        self.parsed: LRUCache[Key, HostRobots] = LRUCache(PARSED_LINES)

    async def process_request(  # type: ignore[override]
        self, request: Request, spider: Spider | None = None
    ) -> Request | None:
        """Return the request to schedule instead if the host must not be asked now.

        :raises DisallowedByRobots: if robots.txt forbids *request*
        :raises OptedOut: if it opts out of a use
        """
        if request.meta.get("dont_obey_robotstxt") or not request.url.startswith("http"):
            return None
        robot = to_unicode(self.robot or request.headers.get("User-Agent") or self.user_agent)
        try:
            robots = await self._robots_of(request, robot)
        except Postponed:
            return self.file.postponed(request)
        rules, parser, usage = robots
        if parser is not None and not await self._allows(rules, parser, request.url, robot):
            self._count("forbidden")
            raise DisallowedByRobots
        if usage:
            await self._check_usage(usage, path_of(request.url))
        return None

    async def _allows(self, rules: Rules, parser: RobotParser, url: str, robot: str) -> bool:
        work = rules.wildcards * len(url)
        if work > MATCH_MOST:
            return False
        if work > MATCH_INLINE or rules.lines > LINES_INLINE:
            return await self.file.in_thread(parser.allowed, url, robot)
        return parser.allowed(url, robot)

    async def _check_usage(self, usage: UsageRules, path: str) -> None:
        for field, patterns in usage.items():
            beyond = f"{field}:{self.preferences.uses[field][0]}"
            if signal := await self.file.first(patterns, path, beyond):
                raise OptedOut(signal)

    async def _robots_of(self, request: Request, robot: str) -> HostRobots:
        """Return the robots.txt of *request*'s host, from the cache or else from the host.

        :raises Postponed: if the host must not be asked now
        """
        url = urlsplit(request.url)
        key = url.scheme, url.netloc, robot
        if (robots := self.parsed.get(key)) is not None:
            return robots
        return await self.file.load_once(request, key, lambda: self._load(request, key))

    async def _load(self, request: Request, key: Key) -> HostRobots:
        """:raises Postponed: if the host refused the request because of a limit"""
        robots, rules = HostRobots(Rules(), None), self.rules.get(key)
        try:
            if rules is not None:
                robots = await self._parse(rules)
            else:
                robots = await self._parse(await self._download(request, key[-1]))
                await self.crawler.signals.send_catch_log_async(
                    signals.robots_parsed, robotparser=robots.parser, request=request
                )
        except Postponed:
            raise
        except IgnoreRequest:
            pass
        except Exception as error:
            logger.error("Error downloading robots.txt for %s: %r", request.url, error)
            self._count(f"exception_count/{type(error)}")
        self.cache(key, robots)
        return robots

    def cache(self, key: Key, robots: HostRobots) -> None:
        """Cache the robots.txt of a host; the least recently used are removed."""
        self.rules.put(key, robots.rules, OVERHEAD + len(robots.rules.text))
        self.parsed.put(key, robots, OVERHEAD_LINES + robots.rules.lines)

    async def _download(self, request: Request, robot: str) -> Rules:
        self._count("request_count")
        response = await self.file.download(request)
        self._count("response_count")
        self._count(f"response_status_count/{response.status}")
        return await self.file.in_thread(reduce, response.body, robot)

    async def _parse(self, rules: Rules) -> HostRobots:
        parser, usage = await self.file.in_thread(self._parsed, rules)
        return HostRobots(rules, parser, usage)

    def _parsed(self, rules: Rules) -> tuple[RobotParser, UsageRules]:
        parser = build_from_crawler(self.make_parser, self.crawler, rules.text)
        lines = rules.text.decode().splitlines() if self.preferences.uses else []
        return parser, usage_rules(lines, self.preferences)

    def _count(self, name: str) -> None:
        self.crawler.stats.inc_value(f"robotstxt/{name}")
