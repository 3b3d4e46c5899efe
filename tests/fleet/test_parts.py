"""Parts of the fleet in isolation: bisection, fencing, heartbeats, merging, the job folder."""

from __future__ import annotations

import gzip
import io
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefetch.errors import BadInput, ReportError, StoreError
from imagefetch.fleet.folder import JobFolder
from imagefetch.fleet.job import open_job
from imagefetch.fleet.job_file import parse_job
from imagefetch.fleet.shards import append, merge
from imagefetch.fleet.shards.merge import Sorter, in_order
from imagefetch.fleet.shards.plan import DividedGroup
from imagefetch.fleet.worker import fencing
from imagefetch.fleet.worker.bisection import ALONE, CHANCES, PROCESS, WORKER, Suspects, suspects_of
from imagefetch.fleet.worker.crawl_process import watch
from imagefetch.fleet.worker.fencing import Heartbeat
from imagefetch.fleet.worker.task import Task
from imagefetch.line import Line
from imagefetch.output.ownership.intents import NOTES_FILE, Notes, write_notes
from imagefetch.output.ownership.leftovers import remove_noted
from imagefetch.output.ownership.moves import Identity
from imagefetch.output.partial_files import open_partial_folder, partial_folder
from imagefetch.output.report.csv_rows import HEADER, Row, encode
from tests.conftest import examples, project
from tests.support.server import Server
from tests.support.until import until


@examples(50)
@given(st.integers(1, 100), st.data())
def test_the_guilty_are_found(lines: int, data: st.DataObject) -> None:
    """Exactly the guilty lines are found, whatever lines of a part were done before it died."""
    guilty = data.draw(st.sets(st.integers(0, lines - 1), max_size=3))
    missing = list(range(lines))
    suspects, found, processes = Suspects(), set(), 0
    while missing:
        if suspects.is_found(missing):
            found.add(missing.pop(0))
            suspects = Suspects()
            continue
        processes += 1
        part = suspects.next_part(missing)
        assert 1 <= part <= len(missing)
        tried = missing[:part]
        if guilty.intersection(tried):
            suspects.record_death(missing, part, PROCESS)
            done = data.draw(st.sets(st.sampled_from(tried))) - guilty
        else:
            suspects.record_end(missing, part)
            done = set(tried)
        missing = [place for place in missing if place not in done]
    assert found == guilty
    bound = CHANCES + ALONE // PROCESS + lines.bit_length() + 1
    assert processes <= 1 + (bound + 1) * len(guilty)


def test_random_deaths_find_no_guilty_line() -> None:
    """Occasional deaths of a worker, as when its machine fails, give up no line."""
    missing = list(range(100))
    suspects = Suspects()
    for _ in range(CHANCES + 1):
        suspects.record_death(missing, suspects.next_part(missing), WORKER)
    while suspects.until is not None:
        part = suspects.next_part(missing)
        suspects.record_end(missing, part)
        missing = missing[part:]
        assert not (missing and suspects.is_found(missing))
    assert suspects == Suspects()


