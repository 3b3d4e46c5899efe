"""Which values the settings may have that users are told of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Protocol

from scrapy.settings import BaseSettings

from imagefetch import names
from imagefetch.errors import BadInput
from imagefetch.probe import FORMATS
from imagefetch.redact import HIDDEN, is_secret
from imagefetch.scrapy_rules import check_scrapy_settings


class Rule(Protocol):
    """Says which values a setting may have."""

    @property
    def allowed(self) -> str:
        """The end of "must be …"."""
        ...

    def holds(self, settings: BaseSettings, name: str) -> bool:
        """Whether the setting's value is allowed.

        :raises ValueError, TypeError: if it is not even of the right kind
        """


@dataclass(frozen=True)
class Number:
    """A number within bounds, whole unless said otherwise."""

    low: float
    high: float
    whole: bool = True

    @property
    def allowed(self) -> str:
        return f"a {'whole ' if self.whole else ''}number from {self.low:,} to {self.high:,}"

    def holds(self, settings: BaseSettings, name: str) -> bool:
        value = settings.getfloat(name)
        if self.whole and settings.getint(name) != value:
            return False
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return f"one of {', '.join(self.words)}"

    def holds(self, settings: BaseSettings, name: str) -> bool:
        return settings.get(name) in self.words


class Switch:
    """On or off."""

    allowed: str = "True or False"

    def holds(self, settings: BaseSettings, name: str) -> bool:
        settings.getbool(name)
        return True


class Text:
    """Some text."""

    allowed: str = "text, and not empty"

    def holds(self, settings: BaseSettings, name: str) -> bool:
        value = settings.get(name)
        return isinstance(value, (str, Path)) and bool(str(value).strip())


class HeaderText(Text):
    """What may be sent as the value of a header (RFC 9110, section 5.5)."""

    allowed: str = "text of printable Latin-1 characters, and not empty"

    def holds(self, settings: BaseSettings, name: str) -> bool:
        return super().holds(settings, name) and PRINTABLE.fullmatch(settings[name]) is not None


class Contact:
    """What may stand in a comment of a User-Agent (RFC 9110, section 5.6.5)."""

    allowed: str = "a mail or web address, or empty"

    def holds(self, settings: BaseSettings, name: str) -> bool:
        value = settings.get(name)
        return isinstance(value, str) and not set(value) - PLAIN


class Words:
    """Some words."""

    allowed: str = "a list of words, as noai,noimageai"

    def holds(self, settings: BaseSettings, name: str) -> bool:
        return all(re.fullmatch(r"\s*[\w-]+\s*", word) for word in settings.getlist(name))


class Networks:
    """IP networks."""

    allowed: str = "a list of networks in CIDR notation, as 10.1.0.0/16,fd00::/8"

    def holds(self, settings: BaseSettings, name: str) -> bool:
        for network in settings.getlist(name):
            ip_network(network.strip())
        return True


class Statuses:
    """HTTP status codes."""

    allowed: str = "a list of HTTP status codes, as 429,503"

    def holds(self, settings: BaseSettings, name: str) -> bool:
        return all(100 <= int(code) <= 599 for code in settings.getlist(name))


class Table:
    """A dictionary."""

    allowed: str = 'a dictionary, or JSON for one: {"Name": "value"}'

    def holds(self, settings: BaseSettings, name: str) -> bool:
        settings.getdict(name)
        return True


class Headers(Table):
    """Headers of a request."""

    def holds(self, settings: BaseSettings, name: str) -> bool:
        """:raises BadInput: saying which one can't be sent"""
        for header, value in settings.getdict(name).items():
            place = f"{name}[{header!r}]"
            if not isinstance(header, str) or not TOKEN.fullmatch(header):
                raise BadInput(f"setting {place}: the name must be made of {TOKEN_ALLOWED}")
            if header.lower() in FRAMING:
                raise BadInput(f"setting {place}: must not be set; it says how long a request is")
            for each in value if isinstance(value, list | tuple) else [value]:
                if not _can_be_sent(each):
                    shown = HIDDEN if is_secret(header) else repr(each)
                    raise BadInput(
                        f"setting {place} = {shown}: must be text of printable Latin-1 characters"
                    )
        return True


def _can_be_sent(value: object) -> bool:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        return PRINTABLE.fullmatch(value) is not None
    return value is None or isinstance(value, int)


class Types:
    """Media types of formats that are known."""

    allowed: str = "a list of types as the report names them: image/jpeg,image/png"

    def holds(self, settings: BaseSettings, name: str) -> bool:
        known = {format_.media_type for format_ in FORMATS}
        return known.issuperset(settings.getlist(name))


class Template:
    """A template of `imagefetch.names`."""

    allowed: str = f"a template such as {names.DEFAULT}"

    def holds(self, settings: BaseSettings, name: str) -> bool:
        """:raises BadInput: saying what is wrong with it"""
        value = settings.get(name)
        try:
            names.NameTemplate(value)
        except ValueError as error:
            raise BadInput(f"setting {name} = {value!r}: {error}") from error
        return True


