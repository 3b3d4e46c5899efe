"""Downloader middleware that obeys the reservations of tdmrep.json."""

from __future__ import annotations

import logging

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from imagefetch.download.opt_outs.signals import TDMREP
from imagefetch.errors import OptedOut, Problem
from imagefetch.meta import LINE
from imagefetch.middlewares.site_rules import tdmrep
from imagefetch.middlewares.site_rules.path_patterns import PatternList, path_of
from imagefetch.middlewares.site_rules.site_file import Postponed, SiteFile
from imagefetch.urls import origin_of
from imagefetch.utils.bounded.lru_cache import LRUCache

logger = logging.getLogger(__name__)

Reservations = PatternList[bool]

# Size of the cache, in bytes, and the estimated size of each host and rule: enough for more than
# 10,000 hosts. The files of the least recently used ones are requested again when needed.
CACHE_SIZE = 16 * 2**20
HOST_SIZE = 1_000
RULE_SIZE = 400

# The file is asked for at most so often: a host without it is as good as one that can't tell.
RETRIES = 1


class ReservationMiddleware:
    """Downloads each origin's tdmrep.json before its lines; a file that is missing, malformed or
    can't be fetched reserves nothing.

    Settings: enabled by ROBOTSTXT_OBEY, if ``tdmrep`` is in OPT_OUT_SIGNALS.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.file = SiteFile[Reservations](crawler, tdmrep.PATH)
        self.cached: LRUCache[str, Reservations] = LRUCache(CACHE_SIZE)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ReservationMiddleware:
        settings = crawler.settings
        if not (settings.getbool("ROBOTSTXT_OBEY") and TDMREP in settings["OPT_OUT_SIGNALS"]):
            raise NotConfigured
        return cls(crawler)

    async def process_request(self, request: Request) -> Request | None:
        """Return the request to schedule instead if the host must not be asked now.

        :raises OptedOut: if the URL is reserved
        """
        if LINE not in request.meta or request.meta.get("dont_obey_robotstxt"):
            return None
        try:
            reservations = await self._reservations_of(request)
        except Postponed:
            return self.file.postponed(request)
        if await self.file.first(reservations, path_of(request.url), beyond=True):
            raise OptedOut(TDMREP)
        return None

    async def _reservations_of(self, request: Request) -> Reservations:
        origin = origin_of(request.url) or ""
        if (cached := self.cached.get(origin)) is not None:
            return cached
        return await self.file.load_once(request, (origin,), lambda: self._load(request, origin))

    async def _load(self, request: Request, origin: str) -> Reservations:
        reservations = Reservations()
        try:
            response = await self.file.download(request, max_retry_times=RETRIES)
        except Problem as problem:
            logger.debug("%s%s: %s", origin, tdmrep.PATH, problem.reason)
        else:
            if response.status == 200:
                reservations = await self.file.in_thread(tdmrep.reservations, response.body)
        weight = HOST_SIZE + RULE_SIZE * len(reservations.values)
        self.cached.put(origin, reservations, weight)
        return reservations