def test_a_line_is_not_accused_of_another_s_deaths() -> None:
    """Nor of deaths of its worker, as long as these may be chance."""
    suspects = Suspects()
    for _ in range(CHANCES):
        suspects.record_death([4, 5], suspects.next_part([4, 5]), PROCESS)
    assert suspects.next_part([4, 5]) == 1
    suspects.record_death([4, 5], 1, PROCESS)
    assert not suspects.is_found([4, 5])
    for _ in range(ALONE // WORKER - 1):  # line 4 was done when the process died
        suspects.record_death([5], suspects.next_part([5]), WORKER)
        assert not suspects.is_found([5])
    suspects.record_death([5], 1, WORKER)
    assert suspects.is_found([5])
    assert not suspects.is_found([6])


def test_behind_a_fence_no_file_is_moved(tmp_path: Path) -> None:
    """A fenced-off process can move neither an existing partial file nor create a new one; the
    fence can be removed."""
    store = tmp_path / "store"
    partial, other = store / ".part" / "a1", store / ".part" / "b2"
    open_partial_folder(partial)
    (partial / "body").write_bytes(b"x")
    fencing.fence_off(partial)
    fencing.fence_off(partial)  # each later attempt does it again
    with pytest.raises(OSError):
        (partial / "body").replace(store / "a.jpg")
    with pytest.raises(StoreError):
        open_partial_folder(partial)
    fencing.fence_off(other)  # before the process has created its folder
    with pytest.raises(StoreError):
        open_partial_folder(other)
    for each in (partial, other):
        fencing.remove_fence(each)
    assert list(store.iterdir()) == []
    fencing.fence_off(tmp_path / "elsewhere" / "c3")  # a folder of another machine
    assert not (tmp_path / "elsewhere").exists()


def test_a_silent_or_ended_worker_is_noticed() -> None:
    """`watch` returns once heartbeats stop or the input ends."""
    reading, writing = os.pipe()
    os.write(writing, b"." * 10)
    watch(reading, 0.01)
    os.write(writing, b".")
    os.close(writing)
    watch(reading, 1_000)
    os.close(reading)


def test_a_process_that_was_stopped_knows_it() -> None:
    """A gap between two heartbeats is detected and never forgotten; slow work is no gap."""
    times = [*range(0, 1_000, 20), 1_001, 1_002]
    heartbeat = Heartbeat(20, map(float, times).__next__)
    heartbeat.end()  # the test itself makes the readings
    missed = [heartbeat.has_missed() for _ in times[1:]]
    assert missed == [False] * 49 + [True, True]


def test_heartbeat_reads_the_clock_in_a_thread() -> None:
    """The thread reads the clock; otherwise slow work would look like a gap."""
    readings: list[float] = []

    def clock() -> float:
        readings.append(0)
        return 0

    heartbeat = Heartbeat(0.01, clock)
    until(lambda: len(readings) > 3, "readings")
    heartbeat.end()


def rows(*lines: Line, code: str = "404") -> Iterator[Row]:
    for line in lines:
        cells = [line.text, code, str(line.number), *[""] * 6, "1", "", "not-found", *[""] * 8]
        yield Row(0, encode(cells), cells)


LINES = [Line(number, f"http://a.example/{number}") for number in range(1, 500, 3)]


def test_rows_are_put_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are sorted; the later of two rows of a line is kept; memory is bounded; temporary files
    are removed."""
    monkeypatch.setattr(merge, "LINES", 50)
    monkeypatch.setattr(append, "BUFFER", 2_000)
    sorter = Sorter(tmp_path / "scratch")
    for row in rows(*LINES, code="500"):
        sorter.add(row)
    for row in rows(*reversed(LINES)):
        sorter.add(row)
    assert len(list((tmp_path / "scratch").iterdir())) == 10
    found = list(in_order(LINES, sorter.rows()))
    assert [(row.line, row.cells[0]) for row in found] == [line[:2] for line in LINES]
    assert {row.cells[1] for row in found} == {"404"}
    sorter.close()
    assert not (tmp_path / "scratch").exists()


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (LINES[:5] + LINES[6:], "line 16 of the list has no row"),
        (LINES[:-1], "line 499 of the list has no row"),
        ([*LINES, Line(501, "http://a.example/501")], "no line 501"),
        ([Line(1, "http://b.example/"), *LINES[1:]], "line 1 of the list has no row"),
    ],
)
def test_a_report_that_is_not_whole_is_none(lines: list[Line], why: str) -> None:
    """A missing or additional row, or one of another URL, is an error."""
    with pytest.raises(ReportError, match=why):
        list(in_order(LINES, rows(*lines)))


def test_what_a_killed_process_moved_is_known_behind_its_fence(tmp_path: Path) -> None:
    """The notes of moved files survive fencing. At the end of the job, a file is removed only if
    it is the noted one and no row names it."""
    partial = tmp_path / ".part" / "a1"
    open_partial_folder(partial)
    notes: Notes = {}
    for name in ("stray.jpg", "named.jpg", "another.jpg"):
        (tmp_path / name).write_bytes(b"x")
        notes[name] = {Identity.of((tmp_path / name).stat())}
    write_notes(partial / NOTES_FILE, notes)
    (tmp_path / "another.jpg").unlink()
    (tmp_path / "another.jpg").write_bytes(b"other")
    assert fencing.fence_off(partial) == notes
    assert fencing.fence_off(partial) == fencing.notes_of(partial) == notes
    report = tmp_path / "REPORT.csv"
    cells = ["http://a.example/1", "200", "1", "named.jpg", "1", "image/jpeg", "", "", "0" * 64]
    cells += ["1", "0.001", *[""] * 9]
    report.write_bytes(HEADER + encode(cells))
    assert remove_noted(notes, report, tmp_path) == 1
    assert {path.name for path in tmp_path.glob("*.jpg")} == {"named.jpg", "another.jpg"}
    fencing.remove_fence(partial)
    assert not partial.parent.exists()


def test_the_job_folder(tmp_path: Path) -> None:
    """Attempts are found by their reports, the newest last; `remove` leaves the files of others."""
    folder = JobFolder(str(tmp_path / "job"), {})
    parts = folder.of("0123456789ab")
    assert (folder.job(), folder.names(), parts.outcomes(), parts.attempts(3)) == (None, [], {}, [])
    for name in (
        "0002-bb.csv",
        "0001-aa.csv",
        "0001-aa.json",
        "0002-bb.new.csv",
        ".0002-bb.csv.lock",
    ):
        parts.write(f"attempts/000003/{name}", b"{}")
    assert parts.attempts(3) == ["0001-aa", "0002-bb"]
    folder.write("job.json", b"{}")
    parts.write("done/000003.json", b'{"attempt": "0002-bb"}')
    assert parts.outcomes() == {3: {"attempt": "0002-bb"}}
    assert parts.has("done/000003.json")
    assert not parts.has("done/000004.json")
    folder.of("ba9876543210").write("done/000003.json", b"{}")  # of a discarded job
    (tmp_path / "job" / "mine.txt").touch()
    (tmp_path / "job" / "job-mine").mkdir()
    folder.remove()
    assert folder.names() == ["job-mine", "mine.txt"]


def test_a_job_that_is_damaged(tmp_path: Path) -> None:
    """A ``job.json`` with a wrong value of any key, or that is no JSON object, is rejected: its
    values determine paths and memory use."""
    good: dict[str, Any] = {
        "id": "0123456789ab",
        "report": "/tmp/REPORT.csv",
        "list": "ab" * 16,
        "only": "",
        "lines": 10,
        "before": 2,
        "shards": 3,
        "big": [[1, 2, 1]],
    }
    assert parse_job(good).big == (DividedGroup(1, 2, 1),)
    wrongs: tuple[dict[str, Any], ...] = (
        *({"id": value} for value in ("../../../../etc", "0123456789aB", 5, None, "0" * 13)),
        *({"report": value} for value in (None, ["x"], "x" * 5_000)),
        *({"list": value} for value in ("../x", "", "g" * 32, None)),
        *({"lines": value} for value in (-1, 1.5, "10", True, None, 1, 10**30)),
        *({"before": value} for value in (-1, 11, "2")),
        *({"shards": value} for value in (-1, 11, "3", True)),
        {"shards": 10**9, "lines": 10**9},
        *({"big": value} for value in ([[2, 2, 1]], [[1, 2]], [[0, 0, 1]], ["abc"], [["1", 2, 1]])),
        *({"big": value} for value in ([[1, 2, 0]], 5, {"a": 1}, [[-1, 2, 1]])),
        *({"only": value} for value in (0, False, None)),
        {"more": 1},
    )
    for wrong in wrongs:
        with pytest.raises((ValueError, TypeError)):
            parse_job({**good, **wrong})
    folder = JobFolder(str(tmp_path / "job"), {})
    for content in (b"[1]", b"{", b"[" * 100_000, b'"x"', b"\xff", b"{" + b" " * 2**21 + b"}"):
        folder.write("job.json", content)
        with pytest.raises(ValueError):
            folder.job()


def test_a_list_on_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job belongs to the copy of the list: another list neither resumes the job nor replaces
    the copy."""
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / "REPORT.urls.txt.gz"

    def begin(text: str) -> str:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        with open_job(project(), {"urls": "-"}, lambda: 1) as job:
            assert job.run.urls == copy
            return job.job.id

    known = begin("http://a.example/1\n")
    before = copy.read_bytes()
    with pytest.raises(BadInput, match="has changed since its job began"):
        begin("http://a.example/2\n")
    assert copy.read_bytes() == before
    assert begin("http://a.example/1\n") == begin("") == known
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {copy.name, "REPORT.csv.fleet", ".REPORT.csv.lock", "downloaded-images"}


@pytest.mark.parametrize("source", ["empty", "binary", "address", "truncated", "missing"])
def test_a_list_that_cannot_be_read_leaves_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server, source: str
) -> None:
    """fresh=1 discards the earlier job only when the new list is at hand and readable."""
    monkeypatch.chdir(tmp_path)
    Path("urls.txt").write_text("http://a.example/1\n")
    with open_job(project(), {"urls": "urls.txt"}, lambda: 1) as job:
        known = job.job.id
    lines = (f"http://a.example/{number * 7919 % 100_003:x}\n" for number in range(5_000))
    Path("cut.gz").write_bytes(gzip.compress("".join(lines).encode())[:-200])

    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    before = files()
    content = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" if source == "binary" else b""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    urls = {
        "address": server.url("/status/404/list"),
        "truncated": "cut.gz",
        "missing": "none.txt",
    }.get(source, "-")
    with (
        pytest.raises(BadInput),
        open_job(project(RETRY_TIMES=0), {"urls": urls, "fresh": "1"}, lambda: 1),
    ):
        pass
    assert files() == before
    with open_job(project(), {"urls": "urls.txt"}, lambda: 1) as job:
        assert job.job.id == known


