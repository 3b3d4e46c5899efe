"""The X-Robots-Tag header: whether a response may be kept by those who collect images."""

from __future__ import annotations

from collections.abc import Iterable

# Directives with a value of their own behind a colon, where others have the
# name of the robot that they are for
# (https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag).
VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})


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
