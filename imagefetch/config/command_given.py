"""The command that a run was begun with, as it may be given again."""

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
from imagefetch.utils.redaction import HIDDEN, hide_credentials, hide_credentials_of, is_secret

ONCE = {"only", "fresh"}
"""Arguments that aren't given again where a run is to go on."""


@dataclass(frozen=True)
class Given:
    """What followed ``scrapy`` on the command line."""

    verb: tuple[str, ...]
    arguments: Mapping[str, Any]
    """Of ``-a``."""
    settings: Sequence[str] = ()
    """``NAME=VALUE`` of ``-s``."""
    others: tuple[str, ...] = ()
    """Other options, whole words."""

    @classmethod
    def of(cls, opts: Namespace) -> Given:
        """Return what the options of ``scrapy crawl images`` were."""
        others = [("--logfile", opts.logfile), ("-L", opts.loglevel)]
        others += [("-o", each) for each in opts.output or ()]
        others += [("-O", each) for each in opts.overwrite_output or ()]
        words = tuple(word for pair in others if pair[1] for word in pair)
        nolog = ("--nolog",) * bool(opts.nolog)
        return cls(("crawl", "images"), dict(opts.spargs), tuple(opts.set), (*nolog, *words))

    def command(self, *more: str) -> str:
        """Return the command by which the run goes on, *more* arguments added, secrets left out.

        On Scrapyd, which has no command line, it is the request that schedules the job again.
        """
        if "_job" in self.arguments:
            return self._schedule(more)
        words = ["scrapy", *self.verb]
        for argument in (*self._arguments(), *more):
            words += ["-a", argument]
        for word in self.settings:
            words += ["-s", without_secrets(word)]
        words += [hide_credentials_of(word) for word in self.others]
        # The copy that was kept is read.
        nothing = " < /dev/null" if self.arguments.get("urls") == "-" else ""
        return f"{shlex.join(['cd', os.getcwd()])} && {shlex.join(words)}{nothing}"  # noqa: PTH109

    def _schedule(self, more: Sequence[str]) -> str:
        project = os.environ.get("SCRAPY_PROJECT", "imagefetch")
        words = ["curl", "-n", "http://localhost:6800/schedule.json"]
        facts = [f"project={project}", "spider=images", f"jobid={self.arguments['_job']}"]
        facts += [*self._arguments(), *more]
        own = ("LOG_FILE=", "FEEDS=")  # Scrapyd's
        facts += [f"setting={without_secrets(s)}" for s in self.settings if not s.startswith(own)]
        for fact in facts:
            words += ["--data-urlencode" if re.search(r"[&+%]", fact) else "-d", fact]
        return shlex.join(words)

    def _arguments(self) -> Iterator[str]:
        for name, value in self.arguments.items():
            if name == "urls" and is_address(str(value)):
                yield f"urls={shown(str(value))}"
            elif name not in ONCE and not name.startswith("_"):
                yield f"{name}={hide_credentials_of(str(value))}"


def without_secrets(word: str) -> str:
    """Return ``NAME=VALUE`` with `HIDDEN` in the place of each secret."""
    name, equals, value = word.partition("=")
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
    if not any(map(is_secret, table)):
        return hide_credentials_of(text)
    return json.dumps({name: HIDDEN if is_secret(name) else each for name, each in table.items()})
