"""Decoding pictures whole, to see that they can be: in processes of their own.

A decoder that crashes, hangs or eats memory takes its process with it and
nothing else; a thread could not be ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from scrapy.utils.asyncio import run_in_thread

from imagefetch.errors import DecoderFailed, UndecodableImage

# Seconds for one picture. The largest that are decoded, of 89 million pixels,
# take 1 to 5 in the slowest formats.
PATIENCE = 30.0


class Decoder:
    """One process that decodes one picture after the other."""

    def __init__(self, limit: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "imagefetch.decoder", str(limit)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # What this process finds its modules by; an egg may be among it.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            text=True,
            start_new_session=True,  # Ctrl-C is for the run, which ends this
        )

    def decode(self, path: Path, plugin: str) -> str | None:
        """Return what is wrong with the picture; None if the process ended over it."""
        try:
            request = cast("IO[str]", self.process.stdin)
            request.write(json.dumps([str(path), plugin]) + "\n")
            request.flush()
            answer: str = json.loads(cast("IO[str]", self.process.stdout).readline())
        except (OSError, ValueError):
            return None
        return answer

    def end(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                cast("IO[str]", pipe).close()


class DecoderPool:
    """As many decoders as there are processors, begun when they are needed."""

    def __init__(self, limit: int, patience: float = PATIENCE) -> None:
        """*limit*: pixels that are decoded of one picture; *patience*: seconds for it."""
        self.limit = limit
        self.patience = patience
        self._free = asyncio.Semaphore(os.cpu_count() or 1)
        self._idle: list[Decoder] = []
        self._busy: set[Decoder] = set()

    async def check(self, path: Path, plugin: str) -> None:
        """Decode the picture at *path*.

        :raises UndecodableImage: if it can't be
        :raises DecoderFailed: if the decoder took too long, too much memory, or crashed
        """
        async with self._free:
            decoder = self._idle.pop() if self._idle else None
            if decoder is None or decoder.process.poll() is not None:
                decoder = await run_in_thread(Decoder, self.limit)
            self._busy.add(decoder)
            loop = asyncio.get_running_loop()
            timer = loop.call_later(self.patience, decoder.process.kill)
            try:
                wrong = await run_in_thread(decoder.decode, path, plugin)
            finally:
                timer.cancel()
                self._busy.discard(decoder)
            if wrong is None:
                await run_in_thread(decoder.end)
                await run_in_thread(path.stat)  # gone, it is no fault of the picture's
                raise DecoderFailed
            self._idle.append(decoder)
        if wrong:
            raise UndecodableImage(wrong)

    def close(self) -> None:
        """End every decoder."""
        for decoder in (*self._idle, *self._busy):
            decoder.end()
        self._idle.clear()
