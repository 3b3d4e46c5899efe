"""robots.txt (RFC 9309), reduced to what concerns one robot.

A file of 57 KB that names 2,000 robots for 2,000 rules is 4 million rules to a parser. What is
left here holds each rule of one robot's group, once.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Bytes that are read of a robots.txt, as sent and as decoded; what follows does not count. At
# least 500 KiB must (RFC 9309, section 2.5).
MOST = 512 * 1024

# A line that names a robot, in the spellings that Scrapy's parsers understand.
AGENT = re.compile(r"\s*user[- ]?agent\s*[:\s]\s*(.*)", re.IGNORECASE)

# What does not belong to a group.
SITE_WIDE = re.compile(r"\s*(?:sitemaps?|site-map|host)\s*[:\s]", re.IGNORECASE)

# A line that ends the names of a group.
RULE = re.compile(r"[^:]*:|\s*(?:dis|all|crawl|request|visit)\w*\s", re.IGNORECASE)


class Rules(NamedTuple):
    """What a robots.txt says to one robot."""

    text: bytes = b""
    """A robots.txt of the group that applies, as one for all robots, and of what belongs to
    no group."""
    lines: int = 0
    """Of rules."""
    wildcards: int = 0
    """In these."""


def reduce(body: bytes, robot: str) -> Rules:
    """Return what *body* says to *robot*, a User-Agent.

    The group that applies is that of the longest name that is found in *robot*, at the beginning
    of a word, as Protego has it, else that of ``*``. Groups of one name are one group (RFC 9309,
    section 2.2.1).
    """
    lines = [line.partition("#")[0].strip() for line in _text(body).splitlines()]
    robot = robot.lower()
    named = {_name(match) for line in lines if (match := AGENT.match(line))}
    own = max((name for name in named if _applies(name, robot)), key=len, default="*")
    rules: dict[str, None] = {}
    wide: list[str] = []
    applies = naming = False
    for line in lines:
        if match := AGENT.match(line):
            applies = (applies and naming) or _name(match) == own
            naming = True
        elif SITE_WIDE.match(line):
            wide.append(line)
        elif line:
            naming = naming and not RULE.match(line)
            if applies:
                rules[line] = None
    text = "\n".join(["User-agent: *", *rules, *wide, ""]).encode()
    return Rules(text, len(rules), sum(rule.count("*") for rule in rules))


def _text(body: bytes) -> str:
    """Return *body* as text, without a line that is cut off at `MOST`."""
    if len(body) > MOST:
        body = body[:MOST]
        body = body[: max(body.rfind(b"\n"), body.rfind(b"\r"), 0)]
    return body.decode("utf-8-sig", errors="ignore")


def _name(match: re.Match[str]) -> str:
    name = match[1].strip().lower()
    return name if name == "*" else name.replace("*", "")


def _applies(name: str, robot: str) -> bool:
    place = robot.find(name) if name else -1
    while place > 0 and (robot[place - 1].isalnum() or robot[place - 1] in "-_"):
        place = robot.find(name, place + 1)
    return place >= 0
