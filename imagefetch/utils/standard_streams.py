"""What commands write on standard output and standard error, whoever reads there, and how long."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from imagefetch.utils.text import escape, hide_credentials


def say(text: str) -> None:
    """Write lines on standard output."""
    _write(sys.stdout, text + "\n")


def tell(text: str) -> None:
    """Write one line on standard error."""
    _write(sys.stderr, f"imagefetch: {escape(hide_credentials(text))}\n")


def settle() -> None:
    """Let Python end without a word about what nobody reads any more."""
    for stream in (sys.stdout, sys.stderr):
        _write(stream, "")


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:  # closed from the beginning
        return
    try:
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        _silence(stream)
    except OSError as error:
        _silence(stream)
        if stream is not sys.stderr:
            tell(f"standard output: can't be written: {error.strerror}")


def _silence(stream: TextIO) -> None:
    """Let *stream*, and what it still holds, go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
