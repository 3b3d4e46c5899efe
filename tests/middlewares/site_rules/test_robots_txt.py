"""Tests the reduction of a robots.txt to the rules for one robot."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from protego import Protego

from imagefetch.middlewares.site_rules.robots_txt import SIZE_MAX, reduce
from tests.conftest import examples

ROBOT = "Imagefetch/1.0 (+https://some-bot.example)"

LINES = st.sampled_from(
    ["User-agent: *", "user-agent:imagefetch", "User-Agent: image*", "User agent fetch",
     "useragent: b",
     "User-agent: bot", "User-agent: some-bot", "User-agent:", "User-agent: other # x", "", "# x",
     "Disallow: /", "Disallow: /a", "Disallow /b", "Allow: /a/b", "disallow: *c$", "Disallow:",
     "Allow: /index.html", "Crawl-delay: 5", "Sitemap: http://h/a.xml", "Host: h", "Noindex: /a",
     "Content-Usage: /a train-ai=n", "Content-Signal: ai-train=no", "word", "two words", ": /a"]
)  # fmt: skip
PATHS = ["/", "/a", "/a/b", "/b", "/abc", "/index.html", "/a/bc", "/c"]


@examples(2_000)
@given(st.lists(LINES, max_size=12))
@example(["User-agent: imagefetch", "", "User-agent: *", "Disallow: /"])
def test_rules_of_the_robot_are_kept(lines: list[str]) -> None:
    """A parser of the reduced file decides as one of the whole file."""
    text = "\n".join(lines)
    whole, reduced = Protego.parse(text), Protego.parse(reduce(text.encode(), ROBOT).text.decode())
    for path in PATHS:
        url = f"http://h{path}"
        assert whole.can_fetch(url, ROBOT) == reduced.can_fetch(url, ROBOT), path
    assert whole.crawl_delay(ROBOT) == reduced.crawl_delay(ROBOT)
    assert list(whole.sitemaps) == list(reduced.sitemaps)


@pytest.mark.parametrize(("size", "counts"), [(500 * 1024, True), (SIZE_MAX, False)])
def test_how_many_bytes_apply(size: int, counts: bool) -> None:
    """At least 500 KiB and at most `SIZE_MAX` bytes."""
    rule = b"Disallow: /private/\n"
    body = b"User-agent: *\n".ljust(size - len(rule), b"#") + b"\n" + rule
    reduced = Protego.parse(reduce(body, ROBOT).text.decode())
    assert reduced.can_fetch("http://h/private/a", ROBOT) is not counts


def test_a_truncated_line_is_ignored() -> None:
    """It would forbid more than the whole line."""
    body = (
        b"User-agent: *\n".ljust(SIZE_MAX - len("\nDisallow: /"), b"#") + b"\nDisallow: /private/\n"
    )
    assert reduce(body, ROBOT).lines == 0
