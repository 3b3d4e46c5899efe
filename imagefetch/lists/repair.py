"""Repairs URLs that are written as a page, a table or a program writes them.

A text is repaired only if it is then a URL, and if no other URL can be meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from imagefetch.errors import InvalidURL, UnsupportedScheme
from imagefetch.line import Line
from imagefetch.urls import PLAIN_URL, request_url

BLANK = " \t\r\n\f\v\u00a0"
INVISIBLE = "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060" + "".join(map(chr, range(0x202A, 0x202F)))
"""Characters without width, as they are left over from joined files and copied pages."""

QUOTES = {'"': '"', "'": "'", "`": "`", "<": ">", "“": "”", "‘": "’", "«": "»"}

AMPERSAND = re.compile(r"&(?:amp|#0{0,5}38|#x0{0,4}26);", re.I)
"""An ampersand, escaped for HTML."""

BEGINNING = re.compile(r"https?://[^/\\]", re.I)

WITHOUT_SCHEME = re.compile(r"//(?=[^/?#]*[.:\]])|(?=www\.[^/?#]*\.)", re.I)
"""Matches the beginning of a URL without its scheme."""


def is_url(text: str) -> bool:
    """Whether *text* is an http or https URL."""
    if not BEGINNING.match(text):
        return False
    try:
        request_url(text)
    except (InvalidURL, UnsupportedScheme):
        return False
    return True


def repaired(text: str) -> str:
    """Return the URL that *text* stands for; empty if it is one, or can't be repaired."""
    url = text.strip(INVISIBLE + BLANK)
    quoted = url.rstrip(",;")
    if len(quoted) > 1 and QUOTES.get(quoted[0]) == quoted[-1]:
        url = quoted[1:-1].strip(INVISIBLE + BLANK)
    if missing := WITHOUT_SCHEME.match(url):
        url = f"http://{url[missing.end() :]}"  # a server that wants https redirects to it
    while (unescaped := AMPERSAND.sub("&", url)) != url:
        url = unescaped
    return url if url != text and is_url(url) else ""


def pieces(text: str) -> list[str]:
    """Return the URLs in the line *text*, if there are several; the line itself if not.

    White space and ``|`` separate them, as no URL has these; commas and semicolons with white
    space after them, too.
    """
    for mark in "|,; ":
        if mark in text:
            parts = text.split() if mark == " " else text.split(mark)
            spaced = mark in "| " or all(part[:1] in BLANK for part in parts[1:])
            parts = [stripped for part in parts if (stripped := part.strip())]
            if len(parts) > 1 and spaced and all(is_url(repaired(part) or part) for part in parts):
                return parts
    return [text]


def repaired_lines(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield *lines*, each with the URL that it stands for; a line of several URLs in parts."""
    for line in lines:
        if PLAIN_URL.fullmatch(line.text):
            yield line
            continue
        texts = pieces(line.text)
        for part, text in enumerate(texts, 1):
            yield Line(line.number, text, part if len(texts) > 1 else None, repaired=repaired(text))
