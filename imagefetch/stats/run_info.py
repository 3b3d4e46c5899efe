"""What a run was asked for: where it reads and writes, and within which limits."""

from __future__ import annotations

import shlex
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefetch import __version__
from imagefetch.utils.redaction import hide_credentials, hide_credentials_of

if TYPE_CHECKING:  # the page's process does without Scrapy
    from scrapy.settings import BaseSettings

    from imagefetch.config.command_given import Given
    from imagefetch.config.validation import Run
    from imagefetch.job.run import Job

LIMITS = (
    "CONCURRENT_REQUESTS",
    "CONCURRENT_REQUESTS_PER_DOMAIN",
    "DOWNLOAD_DELAY",
    "RETRY_TIMES",
    "DOWNLOAD_TIMEOUT",
    "DOWNLOAD_MAXSIZE",
    "MIN_SPEED",
)
"""Settings that are shown: those that may hold a run back."""


@dataclass
class About:
    """Facts about a run; credentials are left out."""

    version: str = __version__
    urls: str = ""
    """The list: a path, or an address; empty where nobody knows."""
    report: str = ""
    """Its path."""
    store: str = ""
    """FILES_STORE."""
    total: int | None = None
    """Lines in the list; None where nobody knows."""
    estimated: bool = False
    """Whether `total` is a guess."""
    done_before: int = 0
    """Lines done by earlier runs."""
    kept_before: int = 0
    """Of these, those with a file."""
    bytes_before: int = 0
    """Of the files."""
    started: float | None = None
    """Seconds since the epoch."""
    ended: float | None = None
    """The same; None while the run goes on."""
    reason: str = ""
    """``finished``, or why it ended early."""
    limits: dict[str, str] = field(default_factory=dict)
    """Settings of `LIMITS`."""
    goes_on: str = ""
    """The command that goes on with it, secrets left out; empty where nobody knows."""
    again: str = ""
    """The command that fetches again what may succeed now."""

    @classmethod
    def of(cls, settings: BaseSettings, job: Job) -> About:
        """Describe the run that *job* begins."""
        made = cls.of_run(settings, job.run, job.given)
        made.total, made.done_before = job.journal.total, job.journal.done
        before = job.journal.before
        made.kept_before, made.bytes_before = before.kept, before.bytes
        made.started = time.time()
        made.limits = {name: str(settings[name]) for name in LIMITS}
        return made

    @classmethod
    def of_run(cls, settings: BaseSettings, run: Run, given: Given | None = None) -> About:
        """Describe *run* as far as its places, and the command it was begun with."""
        made = cls.of_places(settings, run.address or str(run.urls), run.report, run.store)
        if given is not None:
            made.goes_on, made.again = given.command(), given.command("only=failed")
        return made

    @classmethod
    def of_places(cls, settings: BaseSettings, urls: str, report: Path, store: str) -> About:
        """Describe a run by where its list, report and pictures are; *urls* as the field is."""
        from scrapy.settings import SETTINGS_PRIORITIES

        from imagefetch.config.paths import is_address
        from imagefetch.output.store_paths import is_remote
        from imagefetch.urls import shown

        made = cls(
            urls=shown(urls) if is_address(urls) else hide_credentials(urls), report=str(report)
        )
        made.store = hide_credentials_of(store)
        words = ["scrapy", "crawl", "images"]
        words += ["-a", f"urls={made.urls or 'LIST'}", "-a", f"report={made.report}"]
        said = (settings.getpriority("FILES_STORE") or 0) > SETTINGS_PRIORITIES["spider"]
        if said or is_remote(store) or Path(store).is_absolute():
            words += ["-s", f"FILES_STORE={made.store}"]
        made.again = shlex.join([*words, "-a", "only=failed"])
        return made

    def how_far(self, done: int) -> str:
        """Return how many lines are done, *done* of them by this run."""
        of = "" if self.total is None else f" of {'~' * self.estimated}{self.total:,}"
        return f"{self.done_before + done:,}{of} lines done"

    def finish(self, reason: str) -> None:
        """Note that the run has ended."""
        self.ended, self.reason = time.time(), reason

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
