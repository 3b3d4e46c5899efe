"""Looks at the first lines of a list, and refuses what is no list of one URL per line."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence

from imagefetch.errors import InvalidURL, UnsupportedScheme
from imagefetch.line import Line
from imagefetch.lists.detection import COLUMN, JSON, delimiter_of, records
from imagefetch.lists.repair import is_url
from imagefetch.urls import request_url

CHARACTERS = 500
"""Characters of a line that are matched: matching may take time quadratic in the length."""

DELIMITERS = "\t,;|"

CRAWL = "scrapy crawl images -a urls"

FETCH = "curl -sL"
FIND_URLS = """grep -oE 'https?://[^"<> ]+'"""
FIND_STRINGS = """jq -r '.. | strings | select(test("^https?://"))'"""

# What a line of such a file matches, and what the format is called.
SHAPES = {
    re.compile(r"""\s*[{\[]\s*(?:["{\[\]}].*)?"""): "JSON",
    re.compile(r"""(["']).*\1,?|<[a-z]+://.*>"""): "URLs in quotes",
    re.compile(r"<.*"): "HTML or XML",
    re.compile(r".*\t.*"): "tab-separated columns",
    re.compile(r".*[,;|].*"): "CSV",
}

# The same for lines that are valid URLs, but not as they were meant.
TABLE = re.compile(r"https?://[^,;|\t\s]*(?:[,;|]|\t)\s*[^,;|\s]* .*|https?://\S*\t.*")

# The same for lines that probably are not as they were meant.
WRONG = {
    re.compile(r".+[\s,;|]\s*https?://.*"): "several URLs in a line",
    re.compile(r".*&amp;.*"): "URLs escaped for HTML: &amp; for &",
}


def refusal_of(lines: Sequence[Line], argument: str) -> str | None:
    """Return why *lines*, the first of a list, can't be meant as one URL each, and what to do; None
    if they may be.

    *argument*: what names the list on the command line, after ``-a urls=``
    """
    texts = [line.text for line in lines]
    urls = [line.text for line in lines if _is_url(line.url)]
    what = ""
    if not urls:
        what = _majority_format(SHAPES, texts)
    elif len(texts) == len(urls) + 1 and _is_header(texts[0], urls):
        what = "CSV"
    if not urls and not what and JSON.match("\n".join(texts)):
        what = "JSON"
    if not what:
        what = _majority_format({TABLE: "CSV"}, [line.url for line in lines if not line.part])
    if what:
        return (
            f"looks like {what}; a list has one URL per line, or is a table with a header: "
            f"{command_for(what, texts, argument)}"
        )
    if not urls and len(texts) > 1:
        return f"no URL in its first {len(texts)} lines; a list has one URL per line"
    return None


def warning_of(lines: Sequence[Line]) -> str | None:
    """Return a warning if most of *lines*, though valid URLs, look like another format, or None."""
    if sum(line.part is not None for line in lines) * 2 > len(lines):
        return "looks like several URLs in a line; each is fetched, as a part of its line"
    looks_like = _majority_format(WRONG, [line.url for line in lines if _is_url(line.url)])
    return f"looks like {looks_like}; each line is treated as one URL" if looks_like else None


def command_for(what: str, texts: Sequence[str], argument: str) -> str:
    """Return a command that fetches the list *argument* with the first lines *texts*, which looks
    like *what*; without *what*, the beginning of any."""
    argument = shlex.quote(argument)
    if not what:
        return f"{CRAWL}={argument}"
    if what == "HTML or XML":
        return f"{_filtered(argument, FIND_URLS)} | {CRAWL}=-"
    if what == "URLs in quotes":
        return f"{CRAWL}={argument} -s REPAIR_URLS=yes"
    if what == "JSON" and _is_table_of_json(texts):
        return f"{CRAWL}={argument} -s LIST_FORMAT=json"
    if what == "JSON":
        return f"{_filtered(argument, FIND_STRINGS)} | {CRAWL}=-"
    head = "".join(f"{text}\n" for text in texts)
    if delimiter_of(head):
        return f"{CRAWL}={argument} -s LIST_FORMAT=csv"
    delimiter = max(DELIMITERS, key=texts[-1].count)
    return header_command(next(iter(records(head, delimiter)), []), delimiter, argument)


def header_command(first: Sequence[str], delimiter: str, argument: str) -> str:
    """Return a command that fetches a table without a header, whose *first* record is given."""
    named = [f"column{at}" for at in range(1, len(first) + 1)]
    for at, cell in enumerate(first):
        if is_url(cell.strip()):
            named[at] = "url"
            break
    header = shlex.quote(delimiter.join(named).replace("\t", "\\t"))
    source = f"{FETCH if '://' in argument else 'cat'} {argument}"
    return f"(printf '%b\\n' {header}; {source}) | {CRAWL}=- -s LIST_FORMAT=csv"


def _filtered(argument: str, program: str) -> str:
    """Return a command that writes what *program* finds in the list *argument*."""
    if "://" in argument:
        return f"{FETCH} {argument} | {program}"
    return f"{program} {argument}"


def _is_table_of_json(texts: Sequence[str]) -> bool:
    """Whether the first lines *texts* are of an array, or an object each."""
    if not texts or texts[0].lstrip().startswith("["):
        return bool(texts)
    try:
        return isinstance(json.loads(texts[0]), dict)
    except (ValueError, RecursionError):
        return False


def _is_url(text: str) -> bool:
    try:
        request_url(text)
    except InvalidURL:
        return False
    except UnsupportedScheme:
        pass  # still a URL
    return True


def _is_header(first: str, urls: Sequence[str]) -> bool:
    """Whether *first* is a header that names the columns of the other lines, *urls*."""
    for delimiter in DELIMITERS:
        cells = first.split(delimiter)
        if len(cells) > 1 and any(map(COLUMN.search, cells)) and not _is_url(first):
            return sum(delimiter in url for url in urls) > len(urls) / 2
    return False


def _majority_format(shapes: dict[re.Pattern[str], str], lines: Sequence[str]) -> str:
    """Return the format that more than half of *lines* match; empty if there is none."""
    for pattern, name in shapes.items():
        if sum(pattern.fullmatch(line[:CHARACTERS]) is not None for line in lines) > len(lines) / 2:
            return name
    return ""
