"""The algorithms of the two scripts that imagefetch has replaced.

    python -m benchmarks.originals requests LIST FOLDER
    python -m benchmarks.originals aiohttp LIST FOLDER --batch 500 [--nap]

The first downloads one image after the other. The second downloads a batch concurrently and
waits for its slowest image; the published version then sleeps for a second. aiohttp's limit of
100 connections is raised to the size of the batch, in the script's favour.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import requests

TRIES = 5
RETRY_DELAY = 2.0  # seconds
NAP = 1.0  # seconds
CHUNK = 8 * 1024  # bytes

Row = tuple[str, object]


def one_by_one(urls: list[str], folder: Path) -> list[Row]:
    """Fetch *urls* in turn; return the report's rows."""
    rows: list[Row] = []
    for url in urls:
        response = requests.get(url, timeout=60)
        if response.ok:
            _path(folder, url).write_bytes(response.content)
        rows.append((url, response.status_code))
    return rows


async def in_batches(urls: list[str], folder: Path, batch: int, nap: bool) -> list[Row]:
    """Fetch *urls*, *batch* of them concurrently; return the report's rows."""
    rows: list[Row] = []
    connector = aiohttp.TCPConnector(limit=batch)
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:
        for begin in range(0, len(urls), batch):
            part = urls[begin : begin + batch]
            rows += await asyncio.gather(*(_fetch(session, url, folder) for url in part))
            if nap:
                await asyncio.sleep(NAP)
    return rows


async def _fetch(session: aiohttp.ClientSession, url: str, folder: Path) -> Row:
    error: Exception | None = None
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(RETRY_DELAY)
        try:
            async with session.get(url) as response:
                if response.ok:
                    with _path(folder, url).open("wb") as file:
                        async for chunk in response.content.iter_chunked(CHUNK):
                            file.write(chunk)
                return url, response.status
        except (aiohttp.ClientError, TimeoutError) as caught:
            error = caught
    return url, f"FAILED {type(error).__name__}"


def _path(folder: Path, url: str) -> Path:
    return folder / Path(urlsplit(url).path).name


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("algorithm", choices=["requests", "aiohttp"])
    parser.add_argument("list", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--nap", action="store_true")
    arguments = parser.parse_args()
    urls = arguments.list.read_text().split()
    arguments.folder.mkdir(exist_ok=True)
    if arguments.algorithm == "requests":
        rows = one_by_one(urls, arguments.folder)
    else:
        rows = asyncio.run(in_batches(urls, arguments.folder, arguments.batch, arguments.nap))
    with (arguments.folder.parent / "REPORT.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("URL", "Response code"), *rows])


if __name__ == "__main__":
    main()
