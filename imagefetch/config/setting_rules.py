"""Which values the settings may have that users are told of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from scrapy.settings import BaseSettings, default_settings

from imagefetch.config.header_values import Headers, HeaderText
from imagefetch.config.scrapy_rules import check_scrapy_settings
from imagefetch.config.setting_values import (
    COUNTS,
    NOT_ALLOWED,
    SIZES,
    TIMES,
    Choice,
    Contact,
    Networks,
    Number,
    Rule,
    Statuses,
    Switch,
    Template,
    Text,
    Types,
    Words,
    seconds,
    size,
)
from imagefetch.errors import BadInput
from imagefetch.utils.spelling import check_names, misspelt

DAY = 86_400

RULES: dict[str, Rule] = {
    "INPUT_URLS": Text(),
    "INPUT_URLS_MAXSIZE": size(0, 2**50),
    "SHARD_SIZE": Number(1, 1_000_000),
    "LOOKAHEAD": Number(1, 100_000),
    "CONCURRENT_REQUESTS": Number(1, 10_000),
    "CONCURRENT_REQUESTS_PER_DOMAIN": Number(1, 10_000),
    "PACE_ENABLED": Switch(),
    "DOWNLOAD_DELAY": seconds(0, DAY),
    "USER_AGENT": HeaderText(),
    "CONTACT": Contact(),
    "DEFAULT_REQUEST_HEADERS": Headers(),
    "ROBOTSTXT_OBEY": Switch(),
    "OPT_OUT_DIRECTIVES": Words(),
    "RETRY_TIMES": Number(0, 100),
    "RETRY_DELAY": seconds(0, DAY),
    "RETRY_MAX_DELAY": seconds(0, DAY),
    "RETRY_AFTER_MAX": seconds(0, 30 * DAY),
    "RETRY_HTTP_CODES": Statuses(),
    "BREAKER_FAILURES": Number(0, 1_000_000),
    "REDIRECT_MAX_TIMES": Number(0, 100),
    "CONNECT_TIMEOUT": seconds(0.001, DAY),
    "RESPONSE_TIMEOUT": seconds(0.001, DAY),
    "MIN_SPEED": size(0, 2**40),
    "MIN_SPEED_WINDOW": seconds(0.001, DAY),
    "DOWNLOAD_TIMEOUT": seconds(0.001, DAY),
    "ALLOWED_NETWORKS": Networks(),
    "DNS_NEGATIVE_TTL": seconds(0, DAY),
    "DOWNLOAD_MAXSIZE": size(0, 2**50),
    "DOWNLOAD_VERIFY_CERTIFICATES": Switch(),
    "VERIFY_IMAGES": Choice(("header", "full", "off")),
    "MAX_IMAGE_PIXELS": Number(1, 2_000_000_000),
    "KEEP_DAMAGED": Switch(),
    "MIN_WIDTH": Number(0, 2**31),
    "MIN_HEIGHT": Number(0, 2**31),
    "MAX_PIXELS": Number(0, 2**62),
    "MAX_ASPECT_RATIO": Number(0, 2**31, whole=False),
    "MIN_BYTES": size(0, 2**50),
    "ALLOWED_TYPES": Types(),
    "PLACEHOLDER_REPEATS": Number(0, 1_000_000_000),
    "FILES_STORE": Text(),
    "FILES_NAME": Template(),
    "REPORT": Text(),
    "JOBS_FOLDER": Text(),
    "FSYNC": Number(0, 1_000_000_000),
    "HTML_REPORT": Switch(),
    "HTML_REPORT_INTERVAL": seconds(0.1, DAY),
    "CONTACT_SHEET": Number(0, 1_000),
    "PROGRESS": Choice(("auto", "off")),
    "PROGRESS_INTERVAL": seconds(0.1, DAY),
    "LOG_LEVEL": Choice(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
}
"""Every setting that this project's users are told of, in data order."""


def _of_scrapy(name: str, default: object) -> Rule | None:
    """Return the rule for a setting of Scrapy's own; None where its default tells too little."""
    if isinstance(default, bool):
        return Switch()
    if not isinstance(default, int | float):
        return None
    units = COUNTS
    if re.search("TIMEOUT|DELAY|INTERVAL|_SECS", name):
        units = TIMES
    elif "SIZE" in name:
        units = SIZES
    whole = isinstance(default, int) and units is not TIMES
    return Number(-(2**62), 2**62, whole=whole, units=units)


OF_SCRAPY = {
    name: rule
    for name, default in vars(default_settings).items()
    if name not in RULES and (rule := _of_scrapy(name, default)) is not None
}
"""Rules for switches and numbers among Scrapy's own settings, where they are given as text."""

NEED_A_SIZE = ("MIN_WIDTH", "MIN_HEIGHT", "MAX_PIXELS", "MAX_ASPECT_RATIO")


def check_settings(settings: BaseSettings) -> None:
    """Check every setting of `RULES`, and let *settings* hold each as the program reads it.

    Scrapy's own switches and numbers are understood in the same way. A name that is close to a
    known one is refused where it was given for this run.

    :raises BadInput: naming setting, value and what is allowed
    """
    check_names(settings, {*RULES})
    written = {name: settings.get(name) for name in NEED_A_SIZE}
    for name, rule in RULES.items():
        _understand(settings, name, rule)
    for name, rule in OF_SCRAPY.items():
        if isinstance(settings.get(name), str):
            with suppress(BadInput):  # what is not understood is refused below
                _understand(settings, name, rule)
    check_scrapy_settings(settings, RULES)
    _check_together(settings, written)


def _understand(settings: BaseSettings, name: str, rule: Rule) -> None:
    value = settings.get(name)
    try:
        read = rule.read(value)
    except BadInput as error:
        raise BadInput(f"setting {name}{error}") from error
    except NOT_ALLOWED as error:
        hint = _hint(settings, name) if value is None else ""
        raise BadInput(f"setting {name} = {value!r}: must be {rule.allowed}{hint}") from error
    if read is not value:
        settings.set(name, read, priority=settings.getpriority(name) or 0)


def _hint(settings: BaseSettings, name: str) -> str:
    """Return what may be meant to be the setting *name*, which has no value."""
    meant = [other for other, known in misspelt(settings, RULES) if known == name]
    return f"; is {meant[0]} meant to be it?" if meant else ""


def _check_together(settings: BaseSettings, written: Mapping[str, Any]) -> None:
    """Look at settings that were understood, and at some of them as they were *written*.

    :raises BadInput: if two settings can't hold at once"""
    if settings["VERIFY_IMAGES"] == "off":
        for name in NEED_A_SIZE:
            if settings.getfloat(name):
                raise BadInput(
                    f"setting {name} = {written[name]!r}: needs sizes, which are not found "
                    "with VERIFY_IMAGES = 'off'; set that to 'header'"
                )


def check_words(settings: BaseSettings, words: Iterable[str]) -> None:
    """Check that ``-s NAME=VALUE`` can be set at all.

    :raises BadInput: naming setting, value and what is allowed
    """
    copy = settings.copy()
    for word in words:
        name, equals, value = word.partition("=")
        try:
            copy.set(name, value)
        except (ValueError, TypeError, AttributeError):  # no JSON, or not that of a dictionary
            equals = ""
        if not equals:
            allowed = RULES[name].allowed if name in RULES else "of the setting's own kind"
            raise BadInput(f"setting {name} = {value!r}: must be {allowed}, given as NAME=VALUE")
