"""Tests patterns of paths, as in robots.txt and tdmrep.json."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefetch.middlewares.site_rules.path_patterns import PathPattern, PatternList, path_of
from tests.conftest import examples

ORIGIN = "https://a.example"


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/", "", True),
        ("", "/any", True),
        ("*", "/any", True),
        ("/fish", "/fish.html", True),
        ("/fish", "/Fish", False),
        ("/fish/", "/fish", False),
        ("/*.php", "/folder/a.php?b", True),
        ("/*.php$", "/a.php?b", False),
        ("/*.php$", "/a.php/b.php", True),
        ("/a*a$", "/a", False),
        ("/a$", "/a", True),
        ("/a$", "/ab", False),
        ("/a?b=1", "/a?b=1&c", True),
        ("/path/foo-%24", "/path/foo-$", True),
        ("/path/foo-%2A", "/path/foo-*", True),
        ("/a$b", "/a$b", True),
        ("/%7efoo", "/~foo", True),
        ("/~foo", "/%7Efoo", True),
        ("/a%2fb", "/a/b", False),
        ("/a%2fb", "/a%2Fb", True),
        ("/é", "/%C3%A9", True),
        ("/%c3%a9", "/é", True),
        ("fish", "/fish", False),
    ],
)
def test_patterns(pattern: str, path: str, matches: bool) -> None:
    """A pattern is a prefix; the percent-encoding of equal paths does not matter."""
    assert PathPattern.of(pattern).matches(path_of(ORIGIN + path)) is matches


@examples(2_000)
@given(st.text("ab/*$", max_size=10), st.text("ab/", max_size=12))
def test_patterns_match_as_regular_expressions(pattern: str, path: str) -> None:
    """The same as with ``.*`` for each star."""
    body = re.escape(pattern.removesuffix("$")).replace(r"\*", ".*")
    expression = body + ("$" if pattern.endswith("$") else "")
    expected = re.match(expression, f"/{path}") is not None
    assert PathPattern.of(pattern).matches(path_of(f"{ORIGIN}/{path}")) is expected


def test_the_cost_bounds_the_work() -> None:
    """Patterns without stars cost next to nothing, however many there are."""
    path = "/" + "a" * 10_000
    plain = PatternList((PathPattern.of(f"/{number}"), 1) for number in range(10_000))
    assert plain.first(path) is None
    assert plain.cost(path) < 2**20
    stars = PatternList((PathPattern.of("/" + "*ab" * 100), 1) for _ in range(100))
    assert stars.cost(path) >= 100 * 300 * len(path)
    assert stars.first(path) is None
