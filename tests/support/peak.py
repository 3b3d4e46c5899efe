"""Fetches the URLs of its arguments all at once, into files, and writes what it took as JSON:
names of the outcomes, peak memory of the process (MiB), seconds of CPU in all and of the event
loop's thread. On Linux."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from scrapy import Request

from imagefetch.errors import Failure
from imagefetch.meta import PROBLEM, STREAM_TO
from tests.support.handling import handler


def peak_memory(process: int | str = "self") -> int:
    """Return a process's, MiB; of getrusage it includes that of the process that began it."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


async def main(urls: list[str], settings: dict[str, Any]) -> None:
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        async with handler(**settings) as made:

            async def fetch(url: str) -> None:
                request = Request(url, meta={STREAM_TO: Path(folder)})
                try:
                    await made.download_request(request)
                except Failure as failure:
                    outcomes[type(failure).__name__] += 1
                else:
                    outcomes[type(request.meta.get(PROBLEM)).__name__] += 1

            begin = time.process_time(), time.thread_time()
            await asyncio.gather(*map(fetch, urls))
            end = time.process_time(), time.thread_time()
    cpu = [b - a for a, b in zip(begin, end, strict=True)]
    sys.stdout.write(json.dumps([outcomes, peak_memory(), *cpu]))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[2:], json.loads(sys.argv[1])))
