"""Tests the rules of a robots.txt about the use of content."""

from __future__ import annotations

import pytest

from imagefetch.download.opt_outs.preferences import Preferences
from imagefetch.download.opt_outs.signals import SIGNALS
from imagefetch.middlewares.site_rules.path_patterns import path_of
from imagefetch.middlewares.site_rules.robots_txt import reduce
from imagefetch.middlewares.site_rules.usage_rules import usage_rules

# The example of draft-ietf-aipref-attach, section "Example".
EXAMPLE = """\
User-Agent: *
Allow: /
Disallow: /never/
Content-Usage: train-ai=n
Content-Usage: /ai-ok/ train-ai=y

User-Agent: ExampleBot
Allow: /
Content-Usage: train-ai=y
"""


def signals(robots: str, path: str, robot: str = "imagefetch/1.0") -> set[str]:
    lines = reduce(robots.encode(), robot).text.decode().splitlines()
    rules = usage_rules(lines, Preferences(SIGNALS))
    return {found for patterns in rules.values() if (found := patterns.first(path_of(path)))}


@pytest.mark.parametrize(
    ("path", "robot", "opted_out"),
    [
        ("/test", "imagefetch/1.0", True),
        ("/ai-ok/test", "imagefetch/1.0", False),
        ("/test", "ExampleBot/2", False),
    ],
)
def test_example(path: str, robot: str, opted_out: bool) -> None:
    """The group of the robot counts, and in it the longest path."""
    expected = {"content-usage:train-ai"} if opted_out else set()
    assert signals(EXAMPLE, f"http://a.example{path}", robot) == expected


@pytest.mark.parametrize(
    ("rules", "path", "expected"),
    [
        (["Content-Usage: /a train-ai=n", "Content-Usage: /a search=n, train-ai=y"], "/a", 1),
        (["Content-Usage: train-ai=n", "Content-Usage: /a search=y"], "/a", 0),
        (["content-usage :/a\ttrain-ai=n # why"], "/a", 1),
        (["Content-Usage: /a train-ai=n, Content-Usage: train-ai=n"], "/a", 0),
        (["Content-Usage: a train-ai=n"], "/a", 0),
        (["Content-Usage:"], "/a", 0),
        (["Content-Signal: ai-train=no", "Content-Usage: train-ai=n"], "/a", 2),
        (["Content-Signal: ai-train=no", "Content-Usage: /a train-ai=y"], "/a", 1),
        (["Content-Signal: /b/*.jpg ai-train=no"], "/b/c.jpg", 1),
        (["Content-Signal: /b/*.jpg ai-train=no"], "/b/c.png", 0),
    ],
)
def test_rules(rules: list[str], path: str, expected: int) -> None:
    """Equal paths are combined; the two fields are independent."""
    robots = "\n".join(["User-agent: *", *rules])
    assert len(signals(robots, f"http://a.example{path}")) == expected


def test_rules_before_the_first_group() -> None:
    """They apply to every robot, unlike those of another robot's group."""
    robots = "Content-Signal: ai-train=no\nUser-agent: other\nContent-Usage: train-ai=n\n"
    assert signals(robots, "http://a.example/") == {"content-signal:ai-train"}
