"""Connects to a running Dask cluster or starts one on this machine."""

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
    # Dask samples its threads and event loops up to a hundred times a second, which takes a
    # twentieth of a core from the crawls. These workers only wait for processes.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "2s",
    "distributed.worker.http.routes": [],
    "distributed.scheduler.http.routes": ["distributed.http.statics"],
}
"""Dask configuration for the workers in this process."""

ADDRESS = re.compile(r"([\w.-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")

DASHBOARD_TIMEOUT = 5.0
"""Timeout in seconds for the first page of the dashboard."""


class _Silent:
    """Mixin for a Dask node without an HTTP server, which no option of Dask turns off."""

    def start_http_server(self, *_: Any, **__: Any) -> None:
        """Open no port."""


class SilentScheduler(_Silent, Scheduler):
    """The scheduler in this process."""


class SilentWorker(_Silent, Worker):
    """A worker in this process."""


@contextmanager
def connected(
    scheduler: str | None, workers: int, dashboard: str | None = None
) -> Iterator[Client]:
    """Connect to the *scheduler* at an address, or start a number of *workers* on this machine.

    Local workers are threads of this process; each starts a subprocess for its crawl
    (`imagefetch.fleet.worker.crawl`), which does not load Dask. No port is opened for them, since
    anyone who can reach a Dask scheduler can run any code. The dashboard is served at the
    address *dashboard*, if that is given. Files of the workers, where Dask also looks for
    modules, are in a temporary folder of this process.

    :raises BadInput: if no scheduler responds at the address
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if scheduler:
        try:
            client = Client(scheduler)
        except (OSError, ValueError, TypeError, ImportError) as error:
            raise BadInput(f"--scheduler {scheduler}: no scheduler responds: {error}") from error
        with client:
            yield client
        return
    with (
        tempfile.TemporaryDirectory(prefix="imagefetch-fleet-", ignore_cleanup_errors=True) as own,
        dask.config.set({**LOCAL, "temporary-directory": own, **_dashboard_options(dashboard)}),
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
    """:raises BadInput: if no dashboard can be served at *address*"""
    if address is None:
        return
    match = ADDRESS.fullmatch(address)
    if match is None or int(match[2]) > 65_535:
        raise BadInput(f"--dashboard {address}: must be HOST:PORT, such as 127.0.0.1:8787")
    if scheduler:
        raise BadInput("--dashboard: the cluster of --scheduler has its own; leave it out")
    if find_spec("bokeh") is None:
        raise BadInput("--dashboard needs more packages: pip install bokeh")


def dashboard_address(client: Client) -> str | None:
    """Return the address of the cluster's dashboard, or None if none responds."""
    link: str = client.dashboard_link or ""
    with (
        suppress(OSError, HTTPException, ValueError),
        build_opener(ProxyHandler({})).open(link, timeout=DASHBOARD_TIMEOUT) as page,
    ):
        return link if page.status == 200 else None
    return None


def _dashboard_options(address: str | None) -> dict[str, Any]:
    if address is None:
        return {}
    host, _, port = address.rpartition(":")
    shown = "127.0.0.1" if host == "0.0.0.0" else host
    return {
        "distributed.dashboard.link": f"http://{shown}:{{port}}/status",
        # Pages of other origins (as after DNS rebinding) must not read the WebSocket.
        "distributed.scheduler.dashboard.bokeh-application.allow_websocket_origin": [
            f"{shown}:{port}"
        ],
    }
