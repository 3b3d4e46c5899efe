"""Statistics of a run: sums over rows."""

from __future__ import annotations

import json
from dataclasses import replace

from imagefetch.items import ImageRecord
from imagefetch.stats.run_stats import EXAMPLES, Figures
from imagefetch.stats.sketches import Reservoir

KEPT = ImageRecord(
    "http://a.example/1.jpg", "200", 1, "1.jpg", 5_000, "image/jpeg", 640, 480, "ab" * 32, 2, 0.25
)
AGAIN = replace(KEPT, line=2, attempts=0, seconds=None)
GONE = ImageRecord("http://b.example/2.jpg", "404", 3, attempts=1, seconds=0.1, reason="not-found")
CUT = replace(KEPT, line=4, file="4.jpg", reason="cut-image", attempts=1)


def figures(*records: ImageRecord) -> Figures:
    made = Figures(sample=Reservoir(10))
    for record in records:
        made.add(record, record.url.split("/")[2])
    return made


def test_rows_add_up() -> None:
    """Each row counts once; the file, size and time of a duplicate don't count again; a line that
    is no URL is no duplicate."""
    nothing = ImageRecord("http://no one/", "FAILED InvalidURL", 5, reason="invalid-url")
    assert figures(nothing).duplicates == 0
    paused = replace(nothing, code="FAILED HostPaused", reason="host-paused")
    assert figures(paused).duplicates == 0
    result = figures(KEPT, AGAIN, GONE, CUT)
    assert (result.done, result.kept, result.failed, result.duplicates) == (4, 3, 1, 1)
    assert (result.bytes, result.requests, result.retried) == (10_000, 4, 1)
    assert result.codes == {"200": 3, "404": 1}
    assert result.reasons == {"not-found": 1}
    assert result.damaged == {"cut-image": 1}
    assert result.types == {"image/jpeg": 2}
    assert result.sizes.bins.total() == result.sides.bins.total() == 2
    assert result.hosts.sums == {"a.example": [3, 0, 10_000, 0.5, 2], "b.example": [1, 1, 0, 0, 0]}
    assert [image["line"] for image in result.sample.sample] == [1, 4]
    assert result.examples == {"not-found": [[3, "http://b.example/2.jpg", "404"]]}


def test_memory_is_bounded() -> None:
    """Ten thousand rows take hardly more memory than a hundred."""
    few, many = (
        figures(*(replace(GONE, line=n, url=f"http://h/{n}") for n in range(number)))
        for number in (100, 10_000)
    )
    assert len(many.examples["not-found"]) == EXAMPLES
    assert len(json.dumps(many.to_json())) < len(json.dumps(few.to_json())) + 100


def test_serialization() -> None:
    """They are the same after serialization as JSON."""
    made = figures(KEPT, AGAIN, GONE, CUT)
    restored = Figures.from_json(json.loads(json.dumps(made.to_json())))
    assert restored.to_json() == made.to_json()
    assert (restored.codes, restored.hosts.sums) == (made.codes, made.hosts.sums)
