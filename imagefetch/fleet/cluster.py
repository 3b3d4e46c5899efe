"""The Dask cluster that does it: one of this machine's, or one that runs already."""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from importlib.util import find_spec
from typing import Any
from urllib.request import ProxyHandler, build_opener

import dask
from distributed import Client, Scheduler, SpecCluster, Worker

from imagefetch.errors import BadInput

LOCAL = {
    # Dask looks at its threads and loops up to a hundred times a second, which takes a twentieth
    # of a core from what fetches; these only wait for processes.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "2s",
    "distributed.worker.http.routes": [],
    "distributed.scheduler.http.routes": ["distributed.http.statics"],
}
"""Dask's configuration for workers of this process."""

ADDRESS = re.compile(r"([\w.-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")

LOOK = 5.0
"""Seconds for a dashboard's first page."""


class _Silent:
    """A node of Dask's without an HTTP server, which it would start whatever it is told."""

    def start_http_server(self, *_: Any, **__: Any) -> None:
        """Open no port."""


class SilentScheduler(_Silent, Scheduler):
    """That of this process."""


class SilentWorker(_Silent, Worker):
    """One of this process's."""


@contextmanager
def connected(
    scheduler: str | None, workers: int, dashboard: str | None = None
) -> Iterator[Client]:
    """Connect to the *scheduler* at an address, or start so many *workers* on this machine.

    Those are threads of this process; each has a process of its own that fetches
    (`imagefetch.fleet.worker.crawl`), and needs no other with Dask in it. No port is opened for
    them: whoever can talk to a scheduler can run any code. What is shown of them is at
    the address *dashboard*, if that is given. What they put on disk, where Dask
    finds modules too, lies in a folder of this process's own.

    :raises BadInput: if there is no scheduler
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if scheduler:
        try:
            client = Client(scheduler)
        except (OSError, ValueError, TypeError, ImportError) as error:
            raise BadInput(f"--scheduler {scheduler}: no scheduler answers: {error}") from error
        with client:
            yield client
        return
    with (
        tempfile.TemporaryDirectory(prefix="imagefetch-fleet-", ignore_cleanup_errors=True) as own,
        dask.config.set({**LOCAL, "temporary-directory": own, **_shown_at(dashboard)}),
        SpecCluster(
            scheduler={
                "cls": Scheduler if dashboard else SilentScheduler,
                "options": {
                    "protocol": "inproc://",
                    "dashboard": bool(dashboard),
                    "dashboard_address": dashboard,
                },
            },
            workers={
                number: {
                    "cls": SilentWorker,
                    "options": {
                        "protocol": "inproc://",
                        "nthreads": 1,
                        "memory_limit": 0,  # the crawls are not in this process
                        "silence_logs": logging.CRITICAL,
                    },
                }
                for number in range(workers)
            },
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def check_dashboard(address: str | None, scheduler: str | None) -> None:
    """:raises BadInput: if nothing can be shown at *address*"""
    if address is None:
        return
    match = ADDRESS.fullmatch(address)
    if match is None or int(match[2]) > 65_535:
        raise BadInput(f"--dashboard {address}: must be HOST:PORT, as 127.0.0.1:8787")
    if scheduler:
        raise BadInput("--dashboard: the cluster of --scheduler has one of its own")
    if find_spec("bokeh") is None:
        raise BadInput("--dashboard needs more packages: pip install bokeh")


def answering_dashboard(client: Client) -> str | None:
    """Return where the cluster's dashboard is, if there is one that answers."""
    link: str = client.dashboard_link or ""
    with (
        suppress(OSError, HTTPException, ValueError),
        build_opener(ProxyHandler({})).open(link, timeout=LOOK) as page,
    ):
        return link if page.status == 200 else None
    return None


def _shown_at(address: str | None) -> dict[str, Any]:
    if address is None:
        return {}
    host, _, port = address.rpartition(":")
    shown = "127.0.0.1" if host == "0.0.0.0" else host
    return {
        "distributed.dashboard.link": f"http://{shown}:{{port}}/status",
        # A page of another origin, as of a name that leads here, may not listen to it.
        "distributed.scheduler.dashboard.bokeh-application.allow_websocket_origin": [
            f"{shown}:{port}"
        ],
    }
