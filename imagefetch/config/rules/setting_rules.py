"""Defines and checks the values that documented settings may have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from scrapy.settings import BaseSettings, default_settings

from imagefetch.config.rules.header_values import Headers, HeaderText, HostHeaders, Referer
from imagefetch.config.rules.image_types import Types
from imagefetch.config.rules.lists import Choices, Names, Networks, Separator, Statuses, Words
from imagefetch.config.rules.numbers import COUNTS, SIZES, TIMES, Number, seconds, size
from imagefetch.config.rules.rule import NOT_ALLOWED, Rule
from imagefetch.config.rules.scrapy_rules import check_scrapy_settings
from imagefetch.config.rules.setting_values import Choice, Contact, Switch, Template, Text
from imagefetch.download.opt_outs.signals import SIGNALS
from imagefetch.errors import BadInput
from imagefetch.lists.options import FORMATS
from imagefetch.utils.spelling import check_names, misspelt

DAY = 86_400

RULES: dict[str, Rule] = {
    "INPUT_URLS": Text(),
    "INPUT_URLS_MAXSIZE": size(0, 2**50),
    "LIST_FORMAT": Choice(FORMATS),
    "URL_COLUMNS": Names(),
    "URL_SEPARATOR": Separator(),
    "CARRY_COLUMNS": Names(empty=True),
    "REPAIR_URLS": Switch(),
    "SHARD_SIZE": Number(1, 1_000_000),
    "LOOKAHEAD": Number(1, 100_000),
    "CONCURRENT_REQUESTS": Number(1, 10_000),
    "CONCURRENT_REQUESTS_PER_DOMAIN": Number(1, 10_000),
    "PACE_ENABLED": Switch(),
    "DOWNLOAD_DELAY": seconds(0, DAY),
    "USER_AGENT": HeaderText(),
    "CONTACT": Contact(),
    "DEFAULT_REQUEST_HEADERS": Headers(),
    "REFERER": Referer(),
    "HOST_HEADERS": HostHeaders(),
    "NETRC": Switch(),
    "ROBOTSTXT_OBEY": Switch(),
    "OPT_OUT_SIGNALS": Choices(SIGNALS),
    "OPT_OUT_DIRECTIVES": Words(),
    "RETRY_TIMES": Number(0, 100),
    "RETRY_DELAY": seconds(0, DAY),
    "RETRY_MAX_DELAY": seconds(0, DAY),
    "RETRY_AFTER_MAX": seconds(0, 30 * DAY),
    "RATE_LIMIT_PATIENCE": seconds(0, 30 * DAY),
    "RETRY_HTTP_CODES": Statuses(),
    "BREAKER_FAILURES": Number(0, 1_000_000),
    "BREAKER_PATIENCE": seconds(0, 30 * DAY),
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
    "HTTP_VERSION": Choice(("auto", "1.1", "3")),
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
"""Rules of every documented setting, in the order in which a run uses them."""


def _scrapy_rule(name: str, default: object) -> Rule | None:
    """Return the rule for a setting of Scrapy's; None if its default is no switch or number."""
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


SCRAPY_RULES = {
    name: rule
    for name, default in vars(default_settings).items()
    if name not in RULES and (rule := _scrapy_rule(name, default)) is not None
}
"""Rules for Scrapy's own switches and numbers, applied where they are given as text."""

NEED_A_SIZE = ("MIN_WIDTH", "MIN_HEIGHT", "MAX_PIXELS", "MAX_ASPECT_RATIO")


def check_settings(settings: BaseSettings) -> None:
    """Check every setting of `RULES`, and replace each value in *settings* by the parsed one.

    Scrapy's own switches and numbers are parsed in the same way. A name that looks like a
    misspelling of a known one is refused if it was given for this run.

    :raises BadInput: naming the setting, its value and what is allowed
    """
    check_names(settings, {*RULES})
    written = {name: settings.get(name) for name in NEED_A_SIZE}
    for name, rule in RULES.items():
        _parse(settings, name, rule)
    for name, rule in SCRAPY_RULES.items():
        if isinstance(settings.get(name), str):
            with suppress(BadInput):  # check_scrapy_settings refuses it
                _parse(settings, name, rule)
    check_scrapy_settings(settings, RULES)
    _check_together(settings, written)


def _parse(settings: BaseSettings, name: str, rule: Rule) -> None:
    value = settings.get(name)
    try:
        parsed = rule.read(value)
    except BadInput as error:
        raise BadInput(f"setting {name}{error}") from error
    except NOT_ALLOWED as error:
        hint = _hint(settings, name) if value is None else ""
        raise BadInput(f"setting {name} = {value!r}: must be {rule.allowed}{hint}") from error
    if parsed is not value:
        settings.set(name, parsed, priority=settings.getpriority(name) or 0)


def _hint(settings: BaseSettings, name: str) -> str:
    """Return a hint that names the misspelling of *name*, which has no value."""
    meant = [other for other, known in misspelt(settings, RULES) if known == name]
    return f"; is {meant[0]} meant to be it?" if meant else ""


def _check_together(settings: BaseSettings, written: Mapping[str, Any]) -> None:
    """Check combinations of parsed settings; messages show them as they were *written*.

    :raises BadInput: if two settings contradict each other
    """
    if settings["VERIFY_IMAGES"] == "off":
        for name in NEED_A_SIZE:
            if settings.getfloat(name):
                raise BadInput(
                    f"setting {name} = {written[name]!r}: needs sizes, which are not read "
                    "with VERIFY_IMAGES = 'off'; set VERIFY_IMAGES to 'header'"
                )


def check_assignments(settings: BaseSettings, assignments: Iterable[str]) -> None:
    """Check that Scrapy can set each ``-s NAME=VALUE``.

    :raises BadInput: naming the setting, its value and what is allowed
    """
    copy = settings.copy()
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not name:
            raise BadInput(f"argument -s {assignment}: must be NAME=VALUE")
        try:
            copy.set(name, value)
        except (ValueError, TypeError, AttributeError):  # not JSON, or not of a dictionary
            equals = ""
        if not equals:
            allowed = RULES[name].allowed if name in RULES else "of the setting's type"
            raise BadInput(f"setting {name} = {value!r}: must be {allowed}, given as NAME=VALUE")