DAY = 86_400

PLAIN = {chr(code) for code in range(0x21, 0x7F)} - set("()\\")

PRINTABLE = re.compile(r"[\x20-\x7e\xa0-\xff]*")

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
TOKEN_ALLOWED = "ASCII letters, digits and - _ . ! # $ % & ' * + ^ ` | ~"

FRAMING = frozenset({"content-length", "transfer-encoding"})

RULES: dict[str, Rule] = {
    "INPUT_URLS": Text(),
    "INPUT_URLS_MAXSIZE": Number(0, 2**50),
    "SHARD_SIZE": Number(1, 1_000_000),
    "LOOKAHEAD": Number(1, 100_000),
    "CONCURRENT_REQUESTS": Number(1, 10_000),
    "CONCURRENT_REQUESTS_PER_DOMAIN": Number(1, 10_000),
    "PACE_ENABLED": Switch(),
    "DOWNLOAD_DELAY": Number(0, DAY, whole=False),
    "USER_AGENT": HeaderText(),
    "CONTACT": Contact(),
    "DEFAULT_REQUEST_HEADERS": Headers(),
    "ROBOTSTXT_OBEY": Switch(),
    "OPT_OUT_DIRECTIVES": Words(),
    "RETRY_TIMES": Number(0, 100),
    "RETRY_DELAY": Number(0, DAY, whole=False),
    "RETRY_MAX_DELAY": Number(0, DAY, whole=False),
    "RETRY_AFTER_MAX": Number(0, 30 * DAY, whole=False),
    "RETRY_HTTP_CODES": Statuses(),
    "BREAKER_FAILURES": Number(0, 1_000_000),
    "REDIRECT_MAX_TIMES": Number(0, 100),
    "CONNECT_TIMEOUT": Number(0.001, DAY, whole=False),
    "RESPONSE_TIMEOUT": Number(0.001, DAY, whole=False),
    "MIN_SPEED": Number(0, 2**40),
    "MIN_SPEED_WINDOW": Number(0.001, DAY, whole=False),
    "DOWNLOAD_TIMEOUT": Number(0.001, DAY, whole=False),
    "ALLOWED_NETWORKS": Networks(),
    "DNS_NEGATIVE_TTL": Number(0, DAY, whole=False),
    "DOWNLOAD_MAXSIZE": Number(0, 2**50),
    "DOWNLOAD_VERIFY_CERTIFICATES": Switch(),
    "VERIFY_IMAGES": Choice(("header", "full", "off")),
    "MAX_IMAGE_PIXELS": Number(1, 2_000_000_000),
    "KEEP_DAMAGED": Switch(),
    "MIN_WIDTH": Number(0, 2**31),
    "MIN_HEIGHT": Number(0, 2**31),
    "MAX_PIXELS": Number(0, 2**62),
    "MAX_ASPECT_RATIO": Number(0, 2**31, whole=False),
    "MIN_BYTES": Number(0, 2**50),
    "ALLOWED_TYPES": Types(),
    "PLACEHOLDER_REPEATS": Number(0, 1_000_000_000),
    "FILES_STORE": Text(),
    "FILES_NAME": Template(),
    "REPORT": Text(),
    "JOBS_FOLDER": Text(),
    "FSYNC": Number(0, 1_000_000_000),
    "HTML_REPORT": Switch(),
    "HTML_REPORT_INTERVAL": Number(0.1, DAY, whole=False),
    "CONTACT_SHEET": Number(0, 1_000),
    "PROGRESS": Choice(("auto", "off")),
    "PROGRESS_INTERVAL": Number(0.1, DAY, whole=False),
    "LOG_LEVEL": Choice(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
}
"""Every setting that this project's users are told of, in data order."""

NEED_A_SIZE = ("MIN_WIDTH", "MIN_HEIGHT", "MAX_PIXELS", "MAX_ASPECT_RATIO")


def check_settings(settings: BaseSettings) -> None:
    """Check every setting of `RULES`.

    :raises BadInput: naming setting, value and what is allowed
    """
    for name, rule in RULES.items():
        try:
            holds = rule.holds(settings, name)
        except BadInput:
            raise
        except (ValueError, TypeError):
            holds = False
        if not holds:
            value = settings.get(name)
            raise BadInput(f"setting {name} = {value!r}: must be {rule.allowed}")
    check_scrapy_settings(settings, RULES)
    _check_together(settings)


def _check_together(settings: BaseSettings) -> None:
    """:raises BadInput: if two settings can't hold at once"""
    if settings["VERIFY_IMAGES"] == "off":
        for name in NEED_A_SIZE:
            if settings.getfloat(name):
                raise BadInput(
                    f"setting {name} = {settings[name]!r}: needs sizes, which are not found "
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
