"""Defines the workloads: number and size of images, number of hosts, their latency."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.pictures import EXTENSIONS, PICTURES

# Latency of a far server in seconds.
DELAY = 0.1


@dataclass(frozen=True)
class Workload:
    """One list of images."""

    name: str
    kind: str
    """Key of `PICTURES`."""
    pictures: int
    hosts: int = 1
    far: bool = False
    """Whether each response is delayed by `DELAY`."""
    tls: bool = False

    @property
    def about(self) -> str:
        """Description."""
        size = {"large": "2.5 MB", "small": "7 KB", "tiny": "75 bytes"}[self.kind]
        hosts = "one host" if self.hosts == 1 else f"{self.hosts} hosts"
        after = f", responses after {DELAY * 1000:.0f} ms" if self.far else ""
        return f"{self.pictures:,} images of {size}, {hosts}{after}{', https' * self.tls}"

    @property
    def picture_bytes(self) -> int:
        """Size of an image in bytes, the same for all."""
        return len(PICTURES[self.kind](0))

    def scaled(self, scale: float) -> Workload:
        """Return the workload with *scale* times as many images."""
        return replace(self, pictures=max(1, round(self.pictures * scale)))

    def ideal(self, at_once: int) -> float:
        """Return a lower bound in seconds: the total delay of responses, *at_once* in parallel."""
        return self.pictures * DELAY / at_once if self.far else 0.0

    def urls(self, port: int) -> Iterator[str]:
        """Yield the URL of each image; hosts take turns."""
        base = f"http{'s' * self.tls}://127.0.0."
        path = f":{port}{'/far' * self.far}/{self.kind}/"
        for number in range(self.pictures):
            host = number % self.hosts + 1
            yield f"{base}{host}{path}{number:07}.{EXTENSIONS[self.kind]}"

    def digests(self) -> Counter[str]:
        """Return the SHA-256 hashes of all images."""
        make = PICTURES[self.kind]
        return Counter(hashlib.sha256(make(n)).hexdigest() for n in range(self.pictures))


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("large", "large", 1_000),
        Workload("small", "small", 10_000),
        Workload("far", "small", 10_000, hosts=20, far=True),
        Workload("one-host", "small", 10_000, far=True),
        Workload("https-large", "large", 1_000, tls=True),
        Workload("https-small", "small", 10_000, tls=True),
        Workload("long-10000", "tiny", 10_000),
        Workload("long-100000", "tiny", 100_000),
        Workload("long-1000000", "tiny", 1_000_000),
    )
}


def named(names: list[str]) -> list[Workload]:
    """Return the workloads with *names*, by default all; ``long`` is a group of workloads.

    :raises ValueError: naming an unknown one
    """
    chosen: dict[str, Workload] = {}
    for name in names or WORKLOADS:
        found = {n: w for n, w in WORKLOADS.items() if n == name or n.startswith(f"{name}-")}
        if not found:
            raise ValueError(f"{name}: no such workload; there are {', '.join(WORKLOADS)}")
        chosen |= found
    return list(chosen.values())
