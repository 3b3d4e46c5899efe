"""Scrapy extensions for a crawl under test: a resolver with given answers, and ones that measure.

The setting RESOLVER maps a name to what each lookup of it gives, the last for
ever, as JSON: a list of addresses, the number of an error, or null for a lookup
that never ends.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from scrapy import signals
from scrapy.crawler import Crawler

from imagefetch.download.addresses.resolver import PooledResolver
from imagefetch.images.bounded_bytes import Bytes

Answers = dict[str, list[list[str] | int | None]]


def resolving(answers: Answers) -> dict[str, str]:
    """Return settings that let names resolve to *answers*, and others as ever."""
    extensions = json.dumps({"tests.support.extensions.Resolver": 1})
    return {"EXTENSIONS": extensions, "RESOLVER": json.dumps(answers)}


class Resolver:
    """Answers instead of the system."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: Counter[str] = Counter()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Resolver:
        made = cls(json.loads(crawler.settings["RESOLVER"]))
        PooledResolver._ask = made.ask  # type: ignore[method-assign, assignment]
        return made

    def ask(self, host: str, port: int, family: int) -> Any:
        answers = self.answers.get(host)
        if answers is None:
            return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        answer = answers[min(self.asked[host], len(answers) - 1)]
        self.asked[host] += 1
        if answer is None:
            threading.Event().wait()
        if not isinstance(answer, list):
            raise socket.gaierror(answer, "told so")
        return [
            info
            for address in answer
            for info in socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
        ]


class PeakMemory:
    """Logs ``peak memory: <MiB>`` at the end, of this process alone."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> PeakMemory:
        made = cls()
        crawler.signals.connect(made.tell, signals.spider_closed)
        return made

    def tell(self) -> None:
        status = Path("/proc/self/status")
        if status.exists():
            words = status.read_text().partition("VmHWM:")[2].split()
            logging.getLogger(__name__).info("peak memory: %d", int(words[0]) // 1024)


class ReadsOnLoop:
    """Logs ``reads on the loop: <n>, bytes: <n>`` at the end: the most that were done on the event
    loop of one file's header."""

    def __init__(self) -> None:
        self.reads = self.bytes = 0
        self._of: dict[int, tuple[Bytes, int, int]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ReadsOnLoop:
        made = cls()
        get = Bytes.__getitem__

        def noted(data: Bytes, key: slice) -> bytes:
            found = get(data, key)
            if threading.current_thread() is threading.main_thread():
                made.note(data, len(found))
            return found

        Bytes.__getitem__ = noted  # type: ignore[method-assign]
        crawler.signals.connect(made.tell, signals.spider_closed)
        return made

    def note(self, data: Bytes, length: int) -> None:
        _, reads, size = self._of.get(id(data), (data, 0, 0))
        self._of[id(data)] = data, reads + 1, size + length
        self.reads = max(self.reads, reads + 1)
        self.bytes = max(self.bytes, size + length)

    def tell(self) -> None:
        text = "reads on the loop: %d, bytes: %d"
        logging.getLogger(__name__).info(text, self.reads, self.bytes)


class Calls:
    """Logs ``calls: <number>`` at the end: of functions, by the run's own thread, in between."""

    def __init__(self) -> None:
        self.count = 0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Calls:
        made = cls()
        crawler.signals.connect(made.begin, signals.spider_opened)
        crawler.signals.connect(made.tell, signals.spider_closed)
        return made

    def begin(self) -> None:
        sys.setprofile(self._note)

    def _note(self, frame: object, event: str, argument: object) -> None:
        self.count += event in {"call", "c_call"}

    def tell(self) -> None:
        sys.setprofile(None)
        logging.getLogger(__name__).info("calls: %d", self.count)
