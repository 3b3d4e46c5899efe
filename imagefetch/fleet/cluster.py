"""The Dask cluster that does it: one of this machine's, or one that runs already."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import dask
from distributed import Client, LocalCluster

from imagefetch.errors import BadInput

LOOPBACK = "127.0.0.1"

LOCAL = {
    # By itself it would name the machine's address, on which nothing listens.
    "distributed.dashboard.link": f"http://{LOOPBACK}:{{port}}/status",
    # Dask looks at its threads and loops up to a hundred times a second, which takes a twentieth
    # of a core from what fetches; these only wait for processes.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "2s",
}
"""Dask's configuration for workers of this process."""


@contextmanager
def connected(scheduler: str | None, workers: int) -> Iterator[Client]:
    """Connect to the *scheduler* at an address, or start so many *workers* on this machine.

    Those are threads of this process; each has a process of its own that fetches
    (`imagefetch.fleet.crawl`), and needs no other with Dask in it. No port is opened for
    them: whoever can talk to a scheduler can run any code. What is shown of them can be
    seen from this machine alone.

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
        dask.config.set(LOCAL),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=False,
            protocol="inproc://",
            dashboard_address=f"{LOOPBACK}:8787",  # without bokeh, it says so
            worker_dashboard_address=f"{LOOPBACK}:0",
            memory_limit=0,  # the crawls are not in this process
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client
