"""Two reports share a store: neither loses a file that it names, in any order of operations."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from imagefetch.fleet.worker.fork_client import fork_server
from imagefetch.job.audit import Audit, audit
from imagefetch.lists.list_file import ListFile
from imagefetch.output.file_names import NameTemplate
from imagefetch.output.ownership.numbered_reports import earlier_reports
from imagefetch.output.partial_files import partial_folder
from imagefetch.output.report.report_file import read_rows
from tests.conftest import Crawl, examples
from tests.support import driver, forked
from tests.support.server import Server, Writer, image

PATHS = 5
TEMPLATES = [
    "{stem}-{hash}{ext}",
    "{sha256}{ext}",
    "{host}/{sha256:.2}/{hash}{ext}",
    "{stem}{ext}",
    "{host}/all{ext}",
]
STEPS = ["whole", "noted", "linked", "moved", "torn", "row", "retired", "removed"]


class Web:
    """The changing content of the server at each path."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.versions = [1] * PATHS
        """0 is a 404, -1 a 503; equal versions are identical images."""
        for number in range(PATHS):
            server.raw[f"/raw/{number}.jpg"] = self._answer(number)

    def _answer(self, number: int) -> Any:
        async def answer(writer: Writer) -> None:
            version = self.versions[number]
            status = {0: "404 Not Found", -1: "503 Busy"}.get(version, "200 OK")
            body = image(f"version {version}")
            head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()

        return answer

    def fetch(self, url: str) -> tuple[int, bytes]:
        """Use no server."""
        version = self.versions[int(url.rpartition("/")[2].partition(".")[0])]
        return {0: 404, -1: 503}.get(version, 200), image(f"version {version}")

    def url(self, number: int) -> str:
        return self.server.url(f"/raw/{number}.jpg")


class Job:
    """A list of URLs and its report."""

    def __init__(self, folder: Path, store: Path, web: Web) -> None:
        folder.mkdir()
        self.folder, self.store, self.web = folder, store, web
        self.report = folder / "REPORT.csv"
        self.stale = False
        """Whether the list has changed since the last run that is known to have started."""
        self.write(list(range(PATHS)))

    def write(self, numbers: list[int]) -> None:
        text = "".join(f"{self.web.url(number)}\n" for number in numbers)
        (self.folder / "urls.txt").write_text(text)

    def audit(self) -> Audit | None:
        if not self.report.exists():
            return None
        return audit(ListFile(self.folder / "urls.txt"), self.report, self.store)

    def names(self) -> set[str]:
        return {row.file for row in read_rows(self.report)} if self.report.exists() else set()


numbers = st.lists(st.integers(0, PATHS - 1), min_size=PATHS - 1, max_size=PATHS + 1)
kills = st.none() | st.tuples(st.sampled_from(STEPS), st.integers(1, 4))


class TwoReports(RuleBasedStateMachine):
    web: Web
    crawl: Callable[..., Crawl]

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory()
        self.root = Path(self.scratch.name)
        self.store = self.root / "images"
        self.jobs = [Job(self.root / name, self.store, self.web) for name in ("one", "two")]
        self.web.versions[:] = [1, 1, 2, 3, 0]

    @initialize(number=st.integers(0, PATHS - 1), template=st.sampled_from(TEMPLATES))
    def a_file_of_the_user(self, number: int, template: str) -> None:
        """Return the path of an image."""
        name = NameTemplate(template).name(self.web.url(number), ".jpg", 0, "0" * 64)
        self.mine = self.store / name
        self.mine.parent.mkdir(parents=True)
        self.mine.write_bytes(b"precious")

    @rule(number=st.integers(0, PATHS - 1), version=st.integers(-1, 3))
    def the_web_changes(self, number: int, version: int) -> None:
        self.web.versions[number] = version

    @rule(
        which=st.integers(0, 1),
        what=st.sampled_from(["", "", "fresh=1", "only=failed"]),
        template=st.sampled_from(TEMPLATES),
        changed=st.none() | st.none() | numbers,
        killed=kills,
    )
    def a_run(
        self,
        which: int,
        what: str,
        template: str,
        changed: list[int] | None,
        killed: tuple[str, int] | None,
    ) -> None:
        job = self.jobs[which]
        before = (job.folder / "urls.txt").read_text()
        if changed:
            job.write(changed)
            job.stale = True
        words = ["-a", what] if what else []
        kill_at = f"{killed[0]}:{killed[1]}" if killed else ""
        done = self.crawl(job.folder, self.store, *words, kill_at=kill_at, FILES_NAME=template)
        status, log = done.status, done.log
        assert status in {0, 2, -signal.SIGKILL}, log
        if status == 2:
            assert "is of another list" in log or "none of its pictures is in" in log, log
            (job.folder / "urls.txt").write_text(before)
        job.stale &= status == -signal.SIGKILL
        self.check(log)
        if status == 0:
            found = job.audit()
            assert found is not None
            assert found.missing == found.superseded == 0, log
            assert not (job.store / ".part").exists() or self.other_was_killed(job), log

    def other_was_killed(self, job: Job) -> bool:
        """Whether all partial files and notes that are left belong to the other report."""
        return not partial_folder(str(self.store), job.report).exists()

    def check(self, log: str) -> None:
        for job in self.jobs:
            found = job.audit()
            if found is not None:
                torn = found.broken.pop("torn row", 0)  # the state after the kill
                assert torn <= 1
                if job.stale:
                    found.broken.pop("row of no line in the list", 0)
                assert not found.broken, (found.examples, log)
        assert self.mine.read_bytes() == b"precious"
        named = [job.names() - {""} for job in self.jobs]
        assert not named[0] & named[1], "a file of two reports"

    def teardown(self) -> None:
        """Finish both runs: only files that a report names are left."""
        for job in self.jobs:
            done = self.crawl(job.folder, self.store)
            log = done.log
            assert done.status == 0, log
            job.stale = False
            self.check(log)
        for job in self.jobs:
            found = job.audit()
            assert found is not None
            assert (found.missing, found.partial, found.superseded) == (0, 0, 0), log
        assert not (self.store / ".part").exists()
        known = set().union(*(job.names() for job in self.jobs))
        for job in self.jobs:
            for kept in earlier_reports(job.report):  # these lines were removed from the list
                known |= {row.file for row in read_rows(kept)}
        files = {str(p.relative_to(self.store)) for p in self.store.rglob("*") if p.is_file()}
        assert files - known == {str(self.mine.relative_to(self.store))}
        self.scratch.cleanup()


@pytest.fixture
def web(server: Server) -> Iterator[Web]:
    yield Web(server)
    fork_server.end()


def run_machine(web: Web, crawl: Callable[..., Crawl], sequences: int) -> None:
    class Machine(TwoReports):
        pass

    Machine.web, Machine.crawl = web, staticmethod(crawl)
    settings = hypothesis.settings(
        examples(sequences),
        stateful_step_count=10,
        phases=[
            Phase.explicit,
            Phase.reuse,
            Phase.generate,
        ],  # shrinking an example would take hours
    )
    run_state_machine_as_test(Machine, settings=settings)


def test_both_reports_stay_whole_in_any_order(web: Web) -> None:
    """After each run, kill, fresh, only=failed or change of lists and images, with names by URL
    and by content: both reports are complete, and the user's file is unchanged."""
    run_machine(web, forked.crawl, 3)


def test_both_reports_stay_whole_in_many_orders(web: Web) -> None:
    """The same with files alone, which is a hundred times as fast."""
    run_machine(web, partial(driver.crawl, web.fetch), 25)
