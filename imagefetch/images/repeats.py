"""Detects images that many URLs of one host return: probably placeholders not yet configured."""

from __future__ import annotations

from typing import NamedTuple

from imagefetch.urls import host_of
from imagefetch.utils.bounded.approximate_counts import without_rarest

# Maximum pairs of host and image that are counted at once; each takes 300 bytes.
PAIRS = 50_000


class Repeat(NamedTuple):
    """An image that many URLs of a host returned."""

    host: str
    sha256: str
    urls: int
    """Number of different URLs, as a lower bound."""

    def __str__(self) -> str:
        return f"{self.urls:,} URLs of {self.host} gave the same picture, {self.sha256}"


class Repeats:
    """Counts images in bounded memory. When there are too many pairs, the rarest are dropped
    (`imagefetch.utils.bounded.approximate_counts`), so counts are lower bounds: too low by at most
    the number of rows divided by half of `PAIRS`."""

    def __init__(self, threshold: int, pairs: int = PAIRS) -> None:
        """*threshold*: number of different URLs that make an image repeated; 0 means never."""
        self.threshold = threshold
        self.pairs = pairs
        self._counts: dict[tuple[str, bytes], int] = {}

    def __len__(self) -> int:
        """Return the number of pairs that are counted now."""
        return len(self._counts)

    def add(self, url: str, sha256: str) -> None:
        """Count the image *sha256* (hex) from *url*. Call this only once for each URL."""
        if self.threshold:
            key = host_of(url), bytes.fromhex(sha256)
            self._counts[key] = self._counts.get(key, 0) + 1
            if len(self._counts) > self.pairs:
                self._counts = without_rarest(self._counts, int)

    def found(self) -> list[Repeat]:
        """Return the images with at least `threshold` URLs, the most frequent first."""
        repeated = [
            Repeat(host, digest.hex(), count)
            for (host, digest), count in self._counts.items()
            if count >= self.threshold > 0
        ]
        return sorted(repeated, key=lambda repeat: (-repeat.urls, repeat))
