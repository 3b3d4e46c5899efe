"""Gives shards to Dask until all are done; whatever ends it, the job folder knows how far it is."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from distributed import Client, Future, KilledWorker, fire_and_forget
from scrapy.settings import BaseSettings

from imagefetch.errors import SchedulerLost, ShardFailed
from imagefetch.fleet.job import Begun, max_lanes
from imagefetch.fleet.progress import FleetView
from imagefetch.fleet.shard_queue import Turns
from imagefetch.fleet.worker.dask_task import allow_job, on_worker, stop_job, topic
from imagefetch.fleet.worker.task import Abandoned, Progress, Task

logger = logging.getLogger(__name__)

FAILURES_MAX = 3
"""Times that a shard may fail for a reason that is not its lines' before the run ends."""

KILLED_MAX = 20
"""Times that Dask may give a shard up because its workers died; each is several deaths."""

LOOK = 1.0  # seconds between two looks at the cluster
SILENCE_MAX = 20.0  # seconds, see `imagefetch.fleet.worker.task.Task`


@dataclass(frozen=True)
class Words:
    """``NAME=VALUE`` for the processes that fetch."""

    all: tuple[str, ...]
    limit: int
    """Requests to one host at once."""
    delay: float
    """Seconds between two of them."""
    most_lanes: int
    """Processes that may share a host's limits."""

    @classmethod
    def of(cls, settings: BaseSettings, given: list[str], store: str) -> Words:
        own = (f"FILES_STORE={store}", "LOG_FILE=", "PROGRESS=off", "HTML_REPORT=False")
        limit = settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")
        delay = settings.getfloat("DOWNLOAD_DELAY")
        return cls((*given, *own), limit, delay, max_lanes(settings))

    def for_lane(self, lanes: int) -> tuple[str, ...]:
        """Return those of a process that shares its hosts' limits with others."""
        if lanes == 1:
            return self.all
        part = f"CONCURRENT_REQUESTS_PER_DOMAIN={self.limit // lanes}"
        return (*self.all, part, f"DOWNLOAD_DELAY={self.delay * lanes}")


