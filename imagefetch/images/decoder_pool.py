"""Decoding pictures whole, to see that they can be: in processes of their own.

A decoder that crashes, hangs or eats memory takes its process with it and
nothing else; a thread could not be ended.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from imagefetch.errors import DecoderFailed, SystemLimit, UndecodableImage
from imagefetch.utils.json_process import Child
from imagefetch.utils.threads import in_daemon_thread

# Seconds for one picture. The largest that are decoded, of 89 million pixels,
# take 1 to 5 in the slowest formats.
PATIENCE = 30.0

# Seconds that pictures are still decoded once the run is to end, and between two
# looks at whether it is.
GRACE = 3.0
LOOK = 0.5

MODULE = "imagefetch.images.decoder_worker"
"""What a decoder's process runs."""


class Decoder(Child):
    """One process that decodes one picture after the other."""

    def __init__(self, limit: int, patience: float) -> None:
        super().__init__(MODULE, limit, int(patience) + 5)

    def decode(self, path: Path, plugin: str) -> str | None:
        """Return what is wrong with the picture; None if the process ended over it."""
        return cast("str | None", self.ask([str(path), plugin]))


class Unverified(Exception):
    """The run ends before the picture could be decoded."""


class DecoderPool:
    """As many decoders as there are processors, begun when they are needed."""

    def __init__(
        self,
        limit: int,
        patience: float = PATIENCE,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """*limit*: pixels that are decoded of one picture; *patience*: seconds for it;
        *stopping*: whether the run is coming to its end early."""
        self.limit = limit
        self.patience = patience
        self.stopping = stopping
        self._places = asyncio.Semaphore(os.cpu_count() or 1)
        self._idle: list[Decoder] = []
        self._busy: set[Decoder] = set()
        self._end: float | None = None
        """When nothing more is decoded (monotonic, seconds)."""

    async def check(self, path: Path, plugin: str) -> None:
        """Decode the picture at *path*.

        :raises UndecodableImage: if it can't be
        :raises DecoderFailed: if the decoder took too long, too much memory, or crashed
        :raises Unverified: if the run ends meanwhile
        :raises SystemLimit: if no process can be begun
        """
        async with self._places:
            if self._is_over():
                raise Unverified
            decoder = self._idle.pop() if self._idle else None
            if decoder is None or decoder.process.poll() is not None:
                decoder = await self._begin()
            self._busy.add(decoder)
            try:
                wrong = await self._answer(decoder, path, plugin)
            finally:
                self._busy.discard(decoder)
            if wrong is None:
                await in_daemon_thread(decoder.end)
                await in_daemon_thread(path.stat)  # gone, it is no fault of the picture's
                raise Unverified if self._is_over() else DecoderFailed
            self._idle.append(decoder)
        if wrong:
            raise UndecodableImage(wrong)

    async def try_out(self) -> None:
        """Begin the first decoder, and see that it answers.

        :raises SystemLimit: if it doesn't
        """
        decoder = await self._begin()
        if await in_daemon_thread(decoder.decode, Path(os.devnull), "PNG") is None:
            await in_daemon_thread(decoder.end)
            raise SystemLimit("VERIFY_IMAGES = 'full': a process for decoding ends at once")
        self._idle.append(decoder)

    async def _begin(self) -> Decoder:
        try:
            return await in_daemon_thread(Decoder, self.limit, self.patience)
        except OSError as error:
            raise SystemLimit(f"no process for decoding: {error.strerror}") from error

    async def _answer(self, decoder: Decoder, path: Path, plugin: str) -> str | None:
        """Return what *decoder* says; None if it said nothing, or was ended over it."""
        begin = time.monotonic()
        answer = asyncio.ensure_future(in_daemon_thread(decoder.decode, path, plugin))
        while not (await asyncio.wait({answer}, timeout=LOOK))[0]:
            if time.monotonic() - begin > self.patience or self._is_over():
                decoder.process.kill()
        return await answer

    def _is_over(self) -> bool:
        """Whether the run has been stopping for `GRACE` seconds."""
        if self._end is None and self.stopping():
            self._end = time.monotonic() + GRACE
        return self._end is not None and time.monotonic() > self._end

    def close(self) -> None:
        """End every decoder."""
        for decoder in (*self._idle, *self._busy):
            decoder.end()
        self._idle.clear()
