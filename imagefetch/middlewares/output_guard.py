"""Spider middleware that keeps others from losing, duplicating or reassigning a record."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from copy import copy
from typing import Any

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.http import Response
from scrapy.utils.conf import build_component_list

from imagefetch.context import context_of
from imagefetch.errors import Failure, InternalError, RequestDropped
from imagefetch.items import ImageRecord
from imagefetch.meta import RECORD, SENT_TO_PIPELINES

logger = logging.getLogger(__name__)


class OutputGuard:
    """Passes on exactly one record for each line. It is nearest to the engine."""

    def __init__(self, crawler: Crawler) -> None:
        """:raises NotConfigured: if there is no other spider middleware"""
        known = crawler.settings.get_component_priority_dict_with_base("SPIDER_MIDDLEWARES")
        if len(build_component_list(known)) == 1:
            raise NotConfigured
        self.records = context_of(crawler).records

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> OutputGuard:
        return cls(crawler)

    async def process_spider_output(
        self, response: Response, result: AsyncIterator[Any]
    ) -> AsyncIterator[Any]:
        assert response.request is not None
        request = response.request
        problem: Failure = RequestDropped()
        try:
            async for output in result:
                if not isinstance(output, ImageRecord):
                    yield output
                elif (record := self._record(request)) is not None:
                    yield record
        except Exception as error:
            logger.error("%s: error in a spider middleware", request.url, exc_info=error)
            problem = InternalError()
        if RECORD in request.meta and not request.meta.get(SENT_TO_PIPELINES):
            request.meta[SENT_TO_PIPELINES] = True
            yield self.records.of_failure(request, problem)

    @staticmethod
    def _record(request: Request) -> ImageRecord | None:
        """Return the record of the request's own line; None if it was passed on before."""
        if RECORD not in request.meta or request.meta.get(SENT_TO_PIPELINES):
            return None
        request.meta[SENT_TO_PIPELINES] = True
        original, line, file = request.meta[RECORD]
        record: ImageRecord = copy(original)  # other middlewares may still change the original
        record.url, record.line, record.part = line.text, line.number, line.part
        record.file, record.record = file, dict(line.record)
        return record