def test_what_attempts_left_that_is_damaged(tmp_path: Path) -> None:
    """A damaged outcome leaves its shard undone; a damaged note is ignored; files whose names are
    not those of attempts or shards are ignored; a pipe is not read."""
    parts = JobFolder(str(tmp_path / "job"), {}).of("0123456789ab")
    for number, outcome in enumerate(
        (
            '{"attempt": "0002-bb", "clean": true, "done": 5, "kept": 4}',
            *('{"attempt": "../../../x"}', '{"attempt": "0002-bb/../x"}', '{"attempt": 5}', "{}"),
            *('{"attempt": "0002-bb", "done": -1}', '{"attempt": "0002-bb", "kept": "4"}'),
            *('{"attempt": "0002-bb", "clean": 1}', "[]", "", "{", "[" * 100_000),
        )
    ):
        parts.write(f"done/{number:06}.json", outcome.encode())
        assert (parts.outcome(number) is not None) == (number == 0)
    for name in ("x.json", "1.json", "-00001.json", "000001.json.json", "०००००१.json"):
        parts.write(f"done/{name}", b"{}")
    assert parts.outcomes().keys() == {0}
    for name in ("..csv", "1-a.csv", "0001-A.csv", "0001-a b.csv", "x.csv", "0001-.csv"):
        parts.write(f"attempts/000003/{name}", b"")
    parts.write("attempts/x/0001-aa.csv", b"")
    assert parts.attempted_shards() == [3]
    assert parts.attempts(3) == []
    for note in (b"[]", b"{", b'{"suspects": 1}', b'{"suspects": {"deaths": "x"}}'):
        parts.write("attempts/000003/0001-aa.json", note)
        assert suspects_of(parts.note(3, "0001-aa").get("suspects")) == Suspects()
    known = Suspects(deaths=2, until=5, alone=1, place=None)
    assert suspects_of(asdict(known)) == known
    assert parts.local is not None
    (parts.local / "attempts" / "000003" / "0001-aa.json").unlink()
    os.mkfifo(parts.local / "attempts" / "000003" / "0001-aa.json")
    assert parts.note(3, "0001-aa") == {}


