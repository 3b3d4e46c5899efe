"""Figures as text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imagefetch.utils.formatting import cells, files, lines


@pytest.mark.parametrize(("words", "noun"), [(cells, "cell"), (files, "file"), (lines, "line")])
def test_a_number_agrees_with_its_noun(words: Callable[[float], str], noun: str) -> None:
    """One has no plural; thousands are separated."""
    assert [words(1), words(0), words(1_000)] == [f"1 {noun}", f"0 {noun}s", f"1,000 {noun}s"]
