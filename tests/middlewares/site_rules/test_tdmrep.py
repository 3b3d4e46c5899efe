"""Tests the rules of a tdmrep.json."""

from __future__ import annotations

import json

import pytest

from imagefetch.middlewares.site_rules.tdmrep import reservations

# The example of the report, section "TDM File on the Origin Server".
EXAMPLE = [
    {"location": "/directory-a/", "tdm-reservation": 1},
    {
        "location": "/directory-b/html/",
        "tdm-reservation": 1,
        "tdm-policy": "https://provider.com/policies/policy.json",
    },
    {"location": "/directory-b/images/*.jpg", "tdm-reservation": 0},
]


@pytest.mark.parametrize(
    ("path", "reserved"),
    [
        ("/directory-a/a.pdf", True),
        ("/directory-b/html/a", True),
        ("/directory-b/images/a.jpg", False),
        ("/directory-b/images/a.png", None),
        ("/", None),
    ],
)
def test_example(path: str, reserved: bool | None) -> None:
    """As the report says; other paths are neither reserved nor free."""
    assert reservations(json.dumps(EXAMPLE).encode()).first(path) is reserved


@pytest.mark.parametrize(
    ("value", "reserved"), [(1, True), ("1", True), (0, False), (2, None), (1.5, None)]
)
def test_values(value: object, reserved: bool | None) -> None:
    """Other values than 1 and 0 are errors; a later rule then counts."""
    rules = [{"location": "/a", "tdm-reservation": value}]
    found = reservations(b"\xef\xbb\xbf" + json.dumps(rules).encode())
    assert found.first("/a") is reserved
    later = [*rules, {"location": "/", "tdm-reservation": 0}]
    assert reservations(json.dumps(later).encode()).first("/a") is bool(reserved)