def test_a_partial_folder_follows_from_its_attempt(tmp_path: Path) -> None:
    """The folder of partial files is in the store, for a local and a remote job folder, and is the
    one that the process uses."""
    store = str(tmp_path / "store")
    attempts = [(shard, name) for shard in (1, 2) for name in ("0001-a", "0002-a")]
    for address in (str(tmp_path / "job"), "memory://bucket/job"):
        parts = JobFolder(address, {}).of("0123456789ab")
        found = {parts.partial_folder(store, *attempt) for attempt in attempts}
        assert len(found) == 4
        assert {path and path.parent for path in found} == {tmp_path / "store" / ".part"}
        report = parts.report_path(1, "0001-a", tmp_path / "scratch")
        assert partial_folder(store, report) == parts.partial_folder(store, 1, "0001-a")
    other = JobFolder("memory://bucket/job", {}).of("ba9876543210")
    assert other.partial_folder(store, 1, "0001-a") not in found
    assert parts.partial_folder("s3://bucket/", 1, "0001-a") is None


def test_what_dask_logs_of_a_task_tells_no_password() -> None:
    """The repr of a task, which Dask logs and shows, contains no secrets."""
    secret = "FTP_PASSWORD=hush"
    task = Task("a", "ftp://u:hush@h/", {"secret": "hush"}, 1, (secret,), "ftp://u:hush@h/", 1.0)
    assert "hush" not in repr(task)


