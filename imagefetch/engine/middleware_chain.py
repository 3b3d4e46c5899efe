"""Calls the downloader middlewares as Scrapy does, but awaits only what is awaitable."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from types import CoroutineType
from typing import Any

from scrapy import Request
from scrapy.core.downloader.middleware import DownloaderMiddlewareManager
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.utils.defer import ensure_awaitable
from scrapy.utils.deprecate import argument_is_required

from imagefetch.utils.processes.taskless import in_task

Method = Callable[..., Any]

RESULTS = (Response, Request)


class MiddlewareChain:
    """The methods of all downloader middlewares, looked up once."""

    def __init__(self, manager: DownloaderMiddlewareManager, crawler: Crawler) -> None:
        self.crawler = crawler
        self._on_request, self._on_response, self._on_exception = (
            self._callable(manager.methods[name])
            for name in ("process_request", "process_response", "process_exception")
        )

    def _callable(self, methods: Iterable[Method | None]) -> list[Method]:
        return [
            partial(self._with_spider, method) if argument_is_required(method, "spider") else method
            for method in methods
            if method is not None
        ]

    def _with_spider(self, method: Method, **arguments: Any) -> Any:
        return method(**arguments, spider=self.crawler.spider)

    async def download(
        self, download: Callable[[Request], Coroutine[Any, Any, Response]], request: Request
    ) -> Response | Request:
        """Return what the middlewares make of *request* and of its response.

        :raises Exception: that of *download* or of a middleware, if no middleware handles it
        """
        try:
            result = await self._before(request) or await download(request)
        except Exception as error:
            result = await self._instead_of(error, request)
        if isinstance(result, Request):
            return result
        return await self._after(result, request)

    async def _before(self, request: Request) -> Response | Request | None:
        """Return the first response or request of a ``process_request``; None if there is none."""
        for method in self._on_request:
            returned = method(request=request)
            if returned is None:
                continue
            returned = await _checked(returned, method, none=True)
            if returned is not None:
                return returned
        return None

    async def _after(self, response: Response, request: Request) -> Response | Request:
        for method in self._on_response:
            returned = method(request=request, response=response)
            if not isinstance(returned, Response):
                returned = await _checked(returned, method, none=False)
            if isinstance(returned, Request):
                return returned
            assert returned is not None
            response = returned
        return response

    async def _instead_of(self, error: Exception, request: Request) -> Response | Request:
        """:raises Exception: *error*, if no ``process_exception`` returns something else"""
        for method in self._on_exception:
            returned = method(request=request, exception=error)
            if returned is None:
                continue
            returned = await _checked(returned, method, none=True)
            if returned is not None:
                return returned
        raise error


async def _checked(returned: Any, method: Method, *, none: bool) -> Response | Request | None:
    """Return what *method* returned, awaited if it is awaitable.

    :raises TypeError: if it is neither a response nor a request, nor None where *none* is allowed
    """
    if isinstance(returned, CoroutineType):
        returned = await in_task(returned)
    elif not isinstance(returned, RESULTS):
        returned = await ensure_awaitable(returned)
    if isinstance(returned, RESULTS) or (none and returned is None):
        return returned
    while isinstance(method, partial):
        method = method.args[0]
    wanted = "None, Response or Request" if none else "Response or Request"
    raise TypeError(
        f"Middleware {method.__qualname__} must return {wanted}, got {type(returned).__name__}"
    )
