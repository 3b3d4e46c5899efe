"""Misspelt names: which known one was meant?"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings, default_settings

from imagefetch.errors import BadInput

CLOSE = 0.82
"""Share of the letters of two names that both have, from which one may be meant by the other.
Middlewares have settings of their own, with names of any kind."""

# Scrapy and its neighbours read these, and give them no default.
OTHERS = {
    "CONCURRENT_REQUESTS_PER_IP",
    "FILES_RESULT_FIELD",
    "FILES_URLS_FIELD",
    "META_COPY_WARN_SKIP_KEYS",
    "SETTINGS_MODULE",
}


def meant(name: str, known: Collection[str], close: float = CLOSE) -> str | None:
    """Return the one of *known* that *name* is close to, if any."""
    plain = {_plain(each): each for each in known}
    found = difflib.get_close_matches(_plain(name), plain, 1, close)
    return plain[found[0]] if found else None


def did_you_mean(name: str, known: Collection[str], close: float = 0.6) -> str:
    """Return a question to be put into a sentence about *name*; empty if none of *known* is close.

    Only for names that are refused in any case, since even distant ones are asked for.
    """
    found = meant(name, known, close)
    return f"; did you mean {found}?" if found else ""


def _plain(name: str) -> str:
    return name.casefold().replace("-", "_")


def misspelt(settings: BaseSettings, known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield each setting that nobody knows, and the known one that it is close to."""
    from imagefetch import settings as project

    known = {*known, *vars(default_settings), *vars(project), *OTHERS}
    known = {name for name in known if name.isupper()}
    for name in settings:
        if name not in known and isinstance(name, str) and (close := meant(name, known)):
            yield name, close


def check_names(settings: BaseSettings, known: Collection[str]) -> None:
    """:raises BadInput: if a setting that was given for this run is close to one of *known*"""
    for name, close in misspelt(settings, known):
        if (settings.getpriority(name) or 0) > SETTINGS_PRIORITIES["project"]:
            raise BadInput(
                f"setting {name}: there is no such setting; did you mean {close}? "
                "(one of your own goes into imagefetch/settings.py)"
            )
