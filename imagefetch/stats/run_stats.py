"""Statistics of a run in bounded memory, independent of the number of lines.

The live view, the HTML report and the summary show these. They can be serialized as JSON.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from imagefetch import errors
from imagefetch.images.repeats import Repeats
from imagefetch.lists.repair import repaired
from imagefetch.stats.sketches import FrequentKeys, Histogram, Reservoir, Series
from imagefetch.urls import PLAIN_URL, host_of

if TYPE_CHECKING:
    from imagefetch.items import ImageRecord

HOSTS = 2_000
"""Most hosts that are counted, at 400 bytes each."""

EXAMPLES = 3
"""Most example lines for each reason."""

# Reasons of lines without a request that are not duplicates.
NEVER_SENT = frozenset(
    cls.reason
    for cls in (
        errors.InvalidURL,
        errors.InvalidRecord,
        errors.UnsupportedScheme,
        errors.HostUnavailable,
        errors.HostPaused,
    )
)

# Sums for a host: lines, rows without a file, bytes stored, seconds and number of downloads.
LINES, FAILED, BYTES, SECONDS, DOWNLOADS = range(5)

# Values of a point of the time series: rows with a file, bytes stored, and, multiplied by
# seconds: requests in flight, waiting lines.
POINT = ("kept", "bytes", "in_flight", "waiting")

PHASES = ("dns", "connect", "time_to_headers", "transfer", "write")
"""Phases of a sampled download; see `imagefetch.download.tracing`."""


@dataclass
class Figures:
    """Sums over rows, and over time."""

    done: int = 0
    """Number of rows."""
    kept: int = 0
    """Rows that name a file."""
    bytes: int = 0
    """Size of the files stored; a duplicate's file counts once."""
    duplicates: int = 0
    """Rows of lines whose URL occurred earlier in the list."""
    requests: int = 0
    """Requests sent for these rows, not counting redirects."""
    retried: int = 0
    """Rows with more than one request."""
    repaired: int = 0
    """Rows whose URL was repaired before it was requested."""
    repairs: bool = False
    """Whether URLs are repaired."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Rows without a file, by `Reason`."""
    damaged: Counter[str] = field(default_factory=Counter)
    """Rows whose file is an image that is damaged or unverified, by `Reason`."""
    kinds: Counter[str] = field(default_factory=Counter)
    """Bodies that are not images, by `imagefetch.images.non_images.KINDS`; not recorded in reports,
    but for fleets in `imagefetch.stats.kind_log`."""
    signals: Counter[str] = field(default_factory=Counter)
    """Lines whose hosts opt out, by `imagefetch.download.opt_outs.signals.SIGNALS`; recorded as
    `kinds` are."""
    codes: Counter[str] = field(default_factory=Counter)
    """Rows by `Response code`."""
    types: Counter[str] = field(default_factory=Counter)
    """Files by `Type`."""
    sizes: Histogram = field(default_factory=Histogram)
    """File sizes, bytes."""
    sides: Histogram = field(default_factory=lambda: Histogram(2))
    """Longer sides of images, pixels."""
    times: Histogram = field(default_factory=Histogram)
    """Times of lines from the first request to the last byte, milliseconds."""
    hosts: FrequentKeys = field(default_factory=lambda: FrequentKeys(HOSTS, 5))
    """By host: `LINES`, `FAILED`, `BYTES`, `SECONDS`, `DOWNLOADS`."""
    examples: dict[str, list[list[Any]]] = field(default_factory=dict)
    """By reason: lines as ``[number, URL, code]``, the number with the part, if there is one."""
    sample: Reservoir = field(default_factory=lambda: Reservoir(0))
    """Sample of the rows with a file, as `image_of` returns them."""
    series: Series = field(default_factory=lambda: Series(len(POINT)))
    """The time series; see `POINT`."""
    bottlenecks: Counter[str] = field(default_factory=Counter)
    """Milliseconds by bottleneck; see `imagefetch.stats.recorder`."""
    phases: list[float] = field(default_factory=lambda: [0.0] * (len(PHASES) + 1))
    """Seconds of each of `PHASES`, then the number of sampled downloads."""

    COUNTERS: ClassVar[tuple[str, ...]] = (
        "reasons",
        "damaged",
        "kinds",
        "signals",
        "codes",
        "types",
        "bottlenecks",
    )
    SKETCHES: ClassVar[dict[str, Any]] = {
        "sizes": Histogram,
        "sides": Histogram,
        "times": Histogram,
        "hosts": FrequentKeys,
        "sample": Reservoir,
        "series": Series,
    }

    @property
    def failed(self) -> int:
        """Rows without a file."""
        return self.done - self.kept

    def conditions(self) -> Counter[str]:
        """Return the number of damaged and of unverified images, by `errors.condition_of`."""
        counted: Counter[str] = Counter()
        for reason, number in self.damaged.items():
            counted[errors.condition_of(reason)] += number
        return counted

    def add(self, record: ImageRecord, host: str) -> None:
        """Add the row of *record*, whose URL has the host *host*."""
        self.done += 1
        self.codes[record.code] += 1
        sums = self.hosts.of(host)
        sums[LINES] += 1
        attempts, reason = record.attempts, record.reason
        if attempts:
            self.requests += attempts
            self.retried += attempts > 1
        else:
            self.duplicates += reason not in NEVER_SENT
        if not record.file:
            sums[FAILED] += 1
            self._failed(record)
            return
        self.kept += 1
        if reason:
            self.damaged[reason] += 1
        if attempts:
            self._stored(record, sums)

    def _failed(self, record: ImageRecord) -> None:
        self.reasons[record.reason] += 1
        if record.kind:
            self.kinds[record.kind] += 1
        if record.signal:
            self.signals[record.signal] += 1
        examples = self.examples.setdefault(record.reason, [])
        if len(examples) < EXAMPLES:
            examples.append([_line(record), record.url, record.code])

    def _stored(self, record: ImageRecord, sums: list[float]) -> None:
        size = record.bytes or 0
        self.bytes += size
        self.types[record.type] += 1
        self.sizes.add(size)
        if record.width and record.height:
            self.sides.add(max(record.width, record.height))
        if record.seconds is not None:
            self.times.add(round(record.seconds * 1000))
            sums[SECONDS] += record.seconds
            sums[DOWNLOADS] += 1
        sums[BYTES] += size
        if self.sample.wants():
            self.sample.put(image_of(record))

    def to_json(self) -> dict[str, Any]:
        """Return the statistics as JSON values; `from_json` is the inverse."""
        data = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**data, **{name: data[name].to_json() for name in self.SKETCHES}}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Figures:
        values = {name: Counter(data[name]) for name in cls.COUNTERS}
        values |= {name: kind.from_json(data[name]) for name, kind in cls.SKETCHES.items()}
        return cls(**{**data, **values})


def image_of(record: ImageRecord) -> dict[str, Any]:
    """Return the fields of *record* that the contact sheet shows."""
    names = ("line", "part", "url", "file", "type", "width", "height", "bytes", "reason")
    return {name: getattr(record, name) for name in names}


def _line(record: ImageRecord) -> int | str:
    return record.line if record.part is None else f"{record.line}, part {record.part}"


def add_record(record: ImageRecord, figures: Figures, repeats: Repeats) -> None:
    """Add the row of *record* to *figures* and *repeats*."""
    url = record.url
    if figures.repairs and not PLAIN_URL.fullmatch(url) and (right := repaired(url)):
        figures.repaired += 1
        url = right
    figures.add(record, host_of(url))
    if record.file and record.attempts:
        repeats.add(record.url, record.sha256)
