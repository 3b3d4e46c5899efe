"""Submits shards to Dask until all are done. All progress is recorded in the job folder."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from distributed import Client, Future, fire_and_forget

from imagefetch.fleet.cluster_status import ClusterStatus
from imagefetch.fleet.crawl_arguments import CrawlArguments
from imagefetch.fleet.job_file import OpenJob
from imagefetch.fleet.progress import FleetView
from imagefetch.fleet.shard_failures import ShardFailures
from imagefetch.fleet.shards.queue import ShardQueue
from imagefetch.fleet.worker.dask_task import allow_job, on_worker, stop_job, topic
from imagefetch.fleet.worker.task import Progress, Task

POLL_INTERVAL = 1.0
"""Seconds between two polls of the cluster."""


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
        self.failures = ShardFailures()
        self.again: list[int] = []
        """Shards to be submitted again once Dask has released their earlier tasks."""
        self.stopping = False
        self.cluster = ClusterStatus(client)

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
                self.cluster.poll()
                self.view.show(self.cluster.workers, ending=self.stopping)
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

    def _submit_ready(self) -> None:
        """Submit shards that may be fetched now, up to two per worker thread."""
        for released in [n for n in self.again if self._key(n) not in self.client.futures]:
            self.again.remove(released)
            self.shards.ended(released, done=False)
        while not self.stopping and len(self.futures) < 2 * max(1, self.cluster.threads):
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
            self.cluster.heartbeat_timeout,
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
            self.failures.record(shard, future.exception())
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
