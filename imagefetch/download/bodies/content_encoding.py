"""Decodes bodies from the encodings that their Content-Encoding names, within a limit on work.

Each call into a library takes at most `SLICE` bytes and returns about `decoders.PIECE`; the
libraries release the GIL. A body that is much larger than its decoded data is rejected: no encoder
produces such a body. `imagefetch.utils.processes.offload.THREADS` bodies are decoded at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from imagefetch.download.bodies.decoders import (
    BrotliDecoder,
    ChainedDecoder,
    Decoder,
    ZlibDecoder,
    ZstdDecoder,
)
from imagefetch.errors import BadEncoding, TooLarge

SLICE = 2**16  # encoded bytes that a decoder is given at a time

# Maximum bytes of an encoded body beyond twice its decoded size: for headers, and for data
# that a decoder has buffered.
SLACK = 2**18

# Maximum CPU seconds for decoding a body. 256 MiB take about one.
SECONDS = 20.0

MOST_CODINGS = 3
"""Encodings of a body, one in the other; more are rejected."""

_DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": lambda: ZlibDecoder(wbits=31),
    "x-gzip": lambda: ZlibDecoder(wbits=31),
    "deflate": lambda: ZlibDecoder(wbits=15),
    "br": BrotliDecoder,
    "zstd": ZstdDecoder,
}


def known_codings(values: Iterable[str]) -> list[str]:
    """Return the encodings in the *values* of Content-Encoding, in the order of their application.

    Unknown ones are left out: some servers send a charset or ``none``, so the format is detected
    from the bytes.
    """
    words = [word.strip().lower() for value in values for word in value.split(",")]
    return [word for word in words if word in _DECODERS]


def decoder(codings: str | list[str]) -> Decoder | None:
    """Return the decoder for *codings*, or for the value of a Content-Encoding header; None if the
    body needs none.

    :raises BadEncoding: if there are more than `MOST_CODINGS`
    """
    if isinstance(codings, str):
        codings = known_codings([codings])
    if len(codings) > MOST_CODINGS:
        raise BadEncoding
    made: Decoder | None = None
    for coding in codings:  # the last that was applied is decoded first
        made = _DECODERS[coding]() if made is None else ChainedDecoder(_DECODERS[coding](), made)
    return made


def decode(
    decompressor: Decoder,
    encoded: Iterable[bytes | bytearray],
    max_size: int = 0,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[bytes]:
    """Decode *encoded* and yield the result in pieces; runs in a thread.

    *max_size*: maximum decoded bytes, 0 for unlimited; *stopped*: returns whether to stop early.

    :raises BadEncoding: if it is not in the encoding, or exceeds a limit on work
    :raises TooLarge: if the result exceeds *max_size*
    :raises IncompleteBody: if it is truncated
    """
    sent = decoded = 0
    begin = time.thread_time()
    for data in encoded:
        for at in range(0, len(data), SLICE):
            part = bytes(data[at : at + SLICE])
            sent += len(part)
            for piece in decompressor.feed(part):
                decoded += len(piece)
                if max_size and decoded > max_size:
                    raise TooLarge
                if piece:
                    yield piece
                if stopped():
                    return
            if sent > 2 * decoded + SLACK or time.thread_time() - begin > SECONDS:
                raise BadEncoding
            if stopped():
                return
    decompressor.finish()


def first_piece(codings: list[str], encoded: bytes) -> bytes:
    """Return the first decoded piece of a body that begins with *encoded*, in one step.

    :raises BadEncoding: if it is not in the encoding
    """
    decompressor = decoder(codings)
    return b"" if decompressor is None else next(decompressor.feed(encoded), b"")
