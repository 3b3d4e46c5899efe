"""Tests of imagefetch.download.bodies.content_encoding."""

from __future__ import annotations

import pytest

from imagefetch.download.bodies.content_encoding import decoder


@pytest.mark.parametrize("value", [" GZIP ", "x-gzip", "Deflate", "BR", "zstd"])
def test_names_of_encodings(value: str) -> None:
    """Registered names are recognized, in upper and lower case, with blanks around them."""
    assert decoder(value) is not None


@pytest.mark.parametrize("value", ["", "identity", "none", "utf-8", "compress"])
def test_unknown_encodings_are_left_alone(value: str) -> None:
    """With an unknown value of the header, the body is not decoded."""
    assert decoder(value) is None
