"""Shows every setting with its value, default, unit and meaning; writes ``imagefetch.toml``."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from imagefetch import settings
from imagefetch.config.rules.numbers import SIZES, TIMES, Number
from imagefetch.config.rules.setting_rules import RULES

UNITS = {
    "SHARD_SIZE": "lines",
    "LOOKAHEAD": "lines",
    "CONCURRENT_REQUESTS": "requests",
    "CONCURRENT_REQUESTS_PER_DOMAIN": "requests",
    "RETRY_TIMES": "retries",
    "BREAKER_FAILURES": "connections",
    "REDIRECT_MAX_TIMES": "redirects",
    "MIN_SPEED": "bytes per second",
    "MAX_IMAGE_PIXELS": "pixels",
    "MIN_WIDTH": "pixels",
    "MIN_HEIGHT": "pixels",
    "MAX_PIXELS": "pixels",
    "MAX_ASPECT_RATIO": "ratio",
    "PLACEHOLDER_REPEATS": "URLs",
    "FSYNC": "rows",
    "CONTACT_SHEET": "images",
}
"""Units of numbers that are no sizes or times."""

HEAD = """\
# Settings of the command `imagefetch` in this folder. Remove the "# " before a name to change
# its value; what is shown is the default. Sizes may be written as "10MiB", times as "2m".
"""


def unit(name: str) -> str:
    """Return the unit of the setting *name*; empty if it is no number."""
    rule = RULES[name]
    if not isinstance(rule, Number):
        return ""
    return UNITS.get(name) or {id(SIZES): "bytes", id(TIMES): "seconds"}[id(rule.units)]


def meanings() -> dict[str, str]:
    """Return the comments of `imagefetch.settings`, by the names of the settings below each."""
    found = {}
    for block in inspect.getsource(settings).split("\n\n"):
        comments = re.match(r"(?:# .*\n)*", block)
        text = comments[0].rstrip("\n") if comments else ""
        for name in re.findall(r"^([A-Z_]+)(?:: .+?)? = ", block, re.MULTILINE):
            found[name] = text
    return found


def toml(value: Any) -> str:
    """Return *value* as TOML on one line."""
    if isinstance(value, Mapping):
        items = (f"{json.dumps(str(key))} = {toml(each)}" for key, each in value.items())
        return f"{{ {', '.join(items)} }}" if value else "{}"
    if isinstance(value, list | tuple | set):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(str(value), ensure_ascii=False)


def listing(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each setting: its value of *values*, its default and its unit."""
    for name in RULES:
        notes = [f"default {toml(getattr(settings, name))}", *filter(None, [unit(name)])]
        yield f"{name} = {toml(values[name])}  # {'; '.join(notes)}"


def template() -> str:
    """Return an ``imagefetch.toml`` of comments: every setting, its default and its unit."""
    meaning = meanings()
    text, above = HEAD, None
    for name in RULES:
        if meaning[name] != above:
            above = meaning[name]
            text += f"\n{above}\n"
        text += (
            f"# {name} = {toml(getattr(settings, name))}{f'  # {unit(name)}' * bool(unit(name))}\n"
        )
    return text