def test_a_fence_does_not_follow_a_link(tmp_path: Path) -> None:
    """The target of a symbolic link does not belong to the store and is left unchanged."""
    (tmp_path / "store").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "store" / ".part").symlink_to(tmp_path / "elsewhere")
    there = tmp_path / "store" / ".part" / "0123456789ab"
    (tmp_path / "elsewhere" / there.name).mkdir()
    fencing.fence_off(there)
    fencing.remove_fence(there)
    assert (tmp_path / "elsewhere" / there.name).is_dir()


def test_whatever_a_bucket_raises_is_an_oserror(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of a bucket's library become an OSError, which the user sees as one line."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    folder = JobFolder("s3://bucket/job", {"endpoint_url": "http://127.0.0.1:1"})
    for refused in (
        lambda: folder.read("x"),
        lambda: folder.write("x", b""),
        lambda: folder.fetch("x", Path()),
        lambda: folder.has("x"),
        folder.names,
        folder.remove,
    ):
        with pytest.raises(OSError, match="NoCredentialsError: Unable"):
            refused()


def test_a_job_folder_may_be_called_anything(tmp_path: Path) -> None:
    """Glob characters in the folder's path are taken literally."""
    folder = JobFolder(str(tmp_path / "photos [2024] *?"), {})
    parts = folder.of("0123456789ab")
    for shard in (1, 2):
        parts.write(f"done/00000{shard}.json", b'{"attempt": "0001-aa"}')
    assert parts.outcomes() == {1: {"attempt": "0001-aa"}, 2: {"attempt": "0001-aa"}}
    folder.write("job.json", b"{}")
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_job_folder_is_removed_from_under_a_worker(tmp_path: Path) -> None:
    """The folder can be removed while a worker keeps writing into it."""
    folder = JobFolder(str(tmp_path / "job"), {})
    job = folder.of("0123456789ab")
    over = threading.Event()
    job.write("attempts/000007/0001.csv", b"")

    def work() -> None:
        while not over.is_set():
            with suppress(OSError):  # the folder may be removed at this moment
                job.write(f"attempts/000007/{time.monotonic_ns()}.csv", b"")

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _ in range(20):
            until(lambda: len(job.names("attempts/000007")) > 20, "files")
            folder.remove()
    finally:
        over.set()
        worker.join()
    folder.remove()
    assert not (tmp_path / "job").exists()


def test_a_worker_was_writing_as_its_folder_was_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that a worker writes after the renaming is removed too."""
    folder = JobFolder(str(tmp_path / "job"), {})
    folder.of("0123456789ab").write("attempts/000007/0001.csv", b"")
    gone = tmp_path / "job" / "gone-0123456789ab" / "attempts"
    rmdir = os.rmdir
    late = iter([gone / "late"])

    def rmdir_a_moment_after(*arguments: Any, **options: Any) -> None:
        if path := next(late, None):
            path.touch()
        rmdir(*arguments, **options)

    monkeypatch.setattr("os.rmdir", rmdir_a_moment_after)
    folder.remove()
    assert next(late, None) is None
    assert not (tmp_path / "job").exists()


def test_a_file_may_come_from_another_file_system(tmp_path: Path) -> None:
    """As when the job folder is shared and the worker's temporary folder is local."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system, as /dev/shm is")
    with tempfile.TemporaryDirectory(dir=memory) as scratch:
        file = Path(scratch, "report.csv")
        file.write_bytes(b"rows")
        folder = JobFolder(str(tmp_path / "job"), {})
        folder.send(file, "attempts/000001/0001-aa.csv")
        assert not file.exists()
    assert folder.read("attempts/000001/0001-aa.csv") == b"rows"
    assert folder.attempts(1) == ["0001-aa"]
