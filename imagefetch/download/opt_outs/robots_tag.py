"""Checks the X-Robots-Tag header: whether a response opts out of being collected."""

from __future__ import annotations

from collections.abc import Iterable

# Directives with a value after a colon; with others, the colon follows the name of a robot
# (https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag).
VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})


class OptOut:
    """Detects responses that opt out of image collection."""

    def __init__(self, directives: Iterable[str], user_agent: str) -> None:
        """*directives*: the directives of X-Robots-Tag that mean an opt-out, such as ``noai``."""
        self.directives = {directive.strip().lower() for directive in directives}
        if "noindex" in self.directives:
            self.directives.add("none")  # means noindex and nofollow
        self.names = {"*", user_agent.partition("/")[0].strip().lower()}

    def applies(self, tags: Iterable[str]) -> bool:
        """Return whether one of *tags*, values of X-Robots-Tag, contains an opt-out.

        A value may name a robot, as in ``otherbot: noindex, nofollow``; the directives that
        follow apply to that robot only.
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
