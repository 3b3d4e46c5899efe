"""Reads requirements files."""

from __future__ import annotations

import re
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(path: Path) -> dict[str, str]:
    """Return the requirements of the file at *path* and of those it includes, by distribution."""
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        requirement = line.partition("#")[0].strip()
        if requirement.startswith("-r "):
            found |= declared(path.parent / requirement.removeprefix("-r "))
        elif name := NAME.match(requirement):
            found[normalized(name[0])] = requirement
    return found
