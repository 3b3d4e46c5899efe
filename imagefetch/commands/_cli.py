"""What the commands share: arguments, exit statuses, the line on standard error."""

from __future__ import annotations

import argparse
import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from scrapy.exceptions import UsageError
from scrapy.settings.default_settings import LOG_DATEFORMAT, LOG_FORMAT
from scrapy.utils.conf import arglist_to_dict

from imagefetch.errors import BadInput, LocalError
from imagefetch.utils.standard_streams import settle, tell
from imagefetch.utils.text import HarmlessFormatter

BAD_INPUT = 2
ENDED_EARLY = 3


def add_arguments(parser: argparse.ArgumentParser, known: str) -> None:
    """Let *parser* take ``-a NAME=VALUE`` as ``scrapy crawl`` does; *known* says which."""
    parser.add_argument(
        "-a", dest="spargs", action="append", default=[], metavar="NAME=VALUE", help=known
    )


def arguments_of(opts: argparse.Namespace) -> dict[str, str]:
    """Return what ``-a`` said.

    :raises UsageError: if that is not NAME=VALUE
    """
    try:
        return arglist_to_dict(opts.spargs)
    except ValueError:
        raise UsageError("Invalid -a value, use -a NAME=VALUE", print_help=False) from None


def end_quickly() -> None:
    """Keep Python from looking for garbage three times among all that it is to throw away as it
    ends, which takes a tenth of a second and more."""
    gc.freeze()
    settle()


@contextmanager
def log_to(path: str | None) -> Iterator[None]:
    """Let this program's own log lines, but not Scrapy's, be appended to *path*, if any.

    :raises BadInput: if it can't be written
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
    handler.setFormatter(HarmlessFormatter(logging.Formatter(LOG_FORMAT, LOG_DATEFORMAT)))
    own.addHandler(handler)
    own.setLevel(logging.INFO)
    try:
        yield
    finally:
        own.setLevel(logging.NOTSET)
        own.removeHandler(handler)
        handler.close()


def refuse(error: BadInput | LocalError) -> NoReturn:
    """End the program with one line on standard error."""
    tell(str(error))
    raise SystemExit(BAD_INPUT)
