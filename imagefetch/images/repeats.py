"""The same bytes from many URLs of one host: likely a placeholder that nobody listed."""

from __future__ import annotations

from typing import NamedTuple

from imagefetch.urls import host_of

# Pairs of host and picture that are counted at once; 300 bytes each.
PAIRS = 50_000


class Repeat(NamedTuple):
    """One picture that came often."""

    host: str
    sha256: str
    urls: int
    """Different URLs, at least."""

    def __str__(self) -> str:
        return f"{self.urls:,} URLs of {self.host} gave the same picture, {self.sha256}"


class Repeats:
    """Counts in bounded memory (Manku and Motwani, "Approximate Frequency Counts over Data
    Streams", 2002): where room is short, the rarest are forgotten, so that counts are lower
    bounds, short of the truth by at most the rows seen divided by half of `PAIRS`."""

    def __init__(self, threshold: int, pairs: int = PAIRS) -> None:
        """*threshold*: different URLs from which a picture counts as repeated; 0 for never."""
        self.threshold = threshold
        self.pairs = pairs
        self._counts: dict[tuple[str, bytes], int] = {}

    def __len__(self) -> int:
        """Pairs that are counted now."""
        return len(self._counts)

    def add(self, url: str, sha256: str) -> None:
        """Count the picture *sha256* (hex) that came from *url*, which comes but once."""
        if self.threshold:
            key = host_of(url), bytes.fromhex(sha256)
            self._counts[key] = self._counts.get(key, 0) + 1
            if len(self._counts) > self.pairs:
                self._forget()

    def _forget(self) -> None:
        floor = sorted(self._counts.values())[len(self._counts) // 2]
        self._counts = {key: n for key, n in self._counts.items() if n > floor}

    def found(self) -> list[Repeat]:
        """Return the pictures that came from at least so many URLs, the most frequent first."""
        often = [
            Repeat(host, digest.hex(), count)
            for (host, digest), count in self._counts.items()
            if count >= self.threshold > 0
        ]
        return sorted(often, key=lambda repeat: (-repeat.urls, repeat))
