"""Settings and the values that they may have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import Settings

import imagefetch.settings
from imagefetch.errors import BadInput
from imagefetch.rules import RULES, Table, check_settings, check_words
from tests.conftest import project


def test_every_setting_that_may_be_turned_has_a_rule() -> None:
    """The first part of settings.py and the rules name the same settings in the same order."""
    first_part = Path(imagefetch.settings.__file__).read_text().partition("# --- What puts")[0]
    assert re.findall(r"^([A-Z_]+)(?:: .+?)? = ", first_part, re.MULTILINE) == list(RULES)


def test_defaults_are_allowed() -> None:
    """The project starts as it is delivered."""
    check_settings(project())


ALLOWED: list[tuple[str, list[Any]]] = [
    ("CONCURRENT_REQUESTS", ["1", 1, 10_000, "10000"]),
    ("LOOKAHEAD", [1, 100_000]),
    ("RETRY_TIMES", ["0", 0, 100]),
    ("RETRY_DELAY", ["0", 0, "0.5", 86_400]),
    ("DOWNLOAD_TIMEOUT", ["0.001", 1.5]),
    ("DOWNLOAD_MAXSIZE", [0, "1125899906842624"]),
    ("DOWNLOAD_VERIFY_CERTIFICATES", ["True", "False", "0", 1, False]),
    ("LOG_LEVEL", ["DEBUG", "CRITICAL"]),
    ("USER_AGENT", ["me/1.0", "mé/1.0 (it's me)"]),
    ("FILES_STORE", ["s3://bucket/", Path("images")]),
    ("RETRY_HTTP_CODES", ["429,503", [100, 599], []]),
    ("DEFAULT_REQUEST_HEADERS", ['{"Accept": "image/*"}', {}, {"A": ["b", b"c", 5]}, {"A": None}]),
    ("VERIFY_IMAGES", ["header", "full", "off"]),
    ("MAX_IMAGE_PIXELS", [1, "2000000000"]),
    ("KEEP_DAMAGED", ["0", True]),
    ("MIN_WIDTH", [0, "100"]),
    ("MAX_ASPECT_RATIO", ["2.5", 0]),
    ("ALLOWED_TYPES", ["image/jpeg,image/png", ["image/svg+xml"], [], ""]),
    ("PLACEHOLDER_REPEATS", [0, "3"]),
    ("FILES_NAME", ["{hash}{ext}", "{host}/{sha256}"]),
]
REFUSED: list[tuple[str, list[Any]]] = [
    ("CONCURRENT_REQUESTS", ["0", -1, 10_001, "x", "", None, [1], "nan", "inf", 1.5, "1.5"]),
    ("CONCURRENT_REQUESTS_PER_DOMAIN", [0, "many"]),
    ("LOOKAHEAD", [0, 100_001]),
    ("RETRY_TIMES", [-1, 101]),
    ("RETRY_DELAY", ["-0.1", "2s", 86_401, "nan"]),
    ("DOWNLOAD_DELAY", [-1, ""]),
    ("REDIRECT_MAX_TIMES", [-1, "ten"]),
    ("DOWNLOAD_TIMEOUT", [0, "-1", None]),
    ("DOWNLOAD_MAXSIZE", [-1, "256M"]),
    ("HTML_REPORT", ["perhaps"]),
    ("HTML_REPORT_INTERVAL", [0, "often"]),
    ("CONTACT_SHEET", [-1, 1_001, 1.5]),
    ("PROGRESS", ["on", ""]),
    ("PROGRESS_INTERVAL", [0, ""]),
    ("VERIFY_IMAGES", ["all", "", None]),
    ("MAX_IMAGE_PIXELS", [0, -1, None, "2e9"]),
    ("MIN_BYTES", [-1, "1k"]),
    ("MAX_ASPECT_RATIO", [-1, "3:2"]),
    ("ALLOWED_TYPES", ["jpeg", "image/jpeg, image/png", ["image/jpg"]]),
    ("DOWNLOAD_VERIFY_CERTIFICATES", ["maybe", "", "no"]),
    ("LOG_LEVEL", ["info", "", 10, None]),
    ("USER_AGENT", ["", "  ", None, 5]),
    ("USER_AGENT", [f"me{char}/1.0" for char in "\r\n\0\x1b\x7f\x0b\t\x85\u2028名\ud800"]),
    ("CONTACT", ["me@a.example\r\nX: y", "mé@a.example", "a b"]),
    ("INPUT_URLS", ["", None]),
    ("REPORT", [" ", None]),
    ("FILES_STORE", ["", None]),
    ("RETRY_HTTP_CODES", ["abc", "99", [600], 429, "429 503", "429,"]),
    # Scrapy would read these with int(), and fail amid its start.
    ("CONCURRENT_REQUESTS", ["1e2", "128.0"]),
    ("DOWNLOAD_MAXSIZE", ["1e6"]),
]


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in ALLOWED for v in values])
def test_values_in_bounds(name: str, value: Any) -> None:
    """The bounds themselves are allowed, as numbers and as the command line's text."""
    check_settings(project(**{name: value}))


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in REFUSED for v in values])
def test_values_out_of_bounds(name: str, value: Any) -> None:
    """A value of no use is refused in one line that names setting, value and what is allowed."""
    with pytest.raises(BadInput) as refusal:
        check_settings(project(**{name: value}))
    assert str(refusal.value) == f"setting {name} = {value!r}: must be {RULES[name].allowed}"


@pytest.mark.parametrize("value", ["x", "[1]", "5", "{"])
def test_table_is_a_dictionary(value: str) -> None:
    """Text that is no dictionary's JSON is no table."""
    with pytest.raises((ValueError, TypeError)):
        Table().holds(Settings({"X": value}), "X")


@pytest.mark.parametrize("value", ["x", "[1]", "5", "{"])
def test_words_that_scrapy_cannot_set(value: str) -> None:
    """A value that Scrapy fails to take over is refused before it tries."""
    with pytest.raises(BadInput, match=r"DEFAULT_REQUEST_HEADERS = .*: must be a dictionary"):
        check_words(project(), ["LOG_LEVEL=INFO", f"DEFAULT_REQUEST_HEADERS={value}"])


def test_words_that_scrapy_can_set() -> None:
    """NAME=VALUE is a setting whatever its value holds, and nothing is set by looking."""
    settings = project()
    check_words(settings, ["USER_AGENT=a=b", "OTHERS_OWN=", 'DEFAULT_REQUEST_HEADERS={"A": "b"}'])
    assert settings.getdict("DEFAULT_REQUEST_HEADERS") == dict(
        imagefetch.settings.DEFAULT_REQUEST_HEADERS
    )
    with pytest.raises(BadInput, match="NAME=VALUE"):
        check_words(settings, ["LOG_LEVEL"])


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
    """Each line would fail by it: it is refused, and named, but for a secret."""
    with pytest.raises(BadInput) as refusal:
        check_settings(project(DEFAULT_REQUEST_HEADERS=headers))
    assert str(refusal.value).startswith(f"setting DEFAULT_REQUEST_HEADERS{why}")


@pytest.mark.parametrize("value", ["{stem}{ext}", "", None, 5])
def test_a_template_is_refused_with_its_fault(value: Any) -> None:
    """The line says what is wrong with it, not only what one looks like."""
    with pytest.raises(BadInput, match=r"^setting FILES_NAME = .*: (two URLs|must be a template)"):
        check_settings(project(FILES_NAME=value))
