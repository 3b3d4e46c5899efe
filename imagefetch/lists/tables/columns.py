"""Chooses the columns of a table that hold URLs, and those that the report carries."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase

from imagefetch.errors import BadInput
from imagefetch.lists.options import AUTO
from imagefetch.lists.tables.cells import holds_url

USUAL = frozenset(
    f"{prefix}{name}{plural}"
    for prefix, names in {
        "": ("url", "uri", "image", "img", "link", "src", "href", "identifier", "picture", "photo"),
        "image": ("url", "uri", "link", "src", "href", "path", "file"),
        "img": ("url", "uri", "link", "src", "href"),
        "picture": ("url", "link", "src"),
        "photo": ("url", "link", "src"),
        "media": ("url", "link"),
        "file": ("url",),
        "download": ("url",),
        "content": ("url",),
        "access": ("uri", "url"),
    }.items()
    for name in names
    for plural in ("", "s")
)
"""Usual names of the column with the URLs, without case and anything but letters and digits."""

SHOWN = 20
"""Columns that a message names."""


def url_columns(
    names: Sequence[str],
    wanted: Sequence[str],
    sample: Sequence[Sequence[str]],
    split: Callable[[str], list[str]],
) -> list[int]:
    """Return the positions of the columns with URLs.

    :param names: names of all columns
    :param wanted: names or patterns (``image_*``), in any case; or "auto"
    :param sample: the cells of the first records
    :param split: returns the URLs in a cell
    :raises BadInput: if there is none, or for "auto" not exactly one
    """
    if [name.casefold() for name in wanted] != [AUTO]:
        return _matching(names, wanted, "URL_COLUMNS")
    usual = [position for position, name in enumerate(names) if is_usual(name)]
    found = [position for position in usual if _has_urls(position, sample, split)]
    if len(found) == 1:
        return found
    others = [at for at in range(len(names)) if _has_urls(at, sample, split)]
    shown = ", ".join(map(repr, names[:SHOWN])) + ", …" * (len(names) > SHOWN)
    if not others:
        raise BadInput(f"no column holds URLs; its columns: {shown}")
    which = " or ".join(f"-s URL_COLUMNS={shlex.quote(names[at])}" for at in (found or others)[:3])
    problem = (
        "more than one column may be the one with the URLs"
        if found
        else ("no column with a usual name holds URLs")
    )
    raise BadInput(f"{problem}; name it with {which}; its columns: {shown}")


def carried_columns(
    names: Sequence[str], wanted: Sequence[str], url_positions: Sequence[int]
) -> list[int]:
    """Return the positions of the columns that the report carries.

    :param wanted: names or patterns; or "all" but those with URLs; or "none"
    :raises BadInput: if a name matches no column
    """
    word = wanted[0].casefold() if len(wanted) == 1 else ""
    if word == "none" or not wanted:
        return []
    if word == "all":
        return [at for at in range(len(names)) if at not in url_positions]
    return sorted(_matching(names, wanted, "CARRY_COLUMNS"))


def _matching(names: Sequence[str], wanted: Sequence[str], setting: str) -> list[int]:
    found: dict[int, None] = {}
    for pattern in wanted:
        if not (matching := list(_positions(names, pattern))):
            shown = ", ".join(map(repr, names[:SHOWN])) + ", …" * (len(names) > SHOWN)
            raise BadInput(f"setting {setting}: no column is named {pattern!r}; columns: {shown}")
        found |= dict.fromkeys(matching)
    return list(found)


def _positions(names: Sequence[str], pattern: str) -> Iterator[int]:
    """Yield the column of the name *pattern*; if there is none, those that it matches."""
    if pattern in names:
        yield names.index(pattern)
        return
    for position, name in enumerate(names):
        if fnmatchcase(name.casefold(), pattern.casefold()):
            yield position


def is_usual(name: str) -> bool:
    """Whether a column of this *name* usually holds URLs."""
    return re.sub(r"[\W_]", "", name.casefold()) in USUAL


def _has_urls(
    position: int, sample: Sequence[Sequence[str]], split: Callable[[str], list[str]]
) -> bool:
    """Whether most of the column's cells that are not blank hold nothing but URLs."""
    found = [urls for record in sample if (urls := split(record[position]))]
    return sum(all(map(holds_url, urls)) for urls in found) * 2 > len(found)
