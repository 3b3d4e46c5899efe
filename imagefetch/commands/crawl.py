"""``scrapy crawl``: Scrapy's command with one-line errors and meaningful exit statuses."""

from __future__ import annotations

import argparse
import logging

from scrapy.commands import crawl
from scrapy.crawler import Crawler
from scrapy.exceptions import UsageError

from imagefetch.commands._cli import (
    ENDED_EARLY,
    check_outputs,
    collect_rarely,
    end_quickly,
    log_to,
    refuse,
    refusing_bad_input,
    report_in_one_line,
)
from imagefetch.config.resume_command import CommandLine
from imagefetch.config.rules.setting_rules import check_assignments
from imagefetch.config.validation import Run, check_handlers
from imagefetch.errors import BadInput, LocalError
from imagefetch.job.report_repair.prepare import NothingToDo
from imagefetch.job.run import begin
from imagefetch.logformatter import quieten, sanitize_log
from imagefetch.stats.recorder import Recorder
from imagefetch.utils.command_line import check_options, check_pairs
from imagefetch.utils.processes.shutdown import STOPPED_BY
from imagefetch.utils.standard_streams import print_error

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())  # until a log is open, `print_error` reports errors


class Command(crawl.Command):
    """Exit status: 0 finished, 2 bad input, 3 ended early.

    Scrapyd also runs this command and shows its users only LOG_FILE. Messages written
    to standard error before Scrapy opens that file are therefore logged there too.
    """

    def syntax(self) -> str:
        return (
            "images [-a urls=LIST] [-a report=PATH] [-a only=failed,REASON,…] [-a fresh=1] "
            "[-a referer=URL] [-s NAME=VALUE]"
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        self.options = report_in_one_line(parser)

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None
        with refusing_bad_input(), log_to(check_outputs(self.settings, opts)):
            self.prepare(args, opts)

    def prepare(self, args: list[str], opts: argparse.Namespace) -> None:
        """:raises BadInput: if the run can't start"""
        # Imported here because it loads the spider, which other commands don't need.
        from imagefetch.spiders.start import check_spider

        assert self.settings is not None
        try:
            check_options(args, self.options, "crawl")
            if not args:
                raise BadInput(f"the spider's name is missing: scrapy crawl {self.syntax()}")
            if len(args) > 1:
                raise BadInput(
                    f"{args[1]}: unexpected argument; a list is given as -a urls={args[1]}"
                )
            check_assignments(self.settings, opts.set)
            check_pairs("-a", opts.spargs)
            self.apply(args, opts)
            check_spider(self.settings, args[0])
            opts.spargs = {"job": begin(self.settings, opts.spargs, CommandLine.of(opts))}
        except BadInput as error:
            logger.error("Ended early: bad-input: %s", error)
            raise
        except LocalError as error:
            logger.error("Ended early: %s: %s", error.reason, error)
            print_error(f"ended early: {error.reason}: {error}")
            raise SystemExit(ENDED_EARLY) from None
        except NothingToDo as news:
            logger.info("Finished: %s", news)
            print_error(str(news))
            raise SystemExit(0) from None
        except KeyboardInterrupt:
            logger.info("Ended early: shutdown")
            print_error("ended early: shutdown; nothing was fetched, run the same command again")
            raise SystemExit(ENDED_EARLY) from None

    def apply(self, args: list[str], opts: argparse.Namespace) -> None:
        """Let Scrapy apply the options.

        :raises BadInput: if it refuses one
        """
        try:
            super().process_options(args, opts)
        except UsageError as error:
            raise BadInput(str(error)) from error

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from imagefetch.spiders.start import Start

        assert self.crawler_process is not None
        collect_rarely()
        quieten(str(self.crawler_process.settings["LOG_LEVEL"]))
        crawler = self.crawler_process.create_crawler(args[0])
        sanitize_log()
        start = Start(crawler, opts.spargs["job"])
        try:
            check_handlers(crawler)
            start.watch(self.crawler_process.crawl(crawler, **opts.spargs))
            self.crawler_process.start()
            start.check()
        except BadInput as error:
            start.abandon()
            if crawler.settings["LOG_FILE"]:
                logger.error("Ended early: bad-input: %s", error)
            refuse(error)
        run = opts.spargs["job"].run
        stats = None if self.crawler_process.bootstrap_failed else crawler.stats
        if stats is None or stats.get_value("finish_reason") != "finished":
            self.exitcode = ENDED_EARLY
            why = stats and (stats.get_value(STOPPED_BY) or stats.get_value("finish_reason"))
            text = f"{why or 'stopped at once'}; {how_far(crawler, run)}"
            if not why:  # stopped by a second signal, which nothing else logs
                logger.info("Ended early: %s", text)
            print_error(f"ended early: {text}")
        end_quickly()


def how_far(crawler: Crawler, run: Run) -> str:
    """Return how many lines a run that ended early has done, and how to resume it."""
    try:
        recorder = crawler.get_extension(Recorder)
    except RuntimeError:  # the crawl has not started
        recorder = None
    done = f"{recorder.how_far}; " if recorder is not None else ""
    return f"{done}{run.how_to_resume}"
