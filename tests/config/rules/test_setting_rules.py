"""Validation and parsing of settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import SETTINGS_PRIORITIES

import imagefetch.settings
from imagefetch.config.rules.setting_rules import RULES, check_assignments, check_settings
from imagefetch.config.rules.setting_values import Table
from imagefetch.errors import BadInput
from imagefetch.utils.spelling import misspelt
from tests.conftest import project


def test_every_setting_that_may_be_turned_has_a_rule() -> None:
    """The first part of settings.py and RULES name the same settings in the same order."""
    first_part = Path(imagefetch.settings.__file__).read_text().partition("# --- Components")[0]
    assert re.findall(r"^([A-Z_]+)(?:: .+?)? = ", first_part, re.MULTILINE) == list(RULES)


def test_defaults_are_allowed() -> None:
    """The project's own defaults are accepted."""
    check_settings(project())


ALLOWED: list[tuple[str, list[Any]]] = [
    ("CONCURRENT_REQUESTS", ["1", 1, 10_000, "10000"]),
    ("LOOKAHEAD", [1, 100_000]),
    ("RETRY_TIMES", ["0", 0, 100]),
    ("RETRY_DELAY", ["0", 0, "0.5", 86_400]),
    ("DOWNLOAD_TIMEOUT", ["0.001", 1.5]),
    ("DOWNLOAD_MAXSIZE", [0, "1125899906842624"]),
    ("HTTP_VERSION", ["auto", "1.1", "3"]),
    ("DOWNLOAD_VERIFY_CERTIFICATES", ["True", "False", "0", 1, False]),
    ("LOG_LEVEL", ["DEBUG", "CRITICAL"]),
    ("USER_AGENT", ["me/1.0", "mé/1.0 (it's me)"]),
    ("FILES_STORE", ["s3://bucket/", Path("images")]),
    ("RETRY_HTTP_CODES", ["429,503", [100, 599], []]),
    ("OPT_OUT_SIGNALS", ["tdmrep, X-Robots-Tag", ["content-signal:search"], [], ""]),
    ("DEFAULT_REQUEST_HEADERS", ['{"Accept": "image/*"}', {}, {"A": ["b", b"c", 5]}, {"A": None}]),
    ("VERIFY_IMAGES", ["header", "full", "off"]),
    ("MAX_IMAGE_PIXELS", [1, "2000000000"]),
    ("KEEP_DAMAGED", ["0", True]),
    ("MIN_WIDTH", [0, "100"]),
    ("MAX_ASPECT_RATIO", ["2.5", 0]),
    ("ALLOWED_TYPES", ["image/jpeg,image/png", ["image/svg+xml"], [], ""]),
    ("PLACEHOLDER_REPEATS", [0, "3"]),
    ("FILES_NAME", ["{hash}{ext}", "{host}/{sha256}"]),
    ("MAX_IMAGE_PIXELS", ["2e9"]),
]
REFUSED: list[tuple[str, list[Any]]] = [
    ("CONCURRENT_REQUESTS", ["0", -1, 10_001, "x", "", None, [1], "nan", "inf", 1.5, "1.5"]),
    ("CONCURRENT_REQUESTS_PER_DOMAIN", [0, "many"]),
    ("LOOKAHEAD", [0, 100_001]),
    ("RETRY_TIMES", [-1, 101]),
    ("RETRY_DELAY", ["-0.1", "2x", 86_401, "nan", "25h"]),
    ("DOWNLOAD_DELAY", [-1, ""]),
    ("REDIRECT_MAX_TIMES", [-1, "ten"]),
    ("DOWNLOAD_TIMEOUT", [0, "-1", None]),
    ("DOWNLOAD_MAXSIZE", [-1, "256X", "1,000", "1 000", "M"]),
    ("HTML_REPORT", ["perhaps"]),
    ("HTML_REPORT_INTERVAL", [0, "often"]),
    ("CONTACT_SHEET", [-1, 1_001, 1.5]),
    ("PROGRESS", ["on", ""]),
    ("PROGRESS_INTERVAL", [0, ""]),
    ("VERIFY_IMAGES", ["all", "", None]),
    ("MAX_IMAGE_PIXELS", [0, -1, None, "2e10"]),
    ("MIN_BYTES", [-1, "1.5", "1 kk", "1024G TB"]),
    ("MAX_ASPECT_RATIO", [-1, "3:2"]),
    ("ALLOWED_TYPES", ["jpegs", "image/jpeg image/png", ["text/html"], "[", 5]),
    ("HTTP_VERSION", ["2", "", None, "h2"]),
    ("DOWNLOAD_VERIFY_CERTIFICATES", ["maybe", "", None, "2"]),
    ("LOG_LEVEL", ["verbose", "", 10, None]),
    ("USER_AGENT", ["", "  ", None, 5]),
    ("USER_AGENT", [f"me{char}/1.0" for char in "\r\n\0\x1b\x7f\x0b\t\x85\u2028名\ud800"]),
    ("CONTACT", ["me@a.example\r\nX: y", "mé@a.example", "a b"]),
    ("INPUT_URLS", ["", None]),
    ("REPORT", [" ", None]),
    ("FILES_STORE", ["", None]),
    ("RETRY_HTTP_CODES", ["abc", "99", [600], 429, "429 503", "429,"]),
    ("OPT_OUT_SIGNALS", ["content-signal", "tdmrep,", "tdmrep noai", "content-usage:any", 5, [1]]),
]


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in ALLOWED for v in values])
def test_values_in_bounds(name: str, value: Any) -> None:
    """The bounds are allowed, as numbers and as text from the command line."""
    check_settings(project(**{name: value}))


