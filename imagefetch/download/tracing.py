"""Measures the phases of a sample of downloads."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pycurl

Result = TypeVar("Result")

EVERY = 16
"""One download in `EVERY` is measured: to measure all would cost 2 % of the run."""


@dataclass
class Timing:
    """Seconds of one download, by phase."""

    dns: float = 0.0
    """Until the name was resolved; 0 if it was cached or the connection was reused."""
    connect: float = 0.0
    """From then until the connection was established, TLS included; 0 if it was reused."""
    time_to_headers: float = 0.0
    """From the request until the response headers arrived."""
    transfer: float = 0.0
    """From then until the last byte, without writing."""
    write: float = 0.0
    """Hashing the body and writing it to its file."""

    def timed(self, function: Callable[[], Result]) -> Callable[[], Result]:
        """Return *function*, the time of its calls added to `write`."""

        def run() -> Result:
            begin = time.monotonic()
            try:
                return function()
            finally:
                self.write += time.monotonic() - begin

        return run

    def end(self, easy: pycurl.Curl, *, is_new: bool) -> None:
        """Set the other phases, from what libcurl measured; *is_new*: whether the connection is."""
        sent = easy.getinfo(pycurl.PRETRANSFER_TIME)
        began = easy.getinfo(pycurl.STARTTRANSFER_TIME)
        self.connect = sent if is_new else 0.0
        self.time_to_headers = began - sent
        self.transfer = max(0.0, easy.getinfo(pycurl.TOTAL_TIME) - began - self.write)
