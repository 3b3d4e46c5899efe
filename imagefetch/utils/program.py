"""How this process was started, for the commands that users are told."""

from __future__ import annotations

_options: list[str] | None = None
"""Options after a sub-command of ``imagefetch``; None if ``scrapy`` was started."""


def started_as_imagefetch(*options: str) -> None:
    """Record that ``imagefetch`` was started, with *options* that each command needs again."""
    global _options  # noqa: PLW0603 - what it describes is the process
    _options = [*options]


def command_words(*verb: str) -> list[str]:
    """Return the words with which ``scrapy`` *verb* begins, or what stands for it here."""
    if _options is None:
        return ["scrapy", *verb]
    name = "fetch" if verb == ("crawl", "images") else verb[0]
    return ["imagefetch", name, *_options]
