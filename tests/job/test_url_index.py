"""Lines with the same URL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from imagefetch.job.url_index import Outcomes
from imagefetch.urls import key_of

URL = "https://a.example/a.jpg?q=1"


@pytest.fixture
def outcomes() -> Iterator[Outcomes]:
    outcomes = Outcomes()
    yield outcomes
    outcomes.close()


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


def test_only_the_first_line_asks(outcomes: Outcomes) -> None:
    """A URL is new once; others stay new."""
    assert outcomes.add(key_of(URL))
    assert not outcomes.add(key_of(URL))
    assert outcomes.add(key_of(URL + "&r=2"))


def test_row_is_found_again(outcomes: Outcomes) -> None:
    """A row's offset is unknown until it is set, and each URL has its own."""
    keys = [key_of(f"{URL}{n}") for n in range(1_000)]
    for key in keys:
        outcomes.add(key)
    assert outcomes.offset(keys[0]) is None
    for place, key in enumerate(keys):
        outcomes.set_offset(key, place * 10**7)
    assert [outcomes.offset(key) for key in keys] == [place * 10**7 for place in range(1_000)]


def test_asking_again_keeps_the_row(outcomes: Outcomes) -> None:
    """Adding the same URL again keeps its row's offset."""
    key = key_of(URL)
    outcomes.add(key)
    outcomes.set_offset(key, 0)
    outcomes.add(key)
    assert outcomes.offset(key) == 0


def test_unknown_url_has_no_row(outcomes: Outcomes) -> None:
    """A URL that was never added has no row, even if an offset is set."""
    assert outcomes.offset(key_of(URL)) is None
    outcomes.set_offset(key_of(URL), 7)
    assert outcomes.offset(key_of(URL)) is None
