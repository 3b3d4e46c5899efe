"""Filters accept or reject images by size, type and bytes."""

from __future__ import annotations

from typing import Any

import pytest

from imagefetch import errors
from imagefetch.images.acceptance import Filters
from imagefetch.items import ImageRecord
from tests.conftest import RunCrawl, project
from tests.support.faults import body
from tests.support.pictures import bmp
from tests.support.server import Server


def record(width: int | None = 40, height: int | None = 30) -> ImageRecord:
    return ImageRecord("u", "200", 1, "", 1000, "image/png", width, height)


CASES: list[tuple[dict[str, Any], dict[str, Any], type[errors.Rejection]]] = [
    ({"MIN_WIDTH": 40}, {"MIN_WIDTH": 41}, errors.TooNarrow),
    ({"MIN_HEIGHT": 30}, {"MIN_HEIGHT": 31}, errors.TooLow),
    ({"MAX_PIXELS": 1200}, {"MAX_PIXELS": 1199}, errors.TooManyPixels),
    ({"MAX_ASPECT_RATIO": 1.34}, {"MAX_ASPECT_RATIO": 1.33}, errors.TooElongated),
    ({"MIN_BYTES": 1000}, {"MIN_BYTES": 1001}, errors.TooFewBytes),
    (
        {"ALLOWED_TYPES": "image/png,image/gif"},
        {"ALLOWED_TYPES": ["image/gif"]},
        errors.TypeNotAllowed,
    ),
]


@pytest.mark.parametrize(("within", "beyond", "error"), CASES)
def test_bounds(
    within: dict[str, Any], beyond: dict[str, Any], error: type[errors.Rejection]
) -> None:
    """An image at the bound is accepted; one beyond it is rejected with the bound's own reason."""
    Filters.from_settings(project(**within)).check(record())
    with pytest.raises(error):
        Filters.from_settings(project(**beyond)).check(record())
    if error not in {errors.TooFewBytes, errors.TypeNotAllowed}:
        Filters.from_settings(project(**beyond)).check(record(None, None))  # unknown, so accepted


def test_off_by_default() -> None:
    """Every image is accepted."""
    Filters.from_settings(project()).check(
        ImageRecord("u", "200", 1, "", 1, "image/svg+xml", 1, 9**9)
    )


def test_high_and_wide_are_elongated_alike() -> None:
    """The ratio is that of the longer side to the shorter."""
    filters = Filters(max_aspect_ratio=3)
    filters.check(record(30, 90))
    for size in ((30, 91), (91, 30)):
        with pytest.raises(errors.TooElongated):
            filters.check(record(*size))


def test_what_is_not_wanted_has_a_row_and_no_file(crawl: RunCrawl, server: Server) -> None:
    """The slug of a filter is the reason in the row; the summary counts them."""
    urls = [server.url(path) for path in ("/image/a.jpg", "/size/9000/b.jpg")]
    done = crawl(urls, MIN_BYTES=5000)
    assert done.status == 0, done.log
    done.check(2)
    rows = done.by_line
    assert [(rows[n]["Reason"], bool(rows[n]["File"])) for n in (1, 2)] == [
        ("too-few-bytes", False),
        ("", True),
    ]
    assert "not kept    1 too-few-bytes" in done.log


def test_bounds_that_need_a_size_need_the_header(crawl: RunCrawl, server: Server) -> None:
    """With VERIFY_IMAGES off no damage would be detected: the run is refused at the start."""
    done = crawl([server.url("/image/a.jpg")], MIN_WIDTH=10, VERIFY_IMAGES="off")
    assert done.status == 2
    assert done.log.startswith("imagefetch: setting MIN_WIDTH = '10': needs sizes")
    assert not server.hits


CONTRADICTION = b"GIF89a" + bytes(20)
UNSUPPORTED = bmp(compression=3, masks=(0xF000000, 0xF00000, 0xF0000))
LATE_ROOT = b"<!-- " + b"a licence " * 9_000 + b"-->" + b'<svg width="8" height="6"/>'


def odd(server: Server) -> list[str]:
    """Return URLs of a damaged image, of one that Pillow can't decode, and of one that is known
    only when much of it has arrived."""
    bodies = {"/raw/odd.gif": CONTRADICTION, "/raw/odd.bmp": UNSUPPORTED, "/raw/odd.svg": LATE_ROOT}
    server.raw.update({path: body(content) for path, content in bodies.items()})
    return [server.url(path) for path in bodies]


def test_damaged_and_unsupported(crawl: RunCrawl, server: Server) -> None:
    """Damage has a reason, and is kept; what Pillow can't decode is not damaged."""
    done = crawl(odd(server))
    assert done.status == 0, done.log
    rows = [row for _, row in sorted(done.by_line.items())]
    assert [row["Reason"] for row in rows] == ["damaged-image", "", ""]
    assert [row["Type"] for row in rows] == ["image/gif", "image/bmp", "image/svg+xml"]
    assert [(row["Width"], row["Height"]) for row in rows] == [("", ""), ("5", "3"), ("8", "6")]
    assert [(done.images / row["File"]).read_bytes() for row in rows] == [
        CONTRADICTION,
        UNSUPPORTED,
        LATE_ROOT,
    ]


def test_unsupported_is_kept_whatever_is_said_of_damage(crawl: RunCrawl, server: Server) -> None:
    """With VERIFY_IMAGES=full it has a reason; KEEP_DAMAGED doesn't apply to it. A filter on size
    does, as to any other image."""
    done = crawl(odd(server), VERIFY_IMAGES="full", KEEP_DAMAGED=False, MIN_WIDTH=6)
    assert done.status == 0, done.log
    rows = [row for _, row in sorted(done.by_line.items())]
    reasons = ["damaged-image", "too-narrow", "unverified-format"]
    assert [row["Reason"] for row in rows] == reasons
    assert [bool(row["File"]) for row in rows] == [False, False, True]
