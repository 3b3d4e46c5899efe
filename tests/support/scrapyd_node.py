"""A real Scrapyd on a free port of loopback, as docs/scrapyd.md sets it up."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.conftest import ROOT, environment
from tests.support.until import PATIENCE, until

DOCUMENT = (ROOT / "docs" / "scrapyd.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the document's blocks in *language*."""
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


CONFIGURATION, SECTIONS = blocks("ini")
(NETRC,) = blocks("netrc")


@dataclass
class Node:
    """A running Scrapyd."""

    folder: Path
    """Where it runs."""
    port: int
    scheduled: Counter[str] = field(default_factory=Counter)

    @property
    def own_log(self) -> str:
        return (self.folder / "scrapyd.log").read_text()

    def ask(self, path: str, **data: str | list[str]) -> dict[str, Any]:
        """Return the answer to a request; with *data* it is a POST."""
        body = urlencode(data, doseq=True).encode() if data else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", body)
        credentials = base64.b64encode(b"imagefetch:change-me").decode()
        request.add_header("Authorization", f"Basic {credentials}")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=PATIENCE) as answer:
            said: dict[str, Any] = json.load(answer)
        assert said["status"] == "ok", said
        return said

    def schedule(self, job: str, urls: object, *settings: str, **arguments: object) -> None:
        """Start a job, *settings* being ``NAME=VALUE``."""
        data = {"project": "imagefetch", "spider": "images", "jobid": job, "urls": str(urls)}
        data |= {name: str(value) for name, value in arguments.items()}
        self.ask("schedule.json", **data, setting=list(settings))
        self.scheduled[job] += 1

    def wait(self, job: str) -> str:
        """Return the job's log once it has ended as often as it was scheduled."""

        def ended() -> bool:
            jobs = self.ask("listjobs.json?project=imagefetch")["finished"]
            return [each["id"] for each in jobs].count(job) == self.scheduled[job]

        until(ended, f"end of job {job}")
        return self.log(job)

    def log(self, job: str) -> str:
        path = self.folder / "logs" / "imagefetch" / "images" / f"{job}.log"
        return path.read_text() if path.exists() else ""

    def status(self, job: str) -> int:
        """Return the exit status of the job's last process."""
        ends = re.findall(
            rf"Process (finished|died: exitstatus=(\d+)).* job='{job}' ", self.own_log
        )
        return int(ends[-1][1] or 0)

    def cancel(self, job: str) -> None:
        assert self.ask("cancel.json", project="imagefetch", job=job)["prevstate"] == "running"

    def job_folder(self, job: str) -> Path:
        return self.folder / "imagefetch-jobs" / job


def outside(home: Path) -> dict[str, str]:
    """Return an environment in which only the node knows the project, and *home* has the netrc."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {k: v for k, v in environment().items() if k != "PYTHONPATH"}
    return {**kept, "PATH": path, "HOME": str(home)}


@contextmanager
def running(folder: Path, more: str = "") -> Iterator[Node]:
    """Run Scrapyd in *folder* with the document's configuration and *more*."""
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        node = Node(folder, free.getsockname()[1])
    text = CONFIGURATION.replace("6800", str(node.port)) + more
    text = re.sub(r"(?m)^(poll_interval +=).*", r"\1 0.1", text)
    (folder / "scrapyd.conf").write_text(text)
    with (folder / "scrapyd.log").open("w") as log:
        process = subprocess.Popen(
            ["scrapyd"], cwd=folder, env=outside(folder), stdout=log, stderr=subprocess.STDOUT
        )

        def answers() -> bool:
            assert process.poll() is None, node.own_log
            try:
                return bool(node.ask("daemonstatus.json"))
            except OSError:
                return False

        try:
            until(answers, "Scrapyd answers")
            yield node
            for job in node.ask("listjobs.json?project=imagefetch")["running"]:  # of failed tests
                node.ask("cancel.json", project="imagefetch", job=job["id"], signal="KILL")
        finally:
            process.terminate()
            process.wait()


def checkout(folder: Path, home: Path, first: Node, second: Node) -> None:
    """Put the project into *folder*, its targets the two nodes, and the netrc into *home*.

    Its settings let it connect to loopback addresses, where the tests' servers are.
    """
    shutil.copytree(ROOT / "imagefetch", folder / "imagefetch")
    for name in ("setup.py", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, folder)
    with (folder / "imagefetch" / "settings.py").open("a") as settings:
        settings.write('ALLOWED_NETWORKS = ["127.0.0.0/8"]\n')
    targets = (ROOT / "scrapy.cfg").read_text() + "\n" + SECTIONS
    (folder / "scrapy.cfg").write_text(located(targets, first, second))
    (home / ".netrc").write_text(NETRC)
    (home / ".netrc").chmod(0o600)


def located(text: str, first: Node, second: Node) -> str:
    """Put the nodes' real addresses into *text* of the document's."""
    for name, node in {"localhost": first, "node1": first, "node2": second}.items():
        text = text.replace(f"http://{name}:6800", f"http://localhost:{node.port}")
    return text
