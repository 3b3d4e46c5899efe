"""Reconstructs the command that started a run, so that it can be run again."""

from __future__ import annotations

import json
import os
import re
import shlex
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imagefetch.config.paths import is_address
from imagefetch.urls import shown
from imagefetch.utils.program import command_words
from imagefetch.utils.redaction import HIDDEN, hide_credentials, hide_credentials_of, is_secret

ONCE = {"only", "fresh"}
"""Arguments that are left out of the command that resumes a run."""


@dataclass(frozen=True)
class CommandLine:
    """The command-line arguments that followed ``scrapy``."""

    verb: tuple[str, ...]
    arguments: Mapping[str, Any]
    """Spider arguments (``-a``)."""
    settings: Sequence[str] = ()
    """``NAME=VALUE`` of each ``-s``."""
    others: tuple[str, ...] = ()
    """Other options, one command-line argument each."""

    @classmethod
    def of(cls, opts: Namespace) -> CommandLine:
        """Build it from the parsed options of ``scrapy crawl images``."""
        others = [("--logfile", opts.logfile), ("-L", opts.loglevel)]
        others += [("-o", each) for each in opts.output or ()]
        others += [("-O", each) for each in opts.overwrite_output or ()]
        options = tuple(part for pair in others if pair[1] for part in pair)
        nolog = ("--nolog",) * bool(opts.nolog)
        return cls(("crawl", "images"), dict(opts.spargs), tuple(opts.set), (*nolog, *options))

    def command(self, *more: str) -> str:
        """Return the command that resumes the run, plus *more* ``-a`` arguments, without secrets.

        On Scrapyd, which has no command line, return the request that schedules the job again.
        """
        if "_job" in self.arguments:
            return self._schedule_request(more)
        command = command_words(*self.verb)
        for argument in (*self._arguments(), *more):
            command += ["-a", argument]
        for setting in self.settings:
            command += ["-s", without_secrets(setting)]
        command += [hide_credentials_of(option) for option in self.others]
        # With empty standard input, the stored copy of the list is read.
        stdin = " < /dev/null" if self.arguments.get("urls") == "-" else ""
        return f"{shlex.join(['cd', os.getcwd()])} && {shlex.join(command)}{stdin}"  # noqa: PTH109

    def _schedule_request(self, more: Sequence[str]) -> str:
        project = os.environ.get("SCRAPY_PROJECT", "imagefetch")
        command = ["curl", "-n", "http://localhost:6800/schedule.json"]
        fields = [f"project={project}", "spider=images", f"jobid={self.arguments['_job']}"]
        fields += [*self._arguments(), *more]
        own = ("LOG_FILE=", "FEEDS=")  # set by Scrapyd itself
        fields += [f"setting={without_secrets(s)}" for s in self.settings if not s.startswith(own)]
        for field in fields:
            command += ["--data-urlencode" if re.search(r"[&+%]", field) else "-d", field]
        return shlex.join(command)

    def _arguments(self) -> Iterator[str]:
        for name, value in self.arguments.items():
            if name == "urls" and is_address(str(value)):
                yield f"urls={shown(str(value))}"
            elif name not in ONCE and not name.startswith("_"):
                yield f"{name}={hide_credentials_of(str(value))}"


def without_secrets(setting: str) -> str:
    """Return ``NAME=VALUE`` with each secret replaced by `HIDDEN`."""
    name, equals, value = setting.partition("=")
    if is_secret(name):
        return f"{name}{equals}{HIDDEN}"
    if value.lstrip().startswith("{"):
        return f"{name}{equals}{_without_secrets_in_json(value)}"
    return f"{name}{equals}{hide_credentials_of(value)}"


def _without_secrets_in_json(text: str) -> str:
    try:
        table = json.loads(text)
    except ValueError:
        return HIDDEN if hide_credentials(text) != text else hide_credentials_of(text)
    hidden = _without_secrets_in(table)
    return hide_credentials_of(text) if hidden == table else json.dumps(hidden)


def _without_secrets_in(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        name: HIDDEN if is_secret(name) else _without_secrets_in(each)
        for name, each in value.items()
    }
