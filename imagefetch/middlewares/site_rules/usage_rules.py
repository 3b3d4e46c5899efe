"""Reads the rules of a robots.txt about the use of content: Content-Usage and Content-Signal.

A rule may begin with a path pattern; of those that match, the longest one counts, and of equally
long ones one that opts out (https://datatracker.ietf.org/doc/draft-ietf-aipref-attach/).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from imagefetch.download.opt_outs.preferences import Preferences
from imagefetch.middlewares.site_rules.path_patterns import PathPattern, PatternList

RULE = re.compile(r"\s*(content-usage|content-signal)\s*:\s*(.*)", re.IGNORECASE)

UsageRules = Mapping[str, PatternList[str]]
"""By the name of a field: the signal by which each pattern opts out, empty if it does not."""

NO_RULES: UsageRules = MappingProxyType({})


def usage_rules(lines: Iterable[str], preferences: Preferences) -> UsageRules:
    """Return the rules among *lines*, those of one robot in a robots.txt."""
    found: dict[str, list[tuple[int, str, PathPattern]]] = {}
    for line in lines:
        match = RULE.match(line)
        if match is None or (field := match[1].lower()) not in preferences.uses:
            continue
        path, value = "", match[2]
        if value.startswith("/"):
            path, _, value = re.sub(r"\s", " ", value).partition(" ")
        signal = preferences.signal(field, value) or ""
        found.setdefault(field, []).append((len(path), signal, PathPattern.of(path)))
    for rules in found.values():
        rules.sort(key=lambda rule: rule[:2], reverse=True)
    return {
        field: PatternList((pattern, signal) for _, signal, pattern in rules)
        for field, rules in found.items()
    }
