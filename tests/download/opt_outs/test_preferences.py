"""Tests preferences of the fields Content-Usage and Content-Signal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefetch.download.opt_outs.preferences import Preferences
from imagefetch.download.opt_outs.signals import CONTENT_SIGNAL, CONTENT_USAGE, SIGNALS
from tests.conftest import examples

ALL = Preferences(SIGNALS)


@pytest.mark.parametrize(
    ("text", "opts_out"),
    [
        ("train-ai=n", True),
        (" train-ai=n ", True),
        ("search=y,\ttrain-ai=n", True),
        ("train-ai=n;reason=legal;x, other", True),
        ('note="a, b=\\"c\\"", train-ai=n', True),
        ('list=(a "b, c" 1);q=0.5, empty=(), train-ai=n', True),
        ("a=?1, b=:aGk=:, c=-1.5, d=@1659578233, train-ai=n", True),
        ("train-ai=y, train-ai=n", True),
        ("train-ai=n, train-ai=y", False),
        ("train-ai=y", False),
        ("train-ai", False),
        ('train-ai="n"', False),
        ("train-ai=(n)", False),
        ("train-ai=no", False),
        ("train-ai=N", False),
        ("Train-AI=n", False),
        ("x-train-ai=n", False),
        ("train-ai=n,", False),
        ("train-ai=n;", False),
        ("train-ai=n search=y", False),
        ("train-ai = n", False),
        ('train-ai=n, open="', False),
        ("train-ai=n, é=1", False),
        ("", False),
    ],
)
def test_content_usage(text: str, opts_out: bool) -> None:
    """It is a dictionary of structured fields; one that can't be parsed has no preferences."""
    preferences = Preferences(["content-usage:train-ai"])
    expected = "content-usage:train-ai" if opts_out else None
    assert preferences.signal(CONTENT_USAGE, text) == expected


@pytest.mark.parametrize(
    ("text", "opts_out"),
    [
        ("ai-train=no", True),
        ("search=yes,ai-train=no,use=reference", True),
        ("Search=Yes; AI-Train = No", True),
        ("ai-train=yes ai-train=no", True),
        ("ai-train=yes", False),
        ("ai-train=none", False),
        ("no-ai-train=no", False),
        ("ai-train", False),
        ("search=no, ai-input=no", False),
        ("", False),
    ],
)
def test_content_signal(text: str, opts_out: bool) -> None:
    """Its spelling is read leniently; only ``no`` opts out."""
    preferences = Preferences(["content-signal:ai-train", "tdmrep"])
    expected = "content-signal:ai-train" if opts_out else None
    assert preferences.signal(CONTENT_SIGNAL, text) == expected
    assert preferences.signal(CONTENT_USAGE, "train-ai=n") is None


def test_one_signal_is_named() -> None:
    """The first in the order of the documentation."""
    assert ALL.signal(CONTENT_SIGNAL, "search=no, ai-train=no") == "content-signal:ai-train"
    assert ALL.signal(CONTENT_USAGE, "search=n") == "content-usage:search"


@examples(300)
@given(st.text(alphabet='an=,;()"\\ %:?@1\té', max_size=60))
def test_any_text(text: str) -> None:
    """It has a meaning, and only ``n`` opts out."""
    signal = ALL.signal(CONTENT_USAGE, f"{text}, train-ai=n")
    assert signal in {None, "content-usage:train-ai"}
    if re.fullmatch(r"an*(, an*)*", text):
        assert signal is not None


@pytest.mark.parametrize("piece", ["a=(", "a=(b ", 'a="\\', ";a", "; ", "a,", "a=n;", " ", "a-="])
def test_hostile_text(piece: str) -> None:
    """Half a million characters are read in linear time: this would not end otherwise."""
    for field in (CONTENT_USAGE, CONTENT_SIGNAL):
        ALL.signal(field, piece * (500_000 // len(piece)))
