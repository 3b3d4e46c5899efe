"""Reads /.well-known/tdmrep.json: for which paths an origin reserves text and data mining.

It is a JSON array of objects with ``location``, a path pattern, and ``tdm-reservation``, 1 or 0; of
the patterns that match, the first one counts (TDM Reservation Protocol, Community Group Report,
https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from imagefetch.middlewares.site_rules.path_patterns import PathPattern, PatternList

PATH = "/.well-known/tdmrep.json"

RESERVATIONS = {"0": False, "1": True}
"""What values mean, as text; others are errors, and their rules are ignored."""


def reservations(body: bytes) -> PatternList[bool]:
    """Return whether each pattern of a tdmrep.json is reserved; nothing if it is malformed."""
    try:
        rules = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return PatternList()
    return PatternList(_valid(rules) if isinstance(rules, list) else ())


def _valid(rules: list[object]) -> Iterator[tuple[PathPattern, bool]]:
    for rule in rules:
        if isinstance(rule, dict) and isinstance(location := rule.get("location"), str):
            value = rule.get("tdm-reservation")
            reserved = RESERVATIONS.get(str(value)) if isinstance(value, int | str) else None
            if reserved is not None:
                yield PathPattern.of(location), reserved
