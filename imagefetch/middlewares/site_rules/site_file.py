"""Downloads a file of each origin, such as robots.txt, once, before its lines are sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from imagefetch.context import context_of
from imagefetch.errors import HostPaused
from imagefetch.meta import BODY_MAX, FOR_REQUEST, LINE, VERDICT
from imagefetch.middlewares.site_rules.path_patterns import PatternList
from imagefetch.middlewares.site_rules.robots_txt import SIZE_MAX
from imagefetch.scheduling.rate_limits.refusals import Verdict
from imagefetch.scheduling.requests import give_up

Result = TypeVar("Result")
Loaded = TypeVar("Loaded")
Key = tuple[str, ...]
"""What requests for the same file have in common."""

# Priority of the request, as that of Scrapy's middleware for robots.txt.
PRIORITY = 1000

# Characters that are compared for a URL: up to the first limit on the event loop, in some
# milliseconds. Beyond the second one, the pattern counts as matching.
COMPARED_INLINE = 2**20
COMPARED_MOST = 2**28


class Postponed(Exception):
    """The origin paused while its file was loaded: the line must wait."""


class SiteFile(Generic[Loaded]):
    """A file of each origin. What it holds is cached by the caller.

    A refusal because of a limit, such as a 429, pauses the origin as one of an image does. Then
    the lines that wait for the file are scheduled again, and the first of them is the probe.
    """

    def __init__(self, crawler: Crawler, path: str) -> None:
        self.crawler = crawler
        self.path = path
        self._loading: dict[Key, asyncio.Future[Loaded]] = {}
        self._thread = ThreadPoolExecutor(1, "site-file")  # uses at most one processor

    async def load_once(
        self, request: Request, key: Key, load: Callable[[], Coroutine[Any, Any, Loaded]]
    ) -> Loaded:
        """Return what *load* returns, for all requests with the same *key* that wait for it.

        :raises Postponed: if *request* must not be sent now; `postponed` returns what to do
        """
        if (loading := self._loading.get(key)) is None:
            loading = self._loading[key] = asyncio.ensure_future(load())
            loading.add_done_callback(lambda _: self._loading.pop(key))
        loaded = await asyncio.shield(loading)
        if LINE in request.meta and context_of(self.crawler).scheduler.is_paused(request):
            raise Postponed
        return loaded

    def postponed(self, request: Request) -> Request:
        """Return what is scheduled in place of *request* after `Postponed`."""
        verdict = request.meta.pop(VERDICT, None)
        context_of(self.crawler).scheduler.not_sent(request)
        again = request.replace(dont_filter=True)
        if verdict in {Verdict.TOO_LONG, Verdict.GIVEN_UP}:
            give_up(again, HostPaused())
        return again

    async def download(self, request: Request, **meta: Any) -> Response:
        """Return the response for the file of *request*'s origin.

        :raises Postponed: if the origin refused it because of a limit
        :raises Exception: as the download does
        """
        url = urlsplit(request.url)
        if LINE in request.meta:
            meta[FOR_REQUEST] = request
        response = await self.crawler.engine.download_async(
            Request(
                f"{url.scheme}://{url.netloc}{self.path}",
                priority=PRIORITY,
                meta={"dont_obey_robotstxt": True, BODY_MAX: SIZE_MAX, **meta},
                callback=NO_CALLBACK,
            )
        )
        if VERDICT in request.meta:
            raise Postponed
        return response

    async def in_thread(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Return the result of *function*, called in this file's thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(function, *arguments))

    async def first(
        self, patterns: PatternList[Result], path: str, beyond: Result
    ) -> Result | None:
        """Return the value of the first of *patterns* that *path* matches; *beyond* if too many
        characters would be compared."""
        cost = patterns.cost(path)
        if cost > COMPARED_MOST:
            return beyond
        if cost > COMPARED_INLINE:
            return await self.in_thread(patterns.first, path)
        return patterns.first(path)
