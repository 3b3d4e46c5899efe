"""What is switched on in a crawl: nothing but what this project put there or looked at.

A release of Scrapy may bring a new extension, download handler or default. Then
these tests fail until somebody has looked at what it opens, and noted it here or in
``scrapy_defaults.txt`` (``python -m tests.test_settings`` writes that file anew).
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import BaseSettings, default_settings

import imagefetch.settings
from tests.conftest import RunCrawl, command, environment, project
from tests.support.server import Server

NOTED = Path(__file__).with_name("scrapy_defaults.txt")

# Of this machine, not of Scrapy.
LOCAL = {"EDITOR", "TEMPLATES_DIR"}

ENABLED = {
    "extensions": [
        "scrapy.extensions.corestats.CoreStats",
        "scrapy.extensions.logcount.LogCount",
        "scrapy.extensions.memusage.MemoryUsage",
        "scrapy.extensions.feedexport.FeedExporter",
        "imagefetch.stats.recorder.Recorder",
        "imagefetch.stats.progress.Progress",
        "imagefetch.html_report.extension.HtmlReport",
        "imagefetch.stats.summary.Summary",
    ],
    "downloader middlewares": [
        "imagefetch.middlewares.short_circuit.ShortCircuitMiddleware",
        "imagefetch.middlewares.request_headers.RequestHeaders",
        "imagefetch.middlewares.page_injection.PageMiddleware",
        "imagefetch.middlewares.retry.WaitingRetryMiddleware",
        "imagefetch.middlewares.redirect.NamedRedirectMiddleware",
        "imagefetch.middlewares.feedback.FeedbackMiddleware",
    ],
    "spider middlewares": [],
    "item pipelines": ["imagefetch.pipelines.ImageFilesPipeline"],
}


def defaults() -> Iterator[str]:
    """Yield a line for each of Scrapy's settings that this project leaves as it is."""
    settings = project()
    for name in sorted(vars(default_settings)):
        if name.isupper() and name not in LOCAL and not hasattr(imagefetch.settings, name):
            yield f"{name} = {_plain(settings[name])!r}"


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, BaseSettings) else value


def test_every_default_was_looked_at() -> None:
    """None of Scrapy's that is in force here is new, or has changed, unseen."""
    assert list(defaults()) == NOTED.read_text().splitlines()


def test_only_http_is_fetched() -> None:
    """There is no handler for any other scheme, whatever Scrapy brings."""
    handlers = project().getwithbase("DOWNLOAD_HANDLERS")
    assert {scheme for scheme, handler in handlers.items() if handler} == {"http", "https"}


def test_nothing_else_is_enabled(crawl: RunCrawl, server: Server) -> None:
    """The components that a crawl says it runs are those that stand here, in their order."""
    done = crawl([server.url("/image/a.jpg")], LOG_LEVEL="DEBUG", HTML_REPORT=True)
    for kind, names in ENABLED.items():
        match = re.search(rf"Enabled {kind}:\n(.*?)\n\d{{4}}-", done.log, re.DOTALL)
        assert match is not None
        assert re.findall(r"'([\w.]+)'", match[1]) == names


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="sockets are looked up in /proc")
def test_no_door_is_opened(tmp_path: Path, server: Server) -> None:
    """A crawl listens nowhere: its only sockets are those of its downloads."""
    (tmp_path / "urls.txt").write_text(server.url("/held/a.jpg"))
    words = command(tmp_path, {})
    with subprocess.Popen(words, env=environment(), stderr=subprocess.PIPE, text=True) as running:
        try:
            while not server.arrived:
                assert running.poll() is None, running.communicate()[1]
            found = sockets(running.pid)
        finally:
            server.gate.set()
            running.communicate()
    assert running.returncode == 0
    assert found == [f"tcp 127.0.0.1:{server.port} ESTABLISHED"]


def sockets(pid: int) -> list[str]:
    """Return the internet sockets of a process: protocol, remote end and state."""
    own = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        if match := re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink())):
            own.add(match[1])
    found = []
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{protocol}").read_text().splitlines()[1:]:
            _, _, remote, state, *_, inode = line.split()[:10]
            if inode in own:
                address, port = remote.split(":")
                host = ".".join(str(part) for part in reversed(bytes.fromhex(address[-8:])))
                state = {"01": "ESTABLISHED", "0A": "LISTEN"}.get(state, state)
                found.append(f"{protocol} {host}:{int(port, 16)} {state}")
    return found


if __name__ == "__main__":
    NOTED.write_text("\n".join(defaults()) + "\n")
    sys.stdout.write(f"{NOTED}: look at what has changed\n")
