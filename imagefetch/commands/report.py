"""``scrapy report``: verifies that list, report and files agree, for a finished or running job."""

from __future__ import annotations

import argparse
from dataclasses import replace

from scrapy.commands import ScrapyCommand

from imagefetch.commands._cli import (
    ENDED_EARLY,
    add_arguments,
    arguments_of,
    check_outputs,
    refuse,
    refusing_bad_input,
    report_in_one_line,
)
from imagefetch.config.validation import check_run
from imagefetch.errors import BadInput, LocalError
from imagefetch.job.audit import audit, describe, sort
from imagefetch.job.run import lock_report
from imagefetch.lists.copy import STANDARD_INPUT, copy_path
from imagefetch.output.ownership.strays import remove_strays
from imagefetch.output.store_paths import is_remote, local_path
from imagefetch.utils.command_line import check_left, check_names
from imagefetch.utils.formatting import files
from imagefetch.utils.standard_streams import print_output
from imagefetch.utils.text import escape

BROKEN = 1

ARGUMENTS = ("urls", "report")


class Command(ScrapyCommand):
    """Exit status: 0 complete, 1 inconsistent, 2 bad input, 3 consistent but not finished."""

    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        options = "[--sort] [--remove-strays] [--html]"
        return f"[REPORT | -a report=PATH] [-a urls=PATH] [-s FILES_STORE=PATH] {options}"

    def short_desc(self) -> str:
        return "Verify that a list, its report and its pictures agree"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        add_arguments(parser, "urls and report, as for crawl (may be repeated)")
        parser.add_argument(
            "--sort", action="store_true", help="write the report in the order of the list"
        )

        parser.add_argument(
            "--remove-strays",
            action="store_true",
            help="remove files that no row names and that provably belong to this report",
        )
        parser.add_argument(
            "--html",
            action="store_true",
            help="write the HTML report from the report alone; nothing is verified",
        )
        self.options = report_in_one_line(parser)

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None
        with refusing_bad_input():
            check_outputs(self.settings, opts, [f"report={path}" for path in args[:1]])
        super().process_options(args, opts)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None
        try:
            arguments = arguments_of(opts)
            check_left(args, self.options, "report", most=1)
            check_names(arguments, ARGUMENTS, "report")
            if args and "report" in arguments:
                raise BadInput(
                    f"argument {args[0]!r}: the report is given by -a report= too; give it once"
                )
            if args:
                arguments["report"] = args[0]
            if opts.html:
                from imagefetch.html_report.from_report import rebuild  # no other command needs it

                print_output(escape(str(rebuild(self.settings, arguments))))
                return
            run = check_run(self.settings, arguments)
            if run.urls == STANDARD_INPUT:
                run = replace(run, urls=copy_path(run.report))
            if opts.sort:
                with lock_report(run.report):
                    sort(run.list, run.report)
            if opts.remove_strays:
                with lock_report(run.report):
                    removed, left = remove_strays(run.report, run.store)
                print_output(
                    f"removed     {files(removed)} that no row names"
                    + (f"; {files(left)} left, which may be another report's" if left else "")
                )
            store = None if is_remote(run.store) else local_path(run.store)
            result = audit(run.list, run.report, store, self.settings.getint("PLACEHOLDER_REPEATS"))
        except (BadInput, LocalError) as error:
            refuse(error)
        print_output(describe(result))
        if result.broken:
            self.exitcode = BROKEN
        elif result.missing:
            self.exitcode = ENDED_EARLY
