"""Writes on standard output and standard error; a closed pipe is no error."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from imagefetch.utils.text import escape, hide_credentials


def print_output(text: str) -> None:
    """Write lines on standard output."""
    _write(sys.stdout, text + "\n")


def print_error(text: str) -> None:
    """Write one line on standard error."""
    _write(sys.stderr, f"imagefetch: {escape(hide_credentials(text))}\n")


def flush_streams() -> None:
    """Flush both streams, so that Python reports no closed pipe at exit."""
    for stream in (sys.stdout, sys.stderr):
        _write(stream, "")


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:  # closed before this process started
        return
    try:
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        silence(stream)
    except OSError as error:
        silence(stream)
        if stream is not sys.stderr:
            print_error(f"standard output: can't be written: {error.strerror}")


def silence(stream: TextIO) -> None:
    """Redirect *stream*, its buffered data included, to the null device."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
