"""``scrapy fleet``: runs ``scrapy crawl images`` on several cores or machines."""

from __future__ import annotations

import argparse
import logging

from scrapy.commands import ScrapyCommand
from scrapy.utils.log import configure_logging

from imagefetch.commands._cli import (
    ENDED_EARLY,
    add_arguments,
    arguments_of,
    check_outputs,
    end_quickly,
    refuse,
    refusing_bad_input,
    report_in_one_line,
)
from imagefetch.config.rules.setting_rules import check_assignments, check_settings
from imagefetch.errors import BadInput, LocalError
from imagefetch.fleet.worker.fork_client import fork_server
from imagefetch.job.report_repair.prepare import NothingToDo
from imagefetch.logformatter import sanitize_log
from imagefetch.utils.command_line import check_left
from imagefetch.utils.standard_streams import print_error

logger = logging.getLogger(__name__)


class Command(ScrapyCommand):
    """Exit status: 0 finished, 2 bad input, 3 ended early."""

    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[-a urls=PATH] [-a report=PATH] [-a job=ADDRESS] [-s NAME=VALUE]"

    def short_desc(self) -> str:
        return "Fetch a list as crawl does, on all cores or on a Dask cluster"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        add_arguments(
            parser, "urls, report, only, fresh, as for crawl; job: the job folder (may be repeated)"
        )
        parser.add_argument(
            "--scheduler",
            metavar="ADDRESS",
            help="address of a running Dask cluster: tcp://host:8786",
        )
        parser.add_argument(
            "--workers", type=int, metavar="N", help="processes on this machine; default: its cores"
        )
        parser.add_argument(
            "--dashboard",
            metavar="HOST:PORT",
            help="serve Dask's dashboard of the workers on this machine there; needs bokeh",
        )
        self.options = report_in_one_line(parser)

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None
        with refusing_bad_input():
            check_left(args, self.options, "fleet")
            check_assignments(self.settings, opts.set)
            check_outputs(self.settings, opts)
        super().process_options(args, opts)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None
        try:
            self._run(arguments_of(opts), opts)
        except BadInput as error:
            refuse(error)
        except NothingToDo as news:
            print_error(str(news))
        except KeyboardInterrupt:
            self._ended_early("shutdown; run the same command to resume")
        end_quickly()

    def _run(self, arguments: dict[str, str], opts: argparse.Namespace) -> None:
        """:raises BadInput: if the run can't start
        :raises NothingToDo: if every line is done"""
        assert self.settings is not None
        check_settings(self.settings)  # LOG_LEVEL is read before the run is checked
        if opts.workers is not None and opts.workers < 1:
            raise BadInput(f"--workers {opts.workers}: must be 1 or more")
        try:
            if not opts.scheduler:
                fork_server.begin()  # imports what crawls need while this process imports Dask
            from imagefetch.fleet.run import run_fleet
        except ImportError as error:
            raise BadInput(
                f"scrapy fleet needs more packages ({error}): pip install -r requirements-fleet.txt"
            ) from error
        except OSError as error:
            raise BadInput(f"can't start a process: {error.strerror}") from error
        try:
            configure_logging(self.settings)
            sanitize_log()
        except OSError as error:
            raise BadInput(
                f"setting LOG_FILE = {self.settings['LOG_FILE']!r}: can't be written: "
                f"{error.strerror}"
            ) from error
        from imagefetch.spiders.start import check_spider  # after the fork server has started

        check_spider(self.settings, "images")
        try:
            run_fleet(
                self.settings,
                arguments,
                opts.set,
                opts.scheduler,
                opts.workers,
                dashboard=opts.dashboard,
            )
        except OSError as error:  # from the job folder's file system
            self._ended_early(f"job folder: {error}")
        except LocalError as error:
            self._ended_early(f"{error.reason}: {error}")

    def _ended_early(self, why: str) -> None:
        logger.info("Ended early: %s", why)
        print_error(f"ended early: {why}")
        self.exitcode = ENDED_EARLY
