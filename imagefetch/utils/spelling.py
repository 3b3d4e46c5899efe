"""Detects misspelt names and suggests the known name that was meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings, default_settings

from imagefetch.errors import BadInput

CLOSE = 0.82
"""Minimum similarity (`difflib`) at which an unknown name counts as misspelt. High, since
third-party middlewares have settings with names of their own."""

# Settings that Scrapy and related packages read, but that have no default.
OTHERS = {
    "CONCURRENT_REQUESTS_PER_IP",
    "FILES_RESULT_FIELD",
    "FILES_URLS_FIELD",
    "META_COPY_WARN_SKIP_KEYS",
    "SETTINGS_MODULE",
}


def meant(name: str, known: Collection[str], close: float = CLOSE) -> str | None:
    """Return the name in *known* that is most similar to *name*; None if none is *close*."""
    normalized = {_normalized(each): each for each in known}
    matches = difflib.get_close_matches(_normalized(name), normalized, 1, close)
    return normalized[matches[0]] if matches else None


def did_you_mean(name: str, known: Collection[str], close: float = 0.6) -> str:
    """Return ``; did you mean …?`` for an error message about *name*; empty without a match.

    Only for names that are rejected in any case: distant names are suggested, too.
    """
    suggestion = meant(name, known, close)
    return f"; did you mean {suggestion}?" if suggestion else ""


def _normalized(name: str) -> str:
    return name.casefold().replace("-", "_")


def misspelt(settings: BaseSettings, known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield each unknown setting that resembles a known one, and the known one."""
    from imagefetch import settings as project

    known = {*known, *vars(default_settings), *vars(project), *OTHERS}
    known = {name for name in known if name.isupper()}
    for name in settings:
        if name not in known and isinstance(name, str) and (close := meant(name, known)):
            yield name, close


def check_names(settings: BaseSettings, known: Collection[str]) -> None:
    """:raises BadInput: if a setting given for this run is unknown, but resembles a known one"""
    for name, close in misspelt(settings, known):
        if (settings.getpriority(name) or 0) > SETTINGS_PRIORITIES["project"]:
            raise BadInput(
                f"setting {name}: there is no such setting; did you mean {close}? "
                "(put a setting of your own into imagefetch/settings.py)"
            )
