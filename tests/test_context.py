"""Tests how components find what a run shares."""

from __future__ import annotations

import pytest
from scrapy import Spider
from scrapy.crawler import Crawler

from imagefetch.context import context_of
from tests.conftest import project


class Other(Spider):
    name = "other"


def test_a_spider_of_another_kind_has_no_context() -> None:
    """The error names its class, and what it must be."""
    crawler = Crawler(Other, project())
    crawler.spider = Other()
    with pytest.raises(TypeError, match=r"^Other is no subclass of ImagesSpider$"):
        context_of(crawler)
