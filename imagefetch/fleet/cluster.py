"""The Dask cluster that does it: one of this machine's, or one that runs already."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import dask
from distributed import Client, LocalCluster

from imagefetch.errors import BadInput
from imagefetch.fleet.worker import Patient

LOOPBACK = "127.0.0.1"

# Seconds without a sign of life until a worker of this machine is believed dead.
WORKER_TTL = 60


@contextmanager
def connected(scheduler: str | None, workers: int) -> Iterator[Client]:
    """Connect to the *scheduler* at an address, or start so many *workers* on this machine.

    Its own cluster listens on loopback alone, and encrypted: whoever can talk to
    a scheduler can run any code.

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
    shown = importlib.util.find_spec("bokeh") is not None
    ttl = dask.config.get("distributed.scheduler.worker-ttl", None)
    with (
        dask.config.set(
            {"distributed.scheduler.worker-ttl": f"{WORKER_TTL}s"} if ttl == "5 minutes" else {}
        ),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host=LOOPBACK,
            dashboard_address=f"{LOOPBACK}:{8787}" if shown else None,
            security=True,
            memory_limit=0,  # the crawls are not in these processes
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        client.register_plugin(Patient())
        yield client
