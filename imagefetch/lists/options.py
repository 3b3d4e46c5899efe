"""Defines how a list is to be read: its format, and which columns of a table are used."""

from __future__ import annotations

from dataclasses import dataclass

from scrapy.settings import BaseSettings

AUTO = "auto"

FORMATS = ("auto", "lines", "csv", "tsv", "jsonl")
"""Values of LIST_FORMAT."""


@dataclass(frozen=True)
class ListOptions:
    """What the settings say about the list."""

    format: str = AUTO
    """One of `FORMATS`."""
    url_columns: tuple[str, ...] = (AUTO,)
    """Names of the columns with URLs, or patterns of names; "auto": found by name and content."""
    separator: str = AUTO
    """What separates URLs in a cell; "auto": found by content; "none": a cell is one URL."""
    carry: tuple[str, ...] = ("all",)
    """Names or patterns of the columns that the report carries; "all" or "none"."""
    repair: bool = True
    """Whether URLs are repaired where only one reading makes sense."""

    @classmethod
    def of(cls, settings: BaseSettings) -> ListOptions:
        """Return the options in *settings*, which were parsed."""
        return cls(
            settings["LIST_FORMAT"],
            tuple(settings.getlist("URL_COLUMNS")),
            settings["URL_SEPARATOR"],
            tuple(settings.getlist("CARRY_COLUMNS")),
            settings.getbool("REPAIR_URLS"),
        )


DEFAULTS = ListOptions()
