"""Lines with the same URL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from imagefetch.job.url_index import RowOffsets
from imagefetch.urls import key_of

URL = "https://a.example/a.jpg?q=1"


@pytest.fixture
def row_offsets() -> Iterator[RowOffsets]:
    row_offsets = RowOffsets()
    yield row_offsets
    row_offsets.close()


@pytest.mark.parametrize("fragment", ["#", "#top", "#a#b", "#?q=2"])
def test_fragment_makes_no_difference(fragment: str) -> None:
    """URLs that differ only in what isn't sent have the same key."""
    assert key_of(URL + fragment) == key_of(URL)


@pytest.mark.parametrize(
    "other", [URL[:-4], URL + "&", URL + "%23", URL.replace("https", "http"), URL.upper()]
)
def test_all_else_does(other: str) -> None:
    """URLs that differ in anything sent have different keys."""
    assert key_of(other) != key_of(URL)


def test_only_the_first_line_asks(row_offsets: RowOffsets) -> None:
    """A URL is new once; others stay new."""
    assert row_offsets.add(key_of(URL))
    assert not row_offsets.add(key_of(URL))
    assert row_offsets.add(key_of(URL + "&r=2"))


def test_row_is_found_again(row_offsets: RowOffsets) -> None:
    """A row's offset is unknown until it is set, and each URL has its own."""
    keys = [key_of(f"{URL}{n}") for n in range(1_000)]
    for key in keys:
        row_offsets.add(key)
    assert row_offsets.offset(keys[0]) is None
    for place, key in enumerate(keys):
        row_offsets.set_offset(key, place * 10**7)
    assert [row_offsets.offset(key) for key in keys] == [place * 10**7 for place in range(1_000)]


def test_asking_again_keeps_the_row(row_offsets: RowOffsets) -> None:
    """Adding the same URL again keeps its row's offset."""
    key = key_of(URL)
    row_offsets.add(key)
    row_offsets.set_offset(key, 0)
    row_offsets.add(key)
    assert row_offsets.offset(key) == 0


def test_unknown_url_has_no_row(row_offsets: RowOffsets) -> None:
    """A URL that was never added has no row, even if an offset is set."""
    assert row_offsets.offset(key_of(URL)) is None
    row_offsets.set_offset(key_of(URL), 7)
    assert row_offsets.offset(key_of(URL)) is None


def test_urls_in_memory_and_in_the_database_are_the_same_to_the_caller(
    row_offsets: RowOffsets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the number that is in memory, each URL is still new once, and keeps its row, be it
    written before or after the URL went to the database."""
    monkeypatch.setattr(RowOffsets, "RECENT", 10)
    keys = [key_of(f"{URL}{n}") for n in range(95)]
    row_offsets.load([(keys[0], 1)])
    for place, key in enumerate(keys):
        assert row_offsets.add(key) == (place > 0)
        if place % 2:
            row_offsets.set_offset(key, place)
    for place, key in enumerate(keys):
        assert not row_offsets.add(key)
        if place and not place % 2:
            assert row_offsets.offset(key) is None
            row_offsets.set_offset(key, place)
    assert [row_offsets.offset(key) for key in keys] == [1, *range(1, 95)]
    assert row_offsets.add(key_of(URL))
