"""Validation of Scrapy's own settings."""

from __future__ import annotations

from typing import Any

import pytest

from imagefetch.config.rules.scrapy_rules import check_proxies
from imagefetch.config.rules.setting_rules import check_settings
from imagefetch.errors import BadInput
from tests.conftest import project

ALLOWED: list[tuple[str, Any]] = [
    ("CLOSESPIDER_TIMEOUT", "1.5"),
    ("DNS_TIMEOUT", 0.5),
    ("COOKIES_ENABLED", "true"),
    ("MEMUSAGE_LIMIT_MB", None),
    ("DOWNLOAD_SLOTS", {"a.example": {"concurrency": 1, "delay": 0.5, "randomize_delay": False}}),
    ("FEEDS", {"a.csv": {"format": "csv"}, "%(report)s": {"format": "report"}}),
    ("FILES_STORE_S3_ACL", "public-read"),
    ("LOG_FORMAT", "%(levelname)s %(message)s"),
    ("LOG_FILE_APPEND", "False"),
    ("STATS_CLASS", "scrapy.statscollectors.DummyStatsCollector"),
]

REFUSED: list[tuple[str, Any, str]] = [
    ("DNS_TIMEOUT", "soon", "setting DNS_TIMEOUT = 'soon': must be a number"),
    ("DNS_TIMEOUT", "nan", "setting DNS_TIMEOUT = 'nan': must be a number"),
    ("CLOSESPIDER_ITEMCOUNT", "1.5", "setting CLOSESPIDER_ITEMCOUNT = '1.5': must be a whole num"),
    ("RETRY_PRIORITY_ADJUST", "", "setting RETRY_PRIORITY_ADJUST = '': must be a whole number"),
    ("COOKIES_ENABLED", "maybe", "setting COOKIES_ENABLED = 'maybe': must be True or False"),
    ("MEDIA_ALLOW_REDIRECTS", "x", "setting MEDIA_ALLOW_REDIRECTS = 'x': must be True or False"),
    ("TWISTED_REACTOR", "a", "setting TWISTED_REACTOR = 'a': must be the path of an object: "),
    ("ASYNCIO_EVENT_LOOP", "a.b", "setting ASYNCIO_EVENT_LOOP = 'a.b': must be the path of an"),
    ("STATS_CLASS", "scrapy.X", "setting STATS_CLASS = 'scrapy.X': must be the path of an object"),
    ("CONCURRENT_ITEMS", 0, "setting CONCURRENT_ITEMS = 0: must be a whole number from 1"),
    ("LOG_ENCODING", "latin-9x", "setting LOG_ENCODING = 'latin-9x': must be an encoding"),
    ("LOG_FORMAT", "%(text)s", "setting LOG_FORMAT = '%(text)s': must be a format of Python's"),
    ("FILES_STORE_S3_ACL", "open", "setting FILES_STORE_S3_ACL = 'open': must be empty, or one of"),
    ("DOWNLOAD_SLOTS", {"a": 5}, "setting DOWNLOAD_SLOTS['a'] = 5: must be a dictionary with"),
    *(
        ("DOWNLOAD_SLOTS", {"a": {key: value}}, f"setting DOWNLOAD_SLOTS['a']['{key}'] = {value!r}")
        for key, value in (
            ("concurrency", 0), ("concurrency", "2"), ("concurrency", 1.5), ("concurrency", True),
            ("delay", -1), ("delay", "1"), ("delay", float("nan")), ("delay", float("inf")),
            ("randomize_delay", "no"),
        )
    ),
    ("DOWNLOAD_SLOTS", {"a": {"limit": 1}}, "setting DOWNLOAD_SLOTS['a']: 'limit' is not one of "),
    ("FEEDS", {"a.csv": 5}, "setting FEEDS['a.csv'] = 5: must be a dictionary"),
    ("FEEDS", {"a.csv": {}}, "setting FEEDS['a.csv']['format'] = None: must be one of csv, "),
    ("FEEDS", {"a": {"format": "cvs"}}, "setting FEEDS['a']['format'] = 'cvs': must be one of csv"),
    ("FEEDS", {"a": {"format": "report"}}, "setting FEEDS['a']['format'] = 'report': must be one"),
    ("FEEDS", {"ftp://u:hush@h/a": 5}, "setting FEEDS['ftp://***@h/a'] = 5: must be a dictionary"),
]  # fmt: skip


def test_defaults_are_allowed() -> None:
    """Scrapy's own defaults are accepted."""
    check_settings(project())


@pytest.mark.parametrize(("name", "value"), ALLOWED)
def test_values_that_a_run_can_begin_with(name: str, value: Any) -> None:
    """Valid values are not changed."""
    check_settings(project(**{name: value}))


@pytest.mark.parametrize(("name", "value", "why"), REFUSED)
def test_values_that_would_show_only_later(name: str, value: Any, why: str) -> None:
    """They would cause a traceback, fail every line, or make the run wait for ever."""
    with pytest.raises(BadInput) as refusal:
        check_settings(project(**{name: value}))
    assert str(refusal.value).startswith(why)


@pytest.mark.parametrize(
    "proxy", ["x y", "socks4://127.0.0.1:9", "http://h:port", "http://", "://", "http://[::1"]
)
def test_a_proxy_that_is_none(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """A malformed proxy would fail every line."""
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(BadInput, match=r"^environment variable http_proxy = .*: must be the addr"):
        check_proxies(project())
    check_proxies(project(HTTPPROXY_ENABLED=False))


@pytest.mark.parametrize("proxy", ["h:3128", "http://me:pw@h", "https://127.0.0.1:1", ""])
def test_a_proxy(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """A proxy may be given without a scheme."""
    monkeypatch.setenv("https_proxy", proxy)
    check_proxies(project())


def test_a_proxy_s_password_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy's password is hidden, even one that makes the URL malformed."""
    monkeypatch.setenv("http_proxy", "http://bob:hu/sh@h:3128")
    with pytest.raises(BadInput) as refusal:
        check_proxies(project())
    assert "http_proxy = 'http://***@h:3128'" in str(refusal.value)
