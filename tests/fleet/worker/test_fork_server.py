"""The fork server and its client."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

from imagefetch.fleet.worker.fork_client import Fork, ForkServer
from imagefetch.fleet.worker.task import Order
from tests.conftest import LOOPBACK, ROOT, environment
from tests.support.server import Server
from tests.support.until import PATIENCE, is_over, until

PRELOADED = """
import sys
from imagefetch.fleet.worker.fork_server import preload
preload()
before = set(sys.modules)
assert "imagefetch.settings" not in before and "twisted.internet.reactor" not in before
from scrapy.cmdline import execute
try:
    allowed = ["-s", "ALLOWED_NETWORKS=127.0.0.0/8", "-s", "RETRY_TIMES=0"]
    execute(["scrapy", "crawl", "images", *allowed])
finally:
    print(*sorted(sys.modules.keys() - before), sep="\\n")
"""


BEGUN_HERE = """
import os, signal, sys, threading
import psutil
from imagefetch.commands import fleet  # imports much of Scrapy, as the command does
from imagefetch.fleet.worker import fork_server as forkserver
from imagefetch.fleet.worker.task import Order
from imagefetch.fleet.worker.fork_client import fork_server
forkserver.IDLE = 1_000
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # as some parent processes leave it
name, folder, *_ = sys.argv[1:]
assert threading.active_count() == 1
try:
    fork_server.begin()
except ImportError:
    print("an error that is not this process's")
(server,) = psutil.Process().children()
with open(name, "wb") as file:
    for settings, *words in (
        ("imagefetch.settings", "version"),
        ("imagefetch.settings", "crawl", "images"),
        ("missing", "crawl", "images"),
    ):
        order = Order(words, 1_000, folder, {"SCRAPY_SETTINGS_MODULE": settings})
        print(fork_server.fork(order, file.fileno()).wait())
print(server.pid, os.getpgid(server.pid) == server.pid)
if "end" in sys.argv:
    fork_server.end()
"""


@pytest.fixture
def forks() -> Iterator[ForkServer]:
    made = ForkServer()
    yield made
    made.end()


def order(folder: Path, *words: str, **variables: str) -> Order:
    """Return an order that runs ``scrapy`` with the command-line arguments *words*."""
    env = {**environment(), "SCRAPY_SETTINGS_MODULE": "imagefetch.settings", **variables}
    return Order(words, 1_000, str(folder), env)


def run(forks: ForkServer, made: Order, output: Path) -> int:
    """Run an order; return its exit status. Its output is written to *output*."""
    with output.open("wb") as file:
        fork = forks.fork(made, file.fileno())
    with closing(fork):
        return fork.wait()


def held(forks: ForkServer, server: Server, folder: Path) -> Fork:
    """Return a crawl that waits for a response."""
    (folder / "urls.txt").write_text(f"{server.url('/held/x')}\n")
    words = ("crawl", "images", "-s", f"ALLOWED_NETWORKS={LOOPBACK}")
    with (folder / "output").open("wb") as file:
        fork = forks.fork(order(folder, *words), file.fileno())
    until(lambda: server.under_way["all"], "a request")
    return fork


def server_here() -> psutil.Process:
    """Return this process's newest fork server; other tests may have left older ones."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if "imagefetch.fleet.worker.fork_server" in child.cmdline():
                found.append(child)
    return max(found, key=psutil.Process.create_time)


def test_a_crawl_finds_everything_loaded(tmp_path: Path) -> None:
    """A crawl imports nothing more, except the settings, which may change before the next crawl,
    and what must not be imported before a fork."""
    (tmp_path / "urls.txt").write_text("http://127.0.0.1:1/a\n")
    variables = {"PYTHONPATH": str(ROOT), "SCRAPY_SETTINGS_MODULE": "imagefetch.settings"}
    done = subprocess.run(
        [sys.executable, "-c", PRELOADED],
        cwd=tmp_path,
        env={**environment(), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    later = done.stdout.split()
    assert {"imagefetch.settings", "twisted.internet.reactor"} <= set(later)
    assert [name for name in later if name.startswith("imagefetch")] == ["imagefetch.settings"]
    assert len(later) < 20, later


def test_each_process_is_set_up_as_ordered(
    tmp_path: Path, forks: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process runs in its folder, with its environment and the current settings; its exit
    status is returned; one server forks all of them."""
    settings = tmp_path / "settings_here.py"
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    servers = set()
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        settings.write_text(f"import os\nBOT_NAME = f'{name} in {{os.getcwd()}}'\n")
        status = run(
            forks,
            order(folder, "settings", "--get", "BOT_NAME", SCRAPY_SETTINGS_MODULE="settings_here"),
            tmp_path / "output",
        )
        assert (status, (tmp_path / "output").read_text()) == (0, f"{name} in {folder}\n")
        servers.add(server_here().pid)
    assert run(forks, order(tmp_path, "crawl", "images"), tmp_path / "output") == 2
    assert "urls.txt: no such list" in (tmp_path / "output").read_text()
    servers.add(server_here().pid)
    assert len(servers) == 1


@pytest.mark.parametrize("how", ["end", "leave"])
def test_begun_as_a_fork(tmp_path: Path, how: str) -> None:
    """A server that is forked from a process continues none of that process's work, nor do its
    own forks. A terminal's Ctrl-C does not reach it, and it ends with that process."""
    done = subprocess.run(
        [sys.executable, "-c", BEGUN_HERE, str(tmp_path / "output"), str(tmp_path), how],
        env={**environment(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    *statuses, server, led = done.stdout.split()
    assert (statuses, led) == (["0", "2", "1"], "True")
    until(lambda: not psutil.pid_exists(int(server)), "its end")
    version, refused, *_, broken = (tmp_path / "output").read_text().splitlines()
    assert version.startswith("Scrapy ")
    assert "urls.txt: no such list" in refused
    assert broken == "ModuleNotFoundError: No module named 'missing'"


def test_ended_by_a_signal(tmp_path: Path, forks: ForkServer, server: Server) -> None:
    """The exit status is negative, as in `subprocess`; `wait` has a timeout."""
    fork = held(forks, server, tmp_path)
    with pytest.raises(subprocess.TimeoutExpired):
        fork.wait(0)
    fork.send_signal(signal.SIGKILL)
    assert fork.wait() == -signal.SIGKILL
    fork.close()


def test_close_kills_the_process(tmp_path: Path, forks: ForkServer, server: Server) -> None:
    """`close` kills the process, but not the fork server."""
    fork = held(forks, server, tmp_path)
    crawl = psutil.Process(fork.pid)
    fork.close()
    assert is_over(crawl)
    assert not is_over(server_here())


def test_the_fork_server_is_killed(tmp_path: Path, forks: ForkServer, server: Server) -> None:
    """If the server is killed, as when memory runs out, its processes die, and a new server forks
    the next one."""
    fork = held(forks, server, tmp_path)
    crawl = psutil.Process(fork.pid)
    server_here().kill()
    assert fork.wait() == -signal.SIGKILL
    until(lambda: is_over(crawl), "its end")
    fork.close()
    assert run(forks, order(tmp_path, "version"), tmp_path / "output") == 0
    assert (tmp_path / "output").read_text().startswith("Scrapy ")


def test_an_idle_server_ends() -> None:
    """An idle fork server ends, so that the next one imports the current files of the project."""
    program = (
        "import socket, imagefetch.fleet.worker.fork_server as forkserver\n"
        "forkserver.IDLE = 0\n"
        "ours, its = socket.socketpair()\n"
        "assert forkserver.serve(its) is None\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=PATIENCE)
