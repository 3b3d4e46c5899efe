"""What a site asks of robots: robots.txt, and X-Robots-Tag in its answers."""

from __future__ import annotations

from collections.abc import Iterable

from scrapy import Request, Spider
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest

from imagefetch.errors import DisallowedByRobots

# Directives with a value of their own behind a colon, where others have the
# name of the robot that they are for
# (https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag).
VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})


class NamedRobotsTxtMiddleware(RobotsTxtMiddleware):
    """Scrapy's, for ROBOTSTXT_OBEY, but what robots.txt forbids has its name."""

    async def process_request(self, request: Request, spider: Spider | None = None) -> None:
        """:raises DisallowedByRobots: if robots.txt forbids *request*"""
        try:
            await super().process_request(request)
        except IgnoreRequest as error:
            raise DisallowedByRobots from error


class OptOut:
    """Tells which answers are not meant for those who collect pictures."""

    def __init__(self, directives: Iterable[str], user_agent: str) -> None:
        """*directives* of X-Robots-Tag that count, as ``noai``."""
        self.directives = {directive.strip().lower() for directive in directives}
        if "noindex" in self.directives:
            self.directives.add("none")  # stands for noindex and nofollow
        self.names = {"*", user_agent.partition("/")[0].strip().lower()}

    def applies(self, tags: Iterable[str]) -> bool:
        """Whether one of *tags*, values of X-Robots-Tag, has a directive that counts.

        A value may name a robot, ``otherbot: noindex, nofollow``; what follows
        is then for that one.
        """
        return any(self._applies(tag.lower()) for tag in tags)

    def _applies(self, tag: str) -> bool:
        for_us = True
        for part in tag.split(","):
            name, colon, value = (word.strip() for word in part.partition(":"))
            if colon and name not in VALUED:
                for_us, name = name in self.names, value
            if for_us and name in self.directives:
                return True
        return False
