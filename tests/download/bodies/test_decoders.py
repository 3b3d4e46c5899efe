"""Tests of imagefetch.download.bodies.decoders."""

from __future__ import annotations

import gzip
import itertools
import sys
import zlib
from collections.abc import Callable, Iterable

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefetch.download.bodies.content_encoding import decoder
from imagefetch.download.bodies.decoders import PIECE
from imagefetch.errors import BadEncoding, IncompleteBody
from tests.conftest import examples

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BODY = b"a picture's bytes, " * 20


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def members(data: bytes) -> bytes:
    half = len(data) // 2
    return gzip.compress(data[:half]) + gzip.compress(b"") + gzip.compress(data[half:])


def frames(data: bytes) -> bytes:
    half = len(data) // 2
    return zstd.compress(data[:half]) + zstd.compress(data[half:])


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "gzip of members": ("gzip", members),
    "deflate": ("deflate", zlib.compress),
    "deflate without header": ("deflate", raw_deflate),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstd.compress),
    "zstd of frames": ("zstd", frames),
}
ONE_PART = [name for name in ENCODERS if " of " not in name]


def pieces(name: str, chunks: Iterable[bytes]) -> list[bytes]:
    found = decoder(ENCODERS[name][0])
    assert found is not None
    out = [piece for chunk in chunks for piece in found.feed(chunk)]
    found.finish()
    return out


def encoded(name: str, data: bytes) -> bytes:
    return ENCODERS[name][1](data)


@given(
    st.sampled_from(list(ENCODERS)),
    st.binary(max_size=2_000) | st.binary(max_size=9).map(lambda part: part * PIECE),
    st.lists(st.floats(0, 1), max_size=6),
)
@examples(100)
def test_chunks_do_not_matter(name: str, body: bytes, cuts: list[float]) -> None:
    """An encoded body is decoded correctly however it is divided into chunks."""
    data = encoded(name, body)
    places = [0, *sorted(round(cut * len(data)) for cut in cuts), len(data)]
    chunks = [data[a:b] for a, b in itertools.pairwise(places)]
    assert b"".join(pieces(name, chunks)) == body


@pytest.mark.parametrize("name", ENCODERS)
def test_byte_by_byte(name: str) -> None:
    """A body that arrives byte by byte is decoded."""
    assert b"".join(pieces(name, (bytes([b]) for b in encoded(name, BODY)))) == BODY


@pytest.mark.parametrize("name", ONE_PART)
def test_every_cut_is_noticed(name: str) -> None:
    """A body that is truncated at any position is incomplete."""
    data = encoded(name, BODY)
    for length in range(1, len(data)):
        with pytest.raises(IncompleteBody):
            pieces(name, [data[:length]])


@pytest.mark.parametrize("name", [name for name in ENCODERS if " of " in name])
def test_cut_in_a_later_part_is_noticed(name: str) -> None:
    """A body with a truncated later member or frame is incomplete."""
    data = encoded(name, BODY)
    for cut in (1, 3):
        with pytest.raises(IncompleteBody):
            pieces(name, [data[:-cut]])


@pytest.mark.parametrize("name", ENCODERS)
def test_other_bytes_are_a_bad_encoding(name: str) -> None:
    """Bytes that aren't in the encoding are rejected."""
    with pytest.raises(BadEncoding):
        pieces(name, [b"\x06<html> this is no such thing, and never was"])


@pytest.mark.parametrize(("name", "place"), [("gzip", -8), ("gzip", -1), ("deflate", -1)])
def test_wrong_check_sum_is_a_bad_encoding(name: str, place: int) -> None:
    """A body with a wrong checksum or length is rejected."""
    data = bytearray(encoded(name, BODY))
    data[place] ^= 1
    with pytest.raises(BadEncoding):
        pieces(name, [bytes(data)])


@pytest.mark.parametrize("apart", [False, True], ids=["same chunk", "next chunk"])
@pytest.mark.parametrize("name", ["gzip", "deflate", "deflate without header"])
def test_padding_is_ignored(name: str, apart: bool) -> None:
    """Zeros after the end of the encoded data are ignored, in the same chunk or a later one."""
    data = encoded(name, BODY)
    chunks = [data, b"\0\0\0"] if apart else [data + b"\0\0\0"]
    assert b"".join(pieces(name, chunks)) == BODY


@pytest.mark.parametrize("name", ENCODERS)
def test_bomb_comes_in_pieces(name: str) -> None:
    """A decompression bomb is decoded completely, in pieces of limited size."""
    bomb = bytes(40 * PIECE + 100)  # not a multiple of PIECE, so that zlib has buffered output
    sizes = [len(piece) for piece in pieces(name, [encoded(name, bomb)])]
    assert sum(sizes) == len(bomb)
    assert max(sizes) <= 2 * PIECE


@pytest.mark.parametrize("name", ENCODERS)
def test_no_bytes_are_no_error(name: str) -> None:
    """The decoder accepts an empty body; whether it may be empty is checked elsewhere."""
    assert b"".join(pieces(name, [])) == b""
    assert b"".join(pieces(name, [b""])) == b""
