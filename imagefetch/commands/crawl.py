"""``scrapy crawl``: Scrapy's own, with clean errors and an exit status that tells."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from scrapy.commands import crawl
from scrapy.exceptions import UsageError

from imagefetch.checks import check_handlers
from imagefetch.errors import BadInput
from imagefetch.harmless import escape, hide_credentials
from imagefetch.job import begin
from imagefetch.quiet import quieten
from imagefetch.resume import NothingToDo
from imagefetch.rules import check_words
from imagefetch.stop import STOPPED_BY

BAD_INPUT = 2
ENDED_EARLY = 3


class Command(crawl.Command):
    """Exit status: 0 finished, 2 bad input, 3 ended early."""

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None
        try:
            check_words(self.settings, opts.set)
            super().process_options(args, opts)
            if len(args) != 1:
                raise UsageError
            opts.spargs = {"job": begin(self.settings, opts.spargs)}
        except BadInput as error:
            refuse(error)
        except NothingToDo as news:
            tell(str(news))
            raise SystemExit(0) from None

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.crawler_process is not None
        quieten(str(self.crawler_process.settings["LOG_LEVEL"]))
        crawler = self.crawler_process.create_crawler(args[0])
        try:
            check_handlers(crawler)
        except BadInput as error:
            refuse(error)
        self.crawler_process.crawl(crawler, **opts.spargs)
        self.crawler_process.start()
        stats = None if self.crawler_process.bootstrap_failed else crawler.stats
        if stats is None or stats.get_value("finish_reason") != "finished":
            self.exitcode = ENDED_EARLY
            why = stats and (stats.get_value(STOPPED_BY) or stats.get_value("finish_reason"))
            tell(f"ended early: {why or 'stopped at once'}")


def tell(text: str) -> None:
    """Write one line on standard error."""
    sys.stderr.write(f"imagefetch: {escape(hide_credentials(text))}\n")


def refuse(error: BadInput) -> NoReturn:
    """End the program with one line on standard error."""
    tell(str(error))
    raise SystemExit(BAD_INPUT)
