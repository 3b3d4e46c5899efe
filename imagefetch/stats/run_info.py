"""Describes a run: its list, report and store, its limits, its start and end."""

from __future__ import annotations

import shlex
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefetch import __version__
from imagefetch.utils.program import command_words
from imagefetch.utils.redaction import hide_credentials, hide_credentials_of

if TYPE_CHECKING:  # the HTML report's subprocess does not import Scrapy
    from scrapy.settings import BaseSettings

    from imagefetch.config.resume_command import CommandLine
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
"""Settings that the HTML report shows: those that can limit the speed of a run."""


@dataclass
class RunInfo:
    """Facts info a run, with credentials hidden."""

    version: str = __version__
    urls: str = ""
    """Path or URL of the list; empty if unknown."""
    report: str = ""
    """Path of the report."""
    store: str = ""
    """The setting FILES_STORE."""
    total: int | None = None
    """Lines in the list; None if unknown."""
    estimated: bool = False
    """Whether `total` is an estimate."""
    done_before: int = 0
    """Lines done by earlier runs."""
    kept_before: int = 0
    """Lines of `done_before` with a file."""
    bytes_before: int = 0
    """Size of the files of `kept_before`."""
    started: float | None = None
    """Start of the run, seconds since the epoch; None if unknown."""
    ended: float | None = None
    """End of the run, seconds since the epoch; None while it runs."""
    reason: str = ""
    """``finished``, or why the run ended early."""
    limits: dict[str, str] = field(default_factory=dict)
    """Values of the settings in `LIMITS`."""
    resume_command: str = ""
    """The command that resumes the run, with secrets hidden; empty if unknown."""
    retry_command: str = ""
    """The command that fetches failed lines again, if they may succeed now."""

    @classmethod
    def of(cls, settings: BaseSettings, job: Job) -> RunInfo:
        """Describe the run of *job*, which starts now."""
        info = cls.of_run(settings, job.run, job.command_line)
        info.total, info.done_before = job.journal.total, job.journal.done
        before = job.journal.before
        info.kept_before, info.bytes_before = before.kept, before.bytes
        info.started = time.time()
        info.limits = {name: str(settings[name]) for name in LIMITS}
        return info

    @classmethod
    def of_run(
        cls, settings: BaseSettings, run: Run, command_line: CommandLine | None = None
    ) -> RunInfo:
        """Describe the paths of *run*, and the command that started it."""
        info = cls.of_paths(settings, run.address or str(run.urls), run.report, run.store)
        if command_line is not None:
            info.resume_command = command_line.command()
            info.retry_command = command_line.command("only=failed")
        return info

    @classmethod
    def of_paths(cls, settings: BaseSettings, urls: str, report: Path, store: str) -> RunInfo:
        """Describe a run by its list, report and store; *urls* is as in the field `urls`."""
        from scrapy.settings import SETTINGS_PRIORITIES

        from imagefetch.config.paths import is_address
        from imagefetch.output.store_paths import is_remote
        from imagefetch.urls import shown

        info = cls(
            urls=shown(urls) if is_address(urls) else hide_credentials(urls), report=str(report)
        )
        info.store = hide_credentials_of(store)
        command = command_words("crawl", "images")
        command += ["-a", f"urls={info.urls or 'LIST'}", "-a", f"report={info.report}"]
        is_set = (settings.getpriority("FILES_STORE") or 0) > SETTINGS_PRIORITIES["spider"]
        if is_set or is_remote(store) or Path(store).is_absolute():
            command += ["-s", f"FILES_STORE={info.store}"]
        info.retry_command = shlex.join([*command, "-a", "only=failed"])
        return info

    def how_far(self, done: int) -> str:
        """Return the progress as text; this run has done *done* lines."""
        of = "" if self.total is None else f" of {'~' * self.estimated}{self.total:,}"
        return f"{self.done_before + done:,}{of} lines done"

    def finish(self, reason: str) -> None:
        """Record the end of the run."""
        self.ended, self.reason = time.time(), reason

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
