"""Scrapy's commands, and ``imagefetch``, run to their end in forks."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

from tests.conftest import ROOT, command, environment
from tests.support import forks


def scrapy(*words: str, stdin: bytes = b"") -> CompletedProcess[str]:
    """Run ``scrapy`` with the command-line arguments *words*."""
    return forks.run(["scrapy", *words], env=environment(), stdin=stdin)


def report(folder: Path, *words: str) -> CompletedProcess[str]:
    """Run ``scrapy report`` over the job in *folder*."""
    return scrapy("report", *command(folder, {})[5:], *words)


def imagefetch(folder: Path, *words: str, stdin: bytes = b"", **env: str) -> CompletedProcess[str]:
    """Run ``imagefetch`` with the command-line arguments *words* in *folder*; *env* is added to
    the environment."""
    variables = {**environment(), "PYTHONPATH": str(ROOT), **env}
    return forks.run(["imagefetch", *words], env=variables, stdin=stdin, cwd=folder)
