"""python -m benchmarks.in_flight: memory while many large bodies come at once.

What counts is the peak of all processes together: the run, the one that makes its page, and with
VERIFY_IMAGES=full those that decode. The server is a process of its own, and not counted.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from benchmarks.measure import run
from benchmarks.pictures import PICTURES
from benchmarks.rivals import environment
from benchmarks.scratch import scratch

# Bytes of all processes that are not to be exceeded.
LIMIT = 160_000_000


def main() -> int:
    """Print what each run took; return 1 if one went past `LIMIT`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.in_flight", description=__doc__)
    parser.add_argument("--bodies", type=int, default=32, help="at once (default: %(default)s)")
    parser.add_argument("--megabytes", type=int, default=40, help="of each (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=1, help="of bodies (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("settings", nargs="*", help="NAME=VALUE")
    words = parser.parse_args()
    if words.serve:
        serve(words.megabytes * 1_000_000)
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.in_flight", "--serve", f"--megabytes={words.megabytes}"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        most = max(measure(words, port) for _ in range(words.repeats))
    finally:
        server.kill()
        server.wait()
    return int(most > LIMIT)


def measure(words: argparse.Namespace, port: int) -> float:
    """Fetch all bodies; print and return the peak, bytes."""
    with scratch() as folder:
        count = words.bodies * words.rounds
        lines = (f"http://127.0.0.{n % 20 + 1}:{port}/{n}.jpg\n" for n in range(count))
        (folder / "urls.txt").write_text("".join(lines))
        command = [sys.executable, "-m", "scrapy", "crawl", "images"]
        command += ["-a", f"urls={folder / 'urls.txt'}", "-a", f"report={folder / 'REPORT.csv'}"]
        settings = [f"FILES_STORE={folder / 'out'}", "ALLOWED_NETWORKS=127.0.0.0/8"]
        for setting in [*settings, f"CONCURRENT_REQUESTS={words.bodies}", *words.settings]:
            command += ["-s", setting]
        usage = run(command, folder, environment(Path(os.devnull)), 600)
        stored = sum(file.stat().st_size for file in (folder / "out").iterdir())
        assert stored == count * words.megabytes * 1_000_000, "not all bodies came whole"
    print(
        f"{words.bodies} at once of {words.megabytes} MB: peak {usage.peak / 1e6:.1f} MB, "
        f"user {usage.user:.2f} s, system {usage.system:.2f} s, wall {usage.wall:.1f} s",
        flush=True,
    )
    return usage.peak


def serve(size: int) -> None:
    """Answer each request with a picture padded to *size* bytes, a thread a connection."""
    picture = PICTURES["large"](0)
    body = memoryview(picture + bytes(max(0, size - len(picture))))[:size]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % size

    def answer(connection: socket.socket) -> None:
        with suppress(ConnectionError), connection, connection.makefile("rb") as lines:
            while lines.readline():
                while lines.readline().strip():
                    pass
                connection.sendall(head)
                connection.sendall(body)

    with socket.create_server(("0.0.0.0", 0), backlog=512) as listener:
        print(listener.getsockname()[1], flush=True)
        with ThreadPoolExecutor(512) as threads:
            while True:
                threads.submit(answer, listener.accept()[0])


if __name__ == "__main__":
    sys.exit(main())