@pytest.mark.parametrize(
    ("name", "values", "meaning"),
    [
        ("MIN_BYTES", ["10k", "10K", "10 kB", "1e4", " 10000 ", "10_000"], 10_000),
        ("DOWNLOAD_MAXSIZE", ["1G", "1gb", "1000M", 1_000_000_000], 1_000_000_000),
        ("DOWNLOAD_MAXSIZE", ["10MiB", "10 mib", "10240KiB"], 10 * 2**20),
        ("MIN_SPEED", ["2.3M"], 2_300_000),
        ("CONCURRENT_REQUESTS", ["128.0", 128.0, "+128"], 128),
        ("DOWNLOAD_TIMEOUT", ["2m", "2min", "120s", "120", "120000ms"], 120),
        ("RETRY_DELAY", ["500ms", ".5", "0.5"], 0.5),
        ("LOG_LEVEL", ["debug", " Debug "], "DEBUG"),
        ("VERIFY_IMAGES", ["FULL"], "full"),
        ("KEEP_DAMAGED", ["yes", "Y", "on", "TRUE", "1", 1], True),
        ("KEEP_DAMAGED", ["no", "N", "Off", "FALSE", "0", 0], False),
        (
            "ALLOWED_TYPES",
            ["jpg,png", "JPEG, .png", "image/jpg,image/png"],
            ["image/jpeg", "image/png"],
        ),
        ("ALLOWED_TYPES", ["svg", ["svg"], "['svg']"], ["image/svg+xml"]),
        (
            "ALLOWED_NETWORKS",
            ["10.0.0.0/8, fd00::/8", '["10.0.0.0/8", "fd00::/8"]'],
            ["10.0.0.0/8", "fd00::/8"],
        ),
        ("RETRY_HTTP_CODES", ["429, 503", [429, "503"]], [429, 503]),
        ("COOKIES_ENABLED", ["yes", "ON"], True),
        ("AUTOTHROTTLE_ENABLED", ["no"], False),
        ("CLOSESPIDER_TIMEOUT", ["2m", "120"], 120),
        ("DOWNLOAD_WARNSIZE", ["1M", "1MB"], 1_000_000),
        ("CLOSESPIDER_ITEMCOUNT", ["1k"], 1_000),
    ],
)
def test_what_a_value_means(name: str, values: list[Any], meaning: Any) -> None:
    """In every spelling, the settings hold the parsed value afterwards, with its priority."""
    for value in values:
        settings = project(**{name: value})
        check_settings(settings)
        assert settings[name] == meaning, value
        assert type(settings[name]) is type(meaning) or isinstance(value, float), value
        assert settings.getpriority(name) == SETTINGS_PRIORITIES["cmdline"]


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in REFUSED for v in values])
def test_values_out_of_bounds(name: str, value: Any) -> None:
    """An invalid value is refused in one line: setting, value and what is allowed."""
    with pytest.raises(BadInput) as refusal:
        check_settings(project(**{name: value}))
    assert str(refusal.value) == f"setting {name} = {value!r}: must be {RULES[name].allowed}"


@pytest.mark.parametrize(
    ("name", "value"), [("CLOSESPIDER_TIMEOUT", "soon"), ("COOKIES_ENABLED", "perhaps")]
)
def test_scrapys_own_are_looked_at(name: str, value: str) -> None:
    """An invalid value of a Scrapy setting would cause a traceback at startup."""
    with pytest.raises(BadInput, match=f"setting {name} = '{value}': must be "):
        check_settings(project(**{name: value}))


@pytest.mark.parametrize("value", ["x", [1], 5, None])
def test_table_is_a_dictionary(value: Any) -> None:
    """A value without keys and values is not a table."""
    with pytest.raises((ValueError, TypeError)):
        Table().read(value)


MISSPELT = {
    "FILE_STORE": "FILES_STORE",
    "CONCURENT_REQUESTS": "CONCURRENT_REQUESTS",
    "concurrent_requests": "CONCURRENT_REQUESTS",
    "USERAGENT": "USER_AGENT",
    "REPROT": "REPORT",
    "ALLOWED-NETWORKS": "ALLOWED_NETWORKS",
    "COOKIE_ENABLED": "COOKIES_ENABLED",
    "ITEM_PIPELINE": "ITEM_PIPELINES",
}


