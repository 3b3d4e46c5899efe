"""Runs the command line of ``imagefetch``: one line for each error, and the exit status."""

from __future__ import annotations

import sys

import click

from imagefetch.cli.commands import cli
from imagefetch.errors import BadInput
from imagefetch.utils.standard_streams import print_error

BAD_INPUT = 2
ENDED_EARLY = 3


def main() -> None:
    """Run the command; exit statuses are those of ``scrapy crawl images``."""
    try:
        status = cli.main(sys.argv[1:] or ["--help"], "imagefetch", standalone_mode=False)
    except BadInput as error:
        print_error(str(error))
        status = BAD_INPUT
    except click.ClickException as error:
        print_error(one_line(error))
        status = BAD_INPUT
    except (click.Abort, KeyboardInterrupt):
        print_error("ended early: shutdown; run the same command again")
        status = ENDED_EARLY
    sys.exit(status)


def one_line(error: click.ClickException) -> str:
    """Return what *error* is about, and where to look."""
    if isinstance(error, click.NoSuchOption):
        text = f"option {error.option_name}: there is no such option; "
        if error.possibilities:
            text += f"did you mean {error.possibilities[0]}? "
    else:
        message = error.format_message()
        text = f"{message[0].lower()}{message[1:].rstrip('.')}; "
    context = getattr(error, "ctx", None)
    return f"{text}see {context.command_path if context else 'imagefetch'} --help"
