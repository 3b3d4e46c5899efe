"""Submits shards to Dask until all are done. All progress is recorded in the job folder."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from distributed import Client, Future, KilledWorker, fire_and_forget

from imagefetch.errors import SchedulerLost, ShardFailed
from imagefetch.fleet.crawl_arguments import CrawlArguments
from imagefetch.fleet.job_file import OpenJob
from imagefetch.fleet.progress import FleetView
from imagefetch.fleet.shards.queue import ShardQueue
from imagefetch.fleet.worker.dask_task import allow_job, on_worker, stop_job, topic
from imagefetch.fleet.worker.task import Abandoned, Progress, Task

logger = logging.getLogger(__name__)

FAILURES_MAX = 3
"""Failures of a shard, other than deaths of its worker, after which the run ends."""

KILLED_MAX = 20
"""Times that Dask may give up a shard because its workers died; each stands for several deaths."""

POLL_INTERVAL = 1.0
"""Seconds between two polls of the cluster."""

HEARTBEAT_TIMEOUT_MAX = 20.0
"""Seconds, see `imagefetch.fleet.worker.task.Task`."""


class Fleet:
    """One run of a job on a cluster."""

    def __init__(
        self, client: Client, opened: OpenJob, arguments: CrawlArguments, view: FleetView
    ) -> None:
        self.client = client
        self.opened = opened
        self.arguments = arguments
        self.view = view
        job = opened.job
        # The settings may have changed since the list was split.
        big = [each._replace(lanes=min(each.lanes, arguments.most_lanes)) for each in job.big]
        self.shards = ShardQueue(job.shards, big, opened.parts.outcomes())
        self.lanes = {each.first + n: each.lanes for each in big for n in range(each.parts)}
        self.futures: dict[int, Future[Progress | None]] = {}
        self.ended: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.failures: Counter[int] = Counter()
        self.killed: Counter[int] = Counter()
        self.again: list[int] = []
        """Shards to be submitted again once Dask has released their earlier tasks."""
        self.stopping = False
        self.workers = self.threads = 0

    def run(self, near_the_end: Callable[[], None]) -> None:
        """Return once every shard is done.

        *near_the_end* is called every `POLL_INTERVAL` seconds or more often while all remaining
        shards are submitted.

        :raises SchedulerLost: if the scheduler is gone
        :raises ShardFailed: if a shard failed too often
        :raises KeyboardInterrupt: if `stop` ended the run before that
        """
        job = self.opened.job
        self._run_on_workers(allow_job)
        self.client.subscribe_topic(topic(job.id), lambda event: self.view.update(event[1]))
        last_poll, workers_stopped = 0.0, False
        while self.shards.left and (self.futures or not self.stopping):
            if self.stopping and not workers_stopped:
                workers_stopped = True
                self._run_on_workers(stop_job)
            if time.monotonic() - last_poll > POLL_INTERVAL:
                last_poll = time.monotonic()
                self._poll()
            self._submit_ready()
            if self.shards.left == len(self.futures):
                near_the_end()
            try:
                self._handle_end(self.ended.get(timeout=POLL_INTERVAL))
            except queue.Empty:
                continue
        if self.shards.left:
            raise KeyboardInterrupt

    def stop(self) -> None:
        """Shut down gracefully: start no more shards, finish the downloads in flight.

        May be called by a signal handler.
        """
        self.stopping = True

    def _run_on_workers(self, function: Callable[[str], object]) -> None:
        """Run *function* on each worker, in the background: a worker may hang."""

        def run() -> None:
            with suppress(OSError):  # the connection to a hanging worker was closed
                self.client.run(function, self.opened.job.id, on_error="ignore")

        threading.Thread(target=run, daemon=True).start()

    def _poll(self) -> None:
        """Update the number of workers and the view.

        :raises SchedulerLost: if the scheduler is gone
        """
        if self.client.status != "running":
            raise _lost()
        try:
            threads = self.client.nthreads().values()
            self.heartbeat_timeout = self._get_heartbeat_timeout()
        except OSError as error:
            raise _lost() from error
        self.workers, self.threads = len(threads), sum(threads)
        self.view.show(self.workers, ending=self.stopping)

    def _submit_ready(self) -> None:
        """Submit shards that may be fetched now, up to two per worker thread."""
        for released in [n for n in self.again if self._key(n) not in self.client.futures]:
            self.again.remove(released)
            self.shards.ended(released, done=False)
        while not self.stopping and len(self.futures) < 2 * max(1, self.threads):
            shard = self.shards.next()
            if shard is None:
                break
            self._submit(shard)

    def _submit(self, shard: int) -> None:
        opened = self.opened
        task = Task(
            opened.job.id,
            opened.parts.address,
            opened.parts.options,
            shard,
            self.arguments.for_lane(self.lanes.get(shard, 1)),
            opened.run.store,
            self.heartbeat_timeout,
            str(opened.run.report),
        )
        future = self.client.submit(on_worker, task, key=self._key(shard), pure=False)
        fire_and_forget(future)
        self.futures[shard] = future
        future.add_done_callback(lambda _: self.ended.put(shard))

    def _key(self, shard: int) -> str:
        """Return the key of *shard*'s Dask task.

        The key is the same for every client, and the scheduler keeps the task without a client:
        the client that resumes after a kill finds the tasks that still run.
        """
        return f"{topic(self.opened.job.id)}-{shard}"

    def _handle_end(self, shard: int) -> None:
        """Handle the end of *shard*'s task.

        :raises ShardFailed: if the shard failed too often
        """
        future = self.futures.pop(shard)
        if future.status == "error":
            self._failed(shard, future.exception())
        # From the job folder: Dask's result is lost if its worker dies now.
        outcome = self.opened.parts.outcome(shard)
        future.release()
        if outcome is None:
            self.again.append(shard)
        else:
            self.view.update(
                {"shard": shard, "done": outcome.get("done", 0), "kept": outcome.get("kept", 0)}
            )
            self.shards.ended(shard, done=True)

    def _failed(self, shard: int, error: BaseException | None) -> None:
        """:raises ShardFailed: if the shard failed too often"""
        if isinstance(error, KilledWorker | Abandoned):
            logger.warning("Shard %d: its worker died or lost it; retrying", shard)
            self.killed[shard] += 1
        else:
            logger.warning("Shard %d failed: %s; retrying", shard, error)
            self.failures[shard] += 1
        if self.failures[shard] >= FAILURES_MAX or self.killed[shard] >= KILLED_MAX:
            why = " ".join(str(error).split()) or type(error).__name__
            raise ShardFailed(f"shard {shard}: {why}")

    def _get_heartbeat_timeout(self) -> float:
        """Return the heartbeat timeout of crawl processes in seconds.

        It is shorter than the scheduler's timeout, so that a process ends before another worker
        gets its shard.
        """
        ttl: float | None = self.client.run_on_scheduler(_worker_ttl)
        return HEARTBEAT_TIMEOUT_MAX if ttl is None else min(HEARTBEAT_TIMEOUT_MAX, ttl / 3)


def _lost() -> SchedulerLost:
    return SchedulerLost(
        "Dask's scheduler no longer responds; start one, then run the same command to resume"
    )


def _worker_ttl(dask_scheduler: Any) -> float | None:
    ttl: float | None = dask_scheduler.worker_ttl
    return ttl
