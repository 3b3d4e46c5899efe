"""``scrapy crawl``: Scrapy's command with one-line errors and meaningful exit statuses."""

from __future__ import annotations

import argparse
import logging

from scrapy.commands import crawl
from scrapy.crawler import Crawler
from scrapy.exceptions import UsageError
from scrapy.settings import BaseSettings

from imagefetch.commands._cli import ENDED_EARLY, collect_rarely, end_quickly, log_to, refuse
from imagefetch.config.paths import find_paths
from imagefetch.config.resume_command import CommandLine
from imagefetch.config.setting_rules import check_assignments
from imagefetch.config.validation import Run, check_handlers, check_log
from imagefetch.errors import BadInput, LocalError
from imagefetch.job.resume import NothingToDo
from imagefetch.job.run import begin
from imagefetch.logformatter import quieten, sanitize_log
from imagefetch.stats.recorder import Recorder
from imagefetch.utils.shutdown import STOPPED_BY
from imagefetch.utils.standard_streams import print_error
from imagefetch.utils.text import hide_in_tracebacks

PATH_SETTINGS = {"LOG_FILE", "INPUT_URLS", "REPORT", "FILES_STORE", "JOBS_FOLDER"}
"""Settings that hold paths."""

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
            "[-s NAME=VALUE]"
        )

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None
        hide_in_tracebacks()
        settings = self.settings.copy()
        for name, value in (pair.split("=", 1) for pair in opts.set if "=" in pair):
            if name in PATH_SETTINGS:  # the other settings are checked once the log is open
                settings.set(name, value, "cmdline")
        if opts.logfile:
            settings.set("LOG_FILE", opts.logfile, "cmdline")
        try:
            check_log_file(settings, opts.spargs)
            with log_to(settings["LOG_FILE"]):
                self.prepare(args, opts)
        except BadInput as error:
            refuse(error)

    def prepare(self, args: list[str], opts: argparse.Namespace) -> None:
        """:raises BadInput: if the run can't start"""
        # Imported here because it loads the spider, which other commands don't need.
        from imagefetch.spiders.start import check_spider

        assert self.settings is not None
        try:
            check_assignments(self.settings, opts.set)
            super().process_options(args, opts)
            if len(args) > 1 and not args[1].startswith("-"):
                raise BadInput(
                    f"{args[1]}: unexpected argument; a list is given as -a urls={args[1]}"
                )
            if len(args) != 1:
                raise UsageError
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


def check_log_file(settings: BaseSettings, spargs: list[str]) -> None:
    """Check LOG_FILE before it is opened; *spargs* are the values of ``-a``.

    :raises BadInput: if LOG_FILE is the path of the list, the report, or a file that belongs to
        the report
    """
    arguments = dict(argument.split("=", 1) for argument in spargs if "=" in argument)
    try:
        listed, report, _ = find_paths(settings, arguments)
    except BadInput:
        return  # reported once the log is open
    check_log(settings, listed, report)