@pytest.mark.parametrize(("name", "known"), MISSPELT.items())
def test_a_misspelt_setting_is_refused(name: str, known: str) -> None:
    """The message suggests the setting that was meant, of this project or of Scrapy. In
    settings.py, which may hold other settings, it is accepted, but `misspelt` finds it."""
    with pytest.raises(BadInput, match=rf"setting {name}: .* did you mean {known}\?"):
        check_settings(project(**{name: "1"}))
    settings = project()
    settings.set(name, "1", priority="project")
    check_settings(settings)
    assert list(misspelt(settings, RULES)) == [(name, known)]


def test_a_setting_whose_name_was_misspelt_in_settings_py() -> None:
    """A setting without a value is refused; the message names the probable misspelling."""
    settings = project()
    settings.set("FILES_STORE", None, priority="project")
    settings.set("FILE_STORE", "images", priority="project")
    with pytest.raises(BadInput, match=r"FILES_STORE = None: .*; is FILE_STORE meant to be it\?"):
        check_settings(settings)


@pytest.mark.parametrize("name", ["MONGO_URI", "ROTATING_PROXY_LIST", "X", "S3_BUCKET", "MY_OWN"])
def test_a_setting_of_a_users_own_is_allowed(name: str) -> None:
    """A name that resembles no known setting is accepted."""
    check_settings(project(**{name: "1"}))


@pytest.mark.parametrize("value", ["x", "[1]", "5", "{"])
def test_words_that_scrapy_cannot_set(value: str) -> None:
    """A value that Scrapy would fail to set is refused first."""
    with pytest.raises(BadInput, match=r"DEFAULT_REQUEST_HEADERS = .*: must be a dictionary"):
        check_assignments(project(), ["LOG_LEVEL=INFO", f"DEFAULT_REQUEST_HEADERS={value}"])


def test_words_that_scrapy_can_set() -> None:
    """NAME=VALUE may hold any value, and the check sets nothing."""
    settings = project()
    check_assignments(
        settings, ["USER_AGENT=a=b", "OTHERS_OWN=", 'DEFAULT_REQUEST_HEADERS={"A": "b"}']
    )
    assert settings.getdict("DEFAULT_REQUEST_HEADERS") == dict(
        imagefetch.settings.DEFAULT_REQUEST_HEADERS
    )
    with pytest.raises(BadInput, match="NAME=VALUE"):
        check_assignments(settings, ["LOG_LEVEL"])


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"X-A": "b\r\nX-C: d"}, r"['X-A'] = 'b\r\nX-C: d': must be text of printable Latin-1"),
        ({"X-A": "b\x1b"}, r"['X-A'] = 'b\x1b': must be text of printable Latin-1"),
        ({"X-A": ["b", "\0"]}, r"['X-A'] = '\x00': must be text of printable Latin-1"),
        ({"X-A": b"b\n"}, r"['X-A'] = b'b\n': must be text of printable Latin-1"),
        ({"X-A": "名"}, "['X-A'] = '名': must be text of printable Latin-1"),
        ({"X-A": 1.5}, "['X-A'] = 1.5: must be text of printable Latin-1"),
        ({"X-A": {"b": 1}}, "['X-A'] = {'b': 1}: must be text of printable Latin-1"),
        ({"Authorization": "hush\n"}, "['Authorization'] = ***: must be text of printable"),
        ({"X A": "b"}, "['X A']: the name must be made of ASCII letters"),
        ({"X:": "b"}, "['X:']: the name must be made of ASCII letters"),
        ({"Né": "b"}, "['Né']: the name must be made of ASCII letters"),
        ({"": "b"}, "['']: the name must be made of ASCII letters"),
        ({"content-length": "5"}, "['content-length']: must not be set"),
        ({"Transfer-Encoding": "chunked"}, "['Transfer-Encoding']: must not be set"),
    ],
)
def test_a_header_that_can_t_be_sent(headers: dict[str, Any], why: str) -> None:
    """It would fail every line: it is refused and named; a secret value is hidden."""
    with pytest.raises(BadInput) as refusal:
        check_settings(project(DEFAULT_REQUEST_HEADERS=headers))
    assert str(refusal.value).startswith(f"setting DEFAULT_REQUEST_HEADERS{why}")


@pytest.mark.parametrize("value", ["all.png", "", None, 5])
def test_a_template_is_refused_with_its_fault(value: Any) -> None:
    """The message says what is wrong with the template, not only what is allowed."""
    with pytest.raises(BadInput, match=r"^setting FILES_NAME = .*: (two URLs|must be a template)"):
        check_settings(project(FILES_NAME=value))
