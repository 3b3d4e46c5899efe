"""Reads preferences about the use of content: of the fields Content-Usage and Content-Signal.

Both are a response header and a rule of robots.txt with the same syntax.

- Content-Usage: a dictionary of structured fields (RFC 9651, section 3.2) whose values are ``y``
  and ``n``: ``train-ai=n, search=y`` (https://datatracker.ietf.org/doc/draft-ietf-aipref-vocab/).
  If it can't be parsed, there is no preference.
- Content-Signal: ``search=yes, ai-train=no`` (https://contentsignals.org/). It has no strict
  grammar, so that blanks and other separators are accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from imagefetch.download.opt_outs.signals import CONTENT_SIGNAL, CONTENT_USAGE, USES

# The grammar of RFC 9651, sections 3.1 to 3.3. The groups are atomic: matching is linear.
KEY = r"[a-z*][a-z0-9_.*-]*+"
TOKEN = r"[A-Za-z*][!#$%&'*+.^_`|~:/0-9A-Za-z-]*+"
TEXT = r'"(?>(?:[^"\\\x00-\x1f\x7f-\xff]|\\["\\])*)"'
OTHER = r"@?-?[0-9]+(?:\.[0-9]+)?|:[A-Za-z0-9+/=]*+:|\?[01]"
BARE = rf"(?:{TOKEN}|%?{TEXT}|{OTHER})"
PARAMETERS = rf"(?>(?: *+; *+{KEY}(?:={BARE})?)*)"
INNER_LIST = rf"\( *+(?>(?:{BARE}{PARAMETERS}(?: ++|(?=\))))*)\)"
MEMBER = re.compile(rf"({KEY})(?:=(?:({BARE})|{INNER_LIST}))?{PARAMETERS}")
SEPARATOR = re.compile(r"[ \t]*+,[ \t]*+")

SIGNAL = re.compile(r"([a-z-]+)\s*+=\s*+([a-z]+)")


class Preferences:
    """The uses of OPT_OUT_SIGNALS that a preference may opt out of."""

    def __init__(self, signals: Iterable[str]) -> None:
        chosen = set(signals)
        self.uses = {
            field: kept
            for field, uses in USES.items()
            if (kept := tuple(use for use in uses if f"{field}:{use}" in chosen))
        }
        """By the name of a field: the uses that count, without fields that have none."""

    def signal(self, field: str, value: str) -> str | None:
        """Return the signal by which *value* of *field* opts out; None if it does not."""
        refused = REFUSED[field](value)
        use = next((use for use in self.uses.get(field, ()) if use in refused), None)
        return use and f"{field}:{use}"


def _refused_usage(text: str) -> set[str]:
    """Return the keys whose last value is ``n``; none if *text* is no dictionary."""
    text, position, values = text.strip(" "), 0, dict[str, str | None]()
    while match := MEMBER.match(text, position):
        values[match[1]] = match[2]
        position = match.end()
        if position == len(text):
            return {key for key, value in values.items() if value == "n"}
        if (separator := SEPARATOR.match(text, position)) is None:
            break
        position = separator.end()
    return set()


def _refused_signals(text: str) -> set[str]:
    return {use for use, value in SIGNAL.findall(text.lower()) if value == "no"}


REFUSED = {CONTENT_USAGE: _refused_usage, CONTENT_SIGNAL: _refused_signals}
"""By the name of a field: returns the uses that a value opts out of."""
