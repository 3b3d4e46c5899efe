"""What a run comes to, in figures that stay as few however long it is.

Everything that a user is shown is drawn from these: the view, the page, the
summary. They can be handed on as JSON.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from imagefetch import errors
from imagefetch.images.repeats import Repeats
from imagefetch.stats.sketches import Histogram, Reservoir, Series, Tally
from imagefetch.urls import host_of

if TYPE_CHECKING:
    from imagefetch.items import ImageRecord

HOSTS = 2_000
"""Hosts that are counted at once, at 400 bytes each."""

EXAMPLES = 3
"""Lines that are named for each reason."""

# Of lines that no request was sent for, these were not asked for before either.
NEVER_SENT = frozenset(
    cls.reason for cls in (errors.InvalidURL, errors.UnsupportedScheme, errors.HostUnavailable)
)

# Of a host: lines, rows without a file, bytes stored, seconds and number of the downloads.
LINES, FAILED, BYTES, SECONDS, DOWNLOADS = range(5)

# Of a point in time: rows with a file, bytes stored, and these times seconds:
# requests under way, lines that wait.
POINT = ("kept", "bytes", "under_way", "waiting")

PHASES = ("dns", "connect", "answer", "transfer", "write")
"""Of a download that was looked at more closely; see `imagefetch.download.tracing`."""


@dataclass
class Figures:
    """Sums over rows, and over time."""

    done: int = 0
    """Rows."""
    kept: int = 0
    """Rows that name a file."""
    bytes: int = 0
    """Of the files stored; a duplicate's file counts once."""
    duplicates: int = 0
    """Rows of lines that had been asked for before."""
    requests: int = 0
    """Sent for these rows, redirects not counted."""
    retried: int = 0
    """Rows for which more than one was sent."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Rows without a file, by `Reason`."""
    damaged: Counter[str] = field(default_factory=Counter)
    """Rows with a file whose picture is no good, by `Reason`."""
    codes: Counter[str] = field(default_factory=Counter)
    """Rows by `Response code`."""
    types: Counter[str] = field(default_factory=Counter)
    """Files by `Type`."""
    sizes: Histogram = field(default_factory=Histogram)
    """Bytes of a file."""
    sides: Histogram = field(default_factory=lambda: Histogram(2))
    """Pixels of a picture's longer side."""
    times: Histogram = field(default_factory=Histogram)
    """Milliseconds of a line, from first request to last byte."""
    hosts: Tally = field(default_factory=lambda: Tally(HOSTS, 5))
    examples: dict[str, list[list[Any]]] = field(default_factory=dict)
    """By reason: lines, each its number, URL and code."""
    sample: Reservoir = field(default_factory=lambda: Reservoir(0))
    """Records of files, as `picture_of` returns them."""
    series: Series = field(default_factory=lambda: Series(len(POINT)))
    """See `POINT`."""
    held: Counter[str] = field(default_factory=Counter)
    """Milliseconds, by what held the run back; see `imagefetch.stats.recorder`."""
    phases: list[float] = field(default_factory=lambda: [0.0] * (len(PHASES) + 1))
    """Seconds of each of `PHASES`, then the number of downloads that these are of."""

    COUNTERS: ClassVar[tuple[str, ...]] = ("reasons", "damaged", "codes", "types", "held")
    SKETCHES: ClassVar[dict[str, Any]] = {
        "sizes": Histogram,
        "sides": Histogram,
        "times": Histogram,
        "hosts": Tally,
        "sample": Reservoir,
        "series": Series,
    }

    @property
    def failed(self) -> int:
        """Rows without a file."""
        return self.done - self.kept

    def add(self, record: ImageRecord, host: str) -> None:
        """Take in the row of *record*, whose URL's host is *host*."""
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
        examples = self.examples.setdefault(record.reason, [])
        if len(examples) < EXAMPLES:
            examples.append([record.line, record.url, record.code])

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
            self.sample.put(picture_of(record))

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` makes the same figures of, plain enough for JSON."""
        data = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**data, **{name: data[name].to_json() for name in self.SKETCHES}}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Figures:
        read = {name: Counter(data[name]) for name in cls.COUNTERS}
        read |= {name: kind.from_json(data[name]) for name, kind in cls.SKETCHES.items()}
        return cls(**{**data, **read})


def picture_of(record: ImageRecord) -> dict[str, Any]:
    """Return what the contact sheet shows of *record*."""
    names = ("line", "url", "file", "type", "width", "height", "bytes", "reason")
    return {name: getattr(record, name) for name in names}


def add_record(record: ImageRecord, figures: Figures, repeats: Repeats) -> None:
    """Add a row's *record* to what is shown of all."""
    figures.add(record, host_of(record.url))
    if record.file and record.attempts:
        repeats.add(record.url, record.sha256)
