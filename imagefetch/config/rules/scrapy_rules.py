"""Validates Scrapy's own settings before a run starts.

Without these checks a wrong value shows only later: as a traceback, as the same failure
of every line, or as a run that never ends.
"""

from __future__ import annotations

import codecs
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any
from urllib.request import getproxies

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings, default_settings
from scrapy.utils.misc import load_object

from imagefetch.addons import REPORT_FEED
from imagefetch.download.addresses.proxy import proxy_of
from imagefetch.errors import BadInput, Problem
from imagefetch.utils.redaction import HIDDEN, hide_credentials, hide_credentials_of, is_secret

ACLS = {
    "FILES_STORE_S3_ACL": (
        "private, public-read, public-read-write, authenticated-read, aws-exec-read, "
        "bucket-owner-read, bucket-owner-full-control, log-delivery-write"
    ),
    "FILES_STORE_GCS_ACL": (
        "authenticatedRead, bucketOwnerFullControl, bucketOwnerRead, private, projectPrivate, "
        "publicRead"
    ),
}
"""Canned (predefined) ACLs of Amazon S3 and Google Cloud Storage."""

# Settings of FilesPipeline, which have no default in Scrapy.
PIPELINE: dict[str, object] = {"MEDIA_ALLOW_REDIRECTS": False, "FILES_EXPIRES": 0}

ENCODINGS = ("LOG_ENCODING", "FEED_EXPORT_ENCODING", "HTTPPROXY_AUTH_ENCODING")

AT_LEAST_ONE = ("CONCURRENT_ITEMS", "REACTOR_THREADPOOL_MAXSIZE", "SCRAPER_SLOT_MAX_ACTIVE_SIZE")

SLOT: dict[str, tuple[Callable[[Any], bool], str]] = {
    "concurrency": (lambda value: _is_number(value, 1, whole=True), "a whole number from 1"),
    "delay": (lambda value: _is_number(value, 0), "a number of seconds from 0"),
    "randomize_delay": (lambda value: isinstance(value, bool), "True or False"),
    "throttle": (lambda value: value is None or isinstance(value, bool), "True or False"),
}
"""Keys of an entry of DOWNLOAD_SLOTS: the check of a value, and the text after "must be"."""


def check_scrapy_settings(settings: BaseSettings, known: Mapping[str, object]) -> None:
    """Check Scrapy's settings, except those in *known*, which have their own rules.

    :raises BadInput: naming the setting, its value and what is allowed
    """
    for name, default in (vars(default_settings) | PIPELINE).items():
        if name.isupper() and name not in known and settings[name] is not None:
            _check_kind(settings, name, default)
    for name in AT_LEAST_ONE:
        if settings.getint(name) < 1:
            raise refusal(name, settings[name], "a whole number from 1")
    for name in ENCODINGS:
        _check_encoding(name, settings[name])
    for name, acls in ACLS.items():
        if settings[name] and settings[name] not in acls.split(", "):
            raise refusal(name, settings[name], f"empty, or one of {acls}")
    _check_log_format(settings)
    _check_slots(settings)
    _check_feeds(settings)


def check_proxies(settings: BaseSettings) -> None:
    """Check the proxies of the environment.

    :raises BadInput: naming the variable, its value and what is allowed
    """
    if not settings.getbool("HTTPPROXY_ENABLED"):
        return
    for scheme, proxy in getproxies().items():
        if scheme in {"http", "https", "all"}:
            try:
                proxy_of(proxy)
            except Problem as problem:
                raise BadInput(
                    f"environment variable {scheme}_proxy = {hide_credentials_of(proxy)!r}: must "
                    "be the address of a proxy, as http://proxy.example:3128 or "
                    "socks5h://proxy.example:1080"
                ) from problem


def refusal(name: str, value: object, allowed: str) -> BadInput:
    """Return the error for a setting whose *value* is not *allowed*; secrets are hidden."""
    shown = HIDDEN if is_secret(name) else hide_credentials(repr(value))
    return BadInput(f"setting {name} = {shown}: must be {allowed}")


def _check_kind(settings: BaseSettings, name: str, default: object) -> None:
    """Check that the value has the type of its default.

    :raises BadInput: if it has not
    """
    value = settings[name]
    try:
        if isinstance(default, bool):
            settings.getbool(name)
        elif isinstance(default, float) or (isinstance(default, int) and "TIME" in name):
            default = 0.0
            if not math.isfinite(settings.getfloat(name)):
                raise ValueError
        elif isinstance(default, int):
            settings.getint(name)
        elif _was_given(settings, name) and _is_object(name, default):
            load_object(value)
    except (ValueError, TypeError, OverflowError, ImportError, NameError) as error:
        kinds = {bool: "True or False", int: "a whole number", float: "a number"}
        allowed = kinds.get(type(default), f"the path of an object: {error}")
        raise refusal(name, value, allowed) from error


def _was_given(settings: BaseSettings, name: str) -> bool:
    """Whether the command line or the spider set it. Loading the project's own objects is slow."""
    return (settings.getpriority(name) or 0) > SETTINGS_PRIORITIES["project"]


def _is_object(name: str, default: object) -> bool:
    return name == "ASYNCIO_EVENT_LOOP" or str(default).startswith(("scrapy.", "twisted."))


def _is_number(value: object, low: float, *, whole: bool = False) -> bool:
    kinds = int if whole else (int, float)
    return isinstance(value, kinds) and not isinstance(value, bool) and low <= value < math.inf


def _check_encoding(name: str, value: object) -> None:
    try:
        codecs.lookup(str(value or "utf-8"))
    except LookupError as error:
        raise refusal(name, value, "an encoding that Python knows, as utf-8") from error


def _check_log_format(settings: BaseSettings) -> None:
    record = logging.LogRecord("imagefetch", logging.INFO, "", 0, "", (), None)
    try:
        logging.Formatter(settings["LOG_FORMAT"], settings["LOG_DATEFORMAT"]).format(record)
    except (ValueError, TypeError, KeyError) as error:
        raise refusal(
            "LOG_FORMAT", settings["LOG_FORMAT"], f"a format of Python's logging: {error}"
        ) from error


def _check_slots(settings: BaseSettings) -> None:
    for host, slot in settings.getdict("DOWNLOAD_SLOTS").items():
        name = f"DOWNLOAD_SLOTS[{host!r}]"
        if not isinstance(slot, dict):
            raise refusal(name, slot, f"a dictionary with some of {', '.join(SLOT)}")
        for key, value in slot.items():
            if key not in SLOT:
                raise BadInput(f"setting {name}: {key!r} is not one of {', '.join(SLOT)}")
            is_allowed, allowed = SLOT[key]
            if not is_allowed(value):
                raise refusal(f"{name}[{key!r}]", value, allowed)


def _check_feeds(settings: BaseSettings) -> None:
    """Check that each feed has a known format; otherwise Scrapy writes no feed, nor the report."""
    formats = {name for name, path in settings.getwithbase("FEED_EXPORTERS").items() if path}
    for uri, feed in settings.getdict("FEEDS").items():
        name = f"FEEDS[{hide_credentials_of(str(uri))!r}]"
        if not isinstance(feed, dict):
            raise refusal(name, feed, "a dictionary, as {'format': 'csv'}")
        format_ = feed.get("format")
        allowed = formats if uri in REPORT_FEED else formats - {"report"}  # counts the rows
        if str(format_) not in allowed:
            raise refusal(f"{name}['format']", format_, f"one of {', '.join(sorted(allowed))}")
