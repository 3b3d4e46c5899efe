"""Shared by the commands: arguments, exit statuses, the error line on standard error."""

from __future__ import annotations

import argparse
import gc
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from scrapy.settings import BaseSettings
from scrapy.settings.default_settings import LOG_DATEFORMAT, LOG_FORMAT

from imagefetch.config.destinations import check_output
from imagefetch.config.paths import find_paths
from imagefetch.config.validation import check_log
from imagefetch.errors import BadInput, LocalError
from imagefetch.utils.command_line import check_pairs, options_of, refuse_in_one_line
from imagefetch.utils.standard_streams import flush_streams, print_error
from imagefetch.utils.text import SanitizingFormatter, hide_in_tracebacks

PATH_SETTINGS = {"LOG_FILE", "INPUT_URLS", "REPORT", "FILES_STORE", "JOBS_FOLDER"}
"""Settings that hold paths."""

BAD_INPUT = 2
ENDED_EARLY = 3

GARBAGE = 20_000
"""Objects, allocated more than freed, at which Python looks for reference cycles among them."""


def add_arguments(parser: argparse.ArgumentParser, known: str) -> None:
    """Add ``-a NAME=VALUE`` to *parser*, as ``scrapy crawl`` has it; *known* is its help text."""
    parser.add_argument(
        "-a", dest="spargs", action="append", default=[], metavar="NAME=VALUE", help=known
    )


def report_in_one_line(parser: argparse.ArgumentParser) -> list[str]:
    """Let *parser* report errors with `refuse`; return its long options, sorted."""
    refuse_in_one_line(parser, refuse)
    return options_of(parser)


@contextmanager
def refusing_bad_input() -> Iterator[None]:
    """Report `BadInput` with `refuse`; from now on, tracebacks are sanitized."""
    hide_in_tracebacks()
    try:
        yield
    except BadInput as error:
        refuse(error)


def arguments_of(opts: argparse.Namespace) -> dict[str, str]:
    """Return the ``-a`` arguments as a dict.

    :raises BadInput: if one is not NAME=VALUE
    """
    check_pairs("-a", opts.spargs)
    return dict(value.split("=", 1) for value in opts.spargs)


def check_outputs(
    settings: BaseSettings, opts: argparse.Namespace, more: Sequence[str] = ()
) -> str | None:
    """Check the log and the files of ``--pidfile`` and ``--profile`` before they are opened.

    *more* are ``NAME=VALUE`` besides those of ``-a``.

    Return the path of the log, None if there is none. Other options and settings need not be
    valid: their errors are reported once the log is open.

    :raises BadInput: if one is the list, the report, or a file that belongs to the report, or
        can't be written
    """
    settings = settings.copy()
    for name, value in (pair.split("=", 1) for pair in opts.set if "=" in pair):
        if name in PATH_SETTINGS:
            settings.set(name, value, "cmdline")
    if opts.logfile:
        settings.set("LOG_FILE", opts.logfile, "cmdline")
    outputs = {"--pidfile": opts.pidfile, "--profile": opts.profile}
    arguments = dict(value.split("=", 1) for value in (*opts.spargs, *more) if "=" in value)
    try:
        listed, report, _ = find_paths(settings, arguments)
    except BadInput:
        pass  # reported once the log is open
    else:
        check_log(settings, listed, report, outputs)
    for option, path in outputs.items():
        if path:
            check_output(option, path)
    return str(settings["LOG_FILE"]) if settings["LOG_FILE"] else None


def collect_rarely() -> None:
    """Let Python look for reference cycles rarely: a download leaves almost none, and to look for
    them takes a tenth of the time of a small one."""
    gc.set_threshold(GARBAGE)


def end_quickly() -> None:
    """Skip garbage collection at exit: Python would run it three times, which takes a tenth of a
    second or more."""
    gc.freeze()
    flush_streams()


@contextmanager
def log_to(path: str | None) -> Iterator[None]:
    """Append the log lines of imagefetch, but not those of Scrapy, to *path*, if one is given.

    :raises BadInput: if *path* can't be written
    """
    if not path:
        yield
        return
    own = logging.getLogger("imagefetch")
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise BadInput(
            f"setting LOG_FILE = {path!r}: can't be written: {error.strerror}"
        ) from error
    handler.setFormatter(SanitizingFormatter(logging.Formatter(LOG_FORMAT, LOG_DATEFORMAT)))
    own.addHandler(handler)
    own.setLevel(logging.INFO)
    try:
        yield
    finally:
        own.setLevel(logging.NOTSET)
        own.removeHandler(handler)
        handler.close()


def refuse(error: BadInput | LocalError) -> NoReturn:
    """Write one line to standard error and exit with `BAD_INPUT`."""
    print_error(str(error))
    raise SystemExit(BAD_INPUT)
