"""How this process was started, for the commands that users are told."""

from __future__ import annotations

_own: list[str] = []


def started_as(words: tuple[str, ...]) -> None:
    """Record that the command line began with *words* instead of ``scrapy`` and a command."""
    _own[:] = words


def command_words(verb: tuple[str, ...]) -> list[str]:
    """Return the words with which ``scrapy`` *verb*, or what was run in place of it, begins."""
    return [*_own] or ["scrapy", *verb]