class Fleet:
    """One run of a job on a cluster."""

    def __init__(self, client: Client, begun: Begun, words: Words, view: FleetView) -> None:
        self.client = client
        self.begun = begun
        self.words = words
        self.view = view
        job = begun.job
        # The settings may have changed since the list was split.
        big = [each._replace(lanes=min(each.lanes, words.most_lanes)) for each in job.big]
        self.turns = Turns(job.shards, big, begun.parts.outcomes())
        self.lanes = {each.first + n: each.lanes for each in big for n in range(each.parts)}
        self.futures: dict[int, Future[Progress | None]] = {}
        self.ended: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.failures: Counter[int] = Counter()
        self.killed: Counter[int] = Counter()
        self.again: list[int] = []
        """Shards to be submitted again, as soon as Dask has forgotten how they ended."""
        self.stopping = False
        self.workers = self.threads = 0

    def run(self, near_the_end: Callable[[], None]) -> None:
        """Return once every shard is done; while all are given out, *near_the_end* is called
        every second.

        :raises SchedulerLost, ShardFailed: if that is not to be
        :raises KeyboardInterrupt: after `stop`
        """
        job = self.begun.job
        self._tell_workers(allow_job)
        self.client.subscribe_topic(topic(job.id), lambda event: self.view.tell(event[1]))
        looked, told = 0.0, False
        while self.turns.left and (self.futures or not self.stopping):
            if self.stopping and not told:
                told = True
                self._tell_workers(stop_job)
            if time.monotonic() - looked > LOOK:
                looked = time.monotonic()
                self._look()
            self._give_out()
            if self.turns.left == len(self.futures):
                near_the_end()
            try:
                self._take(self.ended.get(timeout=LOOK))
            except queue.Empty:
                continue
        if self.turns.left:
            raise KeyboardInterrupt

    def stop(self) -> None:
        """End in order: no shard is begun any more, downloads under way are finished.

        May be called by a signal's handler.
        """
        self.stopping = True

    def _tell_workers(self, what: Callable[[str], object]) -> None:
        """Let *what* be run on each worker, without waiting for one that hangs."""

        def tell() -> None:
            with suppress(OSError):  # one that hung is given up
                self.client.run(what, self.begun.job.id, on_error="ignore")

        threading.Thread(target=tell, daemon=True).start()

    def _look(self) -> None:
        """Take in which workers there are.

        :raises SchedulerLost: if the scheduler is gone
        """
        if self.client.status != "running":
            raise _lost()
        try:
            threads = self.client.nthreads().values()
            self.silence = self._silence()
        except OSError as error:
            raise _lost() from error
        self.workers, self.threads = len(threads), sum(threads)
        self.view.show(self.workers, ending=self.stopping)

    def _give_out(self) -> None:
        """Submit what may be fetched now, up to two shards a thread."""
        for forgotten in [n for n in self.again if self._key(n) not in self.client.futures]:
            self.again.remove(forgotten)
            self.turns.ended(forgotten, done=False)
        while not self.stopping and len(self.futures) < 2 * max(1, self.threads):
            shard = self.turns.next()
            if shard is None:
                break
            self._submit(shard)

    def _submit(self, shard: int) -> None:
        begun = self.begun
        task = Task(
            begun.job.id,
            begun.parts.address,
            begun.parts.options,
            shard,
            self.words.for_lane(self.lanes.get(shard, 1)),
            begun.run.store,
            self.silence,
            str(begun.run.report),
        )
        future = self.client.submit(on_worker, task, key=self._key(shard), pure=False)
        fire_and_forget(future)
        self.futures[shard] = future
        future.add_done_callback(lambda _: self.ended.put(shard))

    def _key(self, shard: int) -> str:
        """Return the name of *shard*'s task.

        It is the same for every client, and the scheduler keeps it without any: one that
        comes after another was killed finds what still goes on.
        """
        return f"{topic(self.begun.job.id)}-{shard}"

    def _take(self, shard: int) -> None:
        """Take in what came of *shard*.

        :raises ShardFailed: if the run can't go on
        """
        future = self.futures.pop(shard)
        if future.status == "error":
            self._failed(shard, future.exception())
        # Not by Dask's result, which is lost if its worker dies now.
        outcome = self.begun.parts.outcome(shard)
        future.release()
        if outcome is None:
            self.again.append(shard)
        else:
            self.view.tell(
                {"shard": shard, "done": outcome.get("done", 0), "kept": outcome.get("kept", 0)}
            )
            self.turns.ended(shard, done=True)

    def _failed(self, shard: int, error: BaseException | None) -> None:
        """:raises ShardFailed: if it is no use to try again"""
        if isinstance(error, KilledWorker | Abandoned):
            logger.warning("Shard %d: its worker died; it is tried again", shard)
            self.killed[shard] += 1
        else:
            logger.warning("Shard %d: %s; it is tried again", shard, error)
            self.failures[shard] += 1
        if self.failures[shard] >= FAILURES_MAX or self.killed[shard] >= KILLED_MAX:
            why = " ".join(str(error).split()) or type(error).__name__
            raise ShardFailed(f"shard {shard}: {why}")

    def _silence(self) -> float:
        """Return how long a worker may be silent before its process ends: so short that
        the scheduler gives the shard to no other before."""
        ttl: float | None = self.client.run_on_scheduler(_worker_ttl)
        return SILENCE_MAX if ttl is None else min(SILENCE_MAX, ttl / 3)


def _lost() -> SchedulerLost:
    return SchedulerLost("Dask's scheduler answers no more; start one, then the same command")


def _worker_ttl(dask_scheduler: Any) -> float | None:
    ttl: float | None = dask_scheduler.worker_ttl
    return ttl
