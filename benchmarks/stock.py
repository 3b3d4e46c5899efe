"""Scrapy's FilesPipeline with the default download handler, as in Scrapy's documentation.

python -m benchmarks.stock LIST FOLDER AT_ONCE
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from scrapy import Spider
from scrapy.crawler import CrawlerProcess


class FilesSpider(Spider):
    """Yields an item for each line; the pipeline downloads its file."""

    name = "files"

    def __init__(self, urls: Path) -> None:
        super().__init__()
        self.urls = urls

    async def start(self) -> AsyncIterator[Any]:
        with self.urls.open() as file:
            for line in file:
                yield {"file_urls": [line.strip()]}


def main() -> None:
    urls, folder, at_once = sys.argv[1:]
    process = CrawlerProcess(
        {
            "ITEM_PIPELINES": {"scrapy.pipelines.files.FilesPipeline": 1},
            "FILES_STORE": folder,
            "FEEDS": {str(Path(folder).parent / "REPORT.csv"): {"format": "csv"}},
            "CONCURRENT_REQUESTS": int(at_once),
            "CONCURRENT_REQUESTS_PER_DOMAIN": int(at_once),
            "DOWNLOAD_DELAY": 0,
            "RETRY_TIMES": 4,
            "LOG_LEVEL": "WARNING",
            "TELNETCONSOLE_ENABLED": False,
        }
    )
    process.crawl(FilesSpider, urls=Path(urls))
    process.start()


if __name__ == "__main__":
    main()
