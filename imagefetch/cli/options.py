"""Options of ``imagefetch``: each stands for a setting, an argument or an option of Scrapy's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import click

NOT_GIVEN = (None, False, ())
"""Values of options that are not on the command line."""


class Mapped(click.Option):
    """An option that is handed over as command-line arguments of ``scrapy``."""

    def __init__(self, flags: Sequence[str], to: str, meaning: str, **more: Any) -> None:
        self.to = to
        super().__init__([*flags], help=meaning, **more)

    def words(self, value: Any) -> list[str]:
        """Return the arguments of ``scrapy`` that stand for *value*."""
        raise NotImplementedError


class Setting(Mapped):
    """An option for the setting *to*."""

    def __init__(self, flags: Sequence[str], to: str, meaning: str, **more: Any) -> None:
        super().__init__(flags, to, f"{meaning} [{to}]", **more)

    def words(self, value: Any) -> list[str]:
        return ["-s", f"{self.to}={value if isinstance(value, str) else ','.join(value)}"]


class Header(Setting):
    """Headers that are added to those of the setting."""

    def words(self, value: Sequence[str]) -> list[str]:
        from scrapy.utils.project import get_project_settings

        headers = dict(get_project_settings().getdict(self.to))
        for text in value:
            name, colon, content = text.partition(":")
            if not (colon and name.strip()):
                raise click.UsageError(f"option --header {text!r}: must be 'Name: value'")
            same = [known for known in headers if known.casefold() == name.strip().casefold()]
            for known in same:
                del headers[known]
            headers[name.strip()] = content.strip()
        return ["-s", f"{self.to}={json.dumps(headers)}"]


class Argument(Mapped):
    """An option for the argument *to* (``-a``)."""

    def words(self, value: Any) -> list[str]:
        return ["-a", f"{self.to}={1 if value is True else value}"]


class Passed(Mapped):
    """An option that ``scrapy`` has under the name *to*."""

    def words(self, value: Any) -> list[str]:
        if value is True:
            return [self.to]
        return [word for each in _each(value) for word in (self.to, each)]


def _each(value: Any) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def words(params: Sequence[click.Parameter], values: dict[str, Any]) -> Iterator[str]:
    """Yield the arguments of ``scrapy`` for the *values* of those *params* that were given."""
    for param in params:
        value = values.get(param.name or "")
        if isinstance(param, Mapped) and value not in NOT_GIVEN:
            yield from param.words(value)


def config() -> click.Option:
    return click.Option(
        ["--config"],
        metavar="FILE",
        help="Settings; default: imagefetch.toml in this folder, if there is one.",
    )


def report_path() -> Mapped:
    return Argument(
        ["--report"], "report", "Path of the report; default: REPORT.csv.", metavar="PATH"
    )


def store() -> Mapped:
    return Setting(
        ["--to"],
        "FILES_STORE",
        "Where images are stored: a folder, s3://…, gs://…, ftp://….",
        metavar="FOLDER",
    )


def columns() -> Mapped:
    return Setting(
        ["--columns"],
        "URL_COLUMNS",
        "Columns of a table that hold URLs: image_url,thumb_*.",
        metavar="NAMES",
    )


def others() -> list[click.Option]:
    """Return the options for everything that has none of its own."""
    return [
        Passed(
            ["-s", "settings"],
            "-s",
            "Any other setting; see imagefetch settings.",
            metavar="NAME=VALUE",
            multiple=True,
        ),
        Passed(
            ["-a", "arguments"],
            "-a",
            "An argument, as for scrapy crawl images.",
            metavar="NAME=VALUE",
            multiple=True,
            hidden=True,
        ),
        Passed(["--logfile"], "--logfile", "Write the log to this file.", metavar="FILE"),
        Passed(
            ["-L", "--loglevel"], "-L", "DEBUG, INFO, WARNING, ERROR or CRITICAL.", metavar="LEVEL"
        ),
        Passed(["--nolog"], "--nolog", "No log.", is_flag=True),
        config(),
    ]


def fetching() -> list[click.Option]:
    """Return the options of the commands that fetch a list."""
    return [
        store(),
        Setting(
            ["--name"],
            "FILES_NAME",
            "Template of file names: '{host}/{stem}-{hash}{ext}'.",
            metavar="TEMPLATE",
        ),
        report_path(),
        Argument(
            ["--only"],
            "only",
            "Fetch again lines that have a row: 'failed' (what may succeed now), or reasons "
            "such as not-found,unauthorized.",
            metavar="failed|REASON,…",
        ),
        Argument(
            ["--fresh"],
            "fresh",
            "Restart from scratch; the old report is kept as REPORT.1.csv.",
            is_flag=True,
        ),
        columns(),
        Setting(["--referer"], "REFERER", "The Referer header.", metavar="URL"),
        Header(
            ["--header"],
            "DEFAULT_REQUEST_HEADERS",
            "A header of each request; repeatable.",
            metavar="'NAME: VALUE'",
            multiple=True,
        ),
        Setting(["--concurrency"], "CONCURRENT_REQUESTS", "Most requests at once.", metavar="N"),
        Setting(
            ["--per-host"],
            "CONCURRENT_REQUESTS_PER_DOMAIN",
            "Most requests at once to one host.",
            metavar="N",
        ),
        Setting(["--retries"], "RETRY_TIMES", "Most retries of a line.", metavar="N"),
        Setting(
            ["--allow-network"],
            "ALLOWED_NETWORKS",
            "A network that is not public and may be connected to: 10.1.0.0/16; repeatable.",
            metavar="CIDR",
            multiple=True,
        ),
    ]
