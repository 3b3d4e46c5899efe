"""python -m benchmarks.in_flight: memory while many large bodies are downloaded concurrently.

Measured is the peak of all processes together: the run, the renderer of its HTML report, and with
VERIFY_IMAGES=full the decoders. The server is a separate process, and not counted.
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
from benchmarks.rivals import crawl_command, environment
from benchmarks.scratch import scratch

# Maximum bytes of all processes.
LIMIT = 160_000_000


def main() -> int:
    """Print the result of each run; return 1 if one exceeds `LIMIT`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.in_flight", description=__doc__)
    parser.add_argument(
        "--bodies", type=int, default=32, help="concurrent bodies (default: %(default)s)"
    )
    parser.add_argument(
        "--megabytes", type=int, default=40, help="size of each (default: %(default)s)"
    )
    parser.add_argument(
        "--rounds", type=int, default=1, help="rounds of bodies (default: %(default)s)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("settings", nargs="*", help="NAME=VALUE")
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.megabytes * 1_000_000)
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "benchmarks.in_flight",
            "--serve",
            f"--megabytes={arguments.megabytes}",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        most = max(measure(arguments, port) for _ in range(arguments.repeats))
    finally:
        server.kill()
        server.wait()
    return int(most > LIMIT)


def measure(arguments: argparse.Namespace, port: int) -> float:
    """Fetch all bodies; print and return the peak, bytes."""
    with scratch() as folder:
        count = arguments.bodies * arguments.rounds
        lines = (f"http://127.0.0.{n % 20 + 1}:{port}/{n}.jpg\n" for n in range(count))
        (folder / "urls.txt").write_text("".join(lines))
        settings = dict(setting.split("=", 1) for setting in arguments.settings)
        command = crawl_command(folder, {"CONCURRENT_REQUESTS": arguments.bodies, **settings})
        usage = run(command, folder, environment(Path(os.devnull)), 600)
        stored = sum(file.stat().st_size for file in (folder / "out").iterdir())
        assert stored == count * arguments.megabytes * 1_000_000, "not all bodies are complete"
    print(
        f"{arguments.bodies} concurrent bodies of {arguments.megabytes} MB: "
        f"peak {usage.peak / 1e6:.1f} MB, "
        f"user {usage.user:.2f} s, system {usage.system:.2f} s, wall {usage.wall:.1f} s",
        flush=True,
    )
    return usage.peak


def serve(size: int) -> None:
    """Serve an image padded to *size* bytes at each path, with a thread per connection."""
    picture = PICTURES["large"](0)
    body = memoryview(picture + bytes(max(0, size - len(picture))))[:size]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % size

    def respond(connection: socket.socket) -> None:
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
                threads.submit(respond, listener.accept()[0])


if __name__ == "__main__":
    sys.exit(main())
