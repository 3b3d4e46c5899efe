"""Verifies that images can be decoded, in a pool of subprocesses.

A decoder that crashes, hangs or uses too much memory affects only its own process; a thread
could not be killed.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from imagefetch.errors import DecoderFailed, SystemLimit, UndecodableImage, UnverifiedFormat
from imagefetch.images.decoding.decoder_problems import UNSUPPORTED
from imagefetch.utils.processes.json_process import JSONProcess
from imagefetch.utils.processes.threads import in_daemon_thread

# Seconds for one image. The largest that are decoded, of 89 million pixels, take 1 to 5
# seconds in the slowest formats.
PATIENCE = 30.0

# Seconds for which images are still decoded after the run has begun to stop, and between two
# checks of whether it has.
GRACE = 3.0
LOOK = 0.5

MODULE = "imagefetch.images.decoding.decoder_worker"
"""The module that a decoder subprocess runs."""


class Decoder(JSONProcess):
    """One subprocess that decodes images one after the other."""

    def __init__(self, limit: int, patience: float) -> None:
        super().__init__(MODULE, limit, int(patience) + 5)

    def decode(self, path: Path, plugin: str) -> str | None:
        """Return the problem with the image, empty if there is none; None if the process ended."""
        return cast("str | None", self.ask([str(path), plugin]))


class Unverified(Exception):
    """Raised if the run ends before the image could be decoded."""


class DecoderPool:
    """Runs as many decoders as there are processors, started when needed."""

    def __init__(
        self,
        limit: int,
        patience: float = PATIENCE,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """*limit*: maximum pixels to decode of one image; *patience*: timeout for it, in seconds;
        *stopping*: returns whether the run is ending early."""
        self.limit = limit
        self.patience = patience
        self.stopping = stopping
        self._slots = asyncio.Semaphore(os.cpu_count() or 1)
        self._idle: list[Decoder] = []
        self._busy: set[Decoder] = set()
        self._end: float | None = None
        """Time after which no image is decoded (monotonic clock, seconds); None if not yet set."""

    async def check(self, path: Path, plugin: str) -> None:
        """Decode the image at *path*.

        :raises UndecodableImage: if it can't be decoded
        :raises UnverifiedFormat: if Pillow doesn't support this variant of its format
        :raises DecoderFailed: if the decoder took too long, too much memory, or crashed
        :raises Unverified: if the run ends before that is known
        :raises SystemLimit: if no subprocess can be started
        """
        async with self._slots:
            if self._is_over():
                raise Unverified
            decoder = self._idle.pop() if self._idle else None
            if decoder is None or decoder.process.poll() is not None:
                decoder = await self._start()
            self._busy.add(decoder)
            try:
                problem = await self._decode(decoder, path, plugin)
            finally:
                self._busy.discard(decoder)
            if problem is None:
                await in_daemon_thread(decoder.end)
                await in_daemon_thread(path.stat)  # a missing file is not the image's fault
                raise Unverified if self._is_over() else DecoderFailed
            self._idle.append(decoder)
        if problem.startswith(UNSUPPORTED):
            raise UnverifiedFormat(problem)
        if problem:
            raise UndecodableImage(problem)

    async def try_out(self) -> None:
        """Start the first decoder, and check that it works.

        :raises SystemLimit: if it doesn't
        """
        decoder = await self._start()
        if await in_daemon_thread(decoder.decode, Path(os.devnull), "PNG") is None:
            await in_daemon_thread(decoder.end)
            raise SystemLimit("VERIFY_IMAGES = 'full': the decoder subprocess ends at once")
        self._idle.append(decoder)

    async def _start(self) -> Decoder:
        try:
            return await in_daemon_thread(Decoder, self.limit, self.patience)
        except OSError as error:
            raise SystemLimit(f"can't start a decoder subprocess: {error.strerror}") from error

    async def _decode(self, decoder: Decoder, path: Path, plugin: str) -> str | None:
        """Return the result of *decoder*; None if its process ended or was killed."""
        begin = time.monotonic()
        result = asyncio.ensure_future(in_daemon_thread(decoder.decode, path, plugin))
        while not (await asyncio.wait({result}, timeout=LOOK))[0]:
            if time.monotonic() - begin > self.patience or self._is_over():
                decoder.process.kill()
        return await result

    def _is_over(self) -> bool:
        """Whether more than `GRACE` seconds have passed since the run began to stop."""
        if self._end is None and self.stopping():
            self._end = time.monotonic() + GRACE
        return self._end is not None and time.monotonic() > self._end

    def close(self) -> None:
        """End every decoder."""
        for decoder in (*self._idle, *self._busy):
            decoder.end()
        self._idle.clear()
