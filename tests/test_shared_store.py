"""What a run may replace or remove in its store, and what not; each as a user sees it."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from imagefetch.fleet.worker.fork_client import fork_server
from tests.conftest import Crawl
from tests.support.forked import crawl, report
from tests.support.server import Server, Writer, image


@pytest.fixture(autouse=True, scope="module")
def forks() -> Iterator[None]:
    yield
    fork_server.end()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "images"


def job(tmp_path: Path, name: str, lines: list[str]) -> Path:
    """Make a job of its own below *tmp_path*; return its folder."""
    folder = tmp_path / name
    folder.mkdir(exist_ok=True)
    (folder / "urls.txt").write_text("".join(f"{line}\n" for line in lines))
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """Return every file below *folder*, locks and logs left out, with what it holds."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in found
        if path.name != "log" and not path.name.endswith(".lock")
    }


def prove(folder: Path, store: Path) -> str:
    """Assert that the job in *folder* is whole; return what the report says."""
    done = report(folder, store)
    assert done.status == 0, done.log
    return done.log


def serve(server: Server, path: str, bodies: Sequence[bytes | None]) -> str:
    """Serve at *path* each of *bodies* in turn, the last one ever after; None is a 404."""
    left = list(bodies)

    async def answer(writer: Writer) -> None:
        body = left[0]
        del left[: len(left) > 1]
        status = "404 Not Found" if body is None else "200 OK"
        body = body or b""
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    server.raw[path] = answer
    return server.url(path)


# --- fresh=1 ----------------------------------------------------------------

BROKEN: dict[str, dict[str, Any]] = {
    "a misspelt spider": {"spider": "image"},
    "a middleware that is not there": {"DOWNLOADER_MIDDLEWARES": '{"no.such.Middleware": 1}'},
    "an extension that is not there": {"EXTENSIONS": '{"no.such.Extension": 1}'},
    "a handler that is not there": {"DOWNLOAD_HANDLERS": '{"http": "no.such.Handler"}'},
    "a scheduler that is not there": {"SCHEDULER": "no.such.Scheduler"},
    "a pipeline that is not there": {"ITEM_PIPELINES": '{"no.such.Pipeline": 1}'},
}


@pytest.mark.parametrize("broken", BROKEN)
def test_fresh_changes_nothing_if_the_run_cannot_begin(
    tmp_path: Path, store: Path, server: Server, broken: str
) -> None:
    """Report and pictures are as they were, whatever keeps the run from beginning."""
    folder = job(tmp_path, "a", [server.url(f"/image/{n}.jpg") for n in range(3)])
    assert crawl(folder, store).status == 0
    before = files(tmp_path)
    done = crawl(folder, store, "-a", "fresh=1", **BROKEN[broken])
    assert done.status != 0, done.log
    assert files(tmp_path) == before
    prove(folder, store)


def test_fresh_replaces_pictures_as_they_come_and_removes_the_rest_at_the_end(
    tmp_path: Path, store: Path, server: Server
) -> None:
    """The old report gets the next number that is free; the log and the summary say how many
    files went; what is not what its row says stays."""
    pictures = [image(f"{n}") for n in range(8)]
    lines = [
        serve(server, "/raw/changed.jpg", pictures[:2]),
        serve(server, "/raw/same.jpg", [pictures[2]]),
        serve(server, "/raw/gone.jpg", [pictures[3], None]),
        serve(server, "/raw/edited.jpg", [pictures[4], None]),
    ]
    folder = job(tmp_path, "a", lines)
    first = crawl(folder, store)
    named = {line: store / row["File"] for line, row in first.by_line.items()}
    before = first.report.read_bytes()
    named[4].write_bytes(b"edited by the user")
    (folder / "REPORT.1.csv").write_bytes(b"the user's")
    done = crawl(folder, store, "-a", "fresh=1")
    assert done.status == 0, done.log
    assert "1 file of earlier runs removed" in done.log
    assert "  removed     1 file of earlier runs\n" in done.log
    assert (folder / "REPORT.1.csv").read_bytes() == b"the user's"
    assert (folder / "REPORT.2.csv").read_bytes() == before
    assert named[1].read_bytes() == pictures[1]
    assert named[2].read_bytes() == pictures[2]
    assert not named[3].exists()
    assert named[4].read_bytes() == b"edited by the user"
    assert {row["File"] for row in done.rows} == {named[1].name, named[2].name, ""}


@pytest.mark.parametrize("again", [[], ["-a", "fresh=1"]])
@pytest.mark.parametrize("step", ["retired:1", "noted:1", "moved:1", "row:1", "row:3", "removed:1"])
def test_an_interrupted_fresh_run_removes_the_rest_when_it_is_finished(
    tmp_path: Path, store: Path, server: Server, step: str, again: list[str]
) -> None:
    """Wherever it was killed, and whether it is gone on with or begun anew once more; until then
    the pictures that are not replaced stay."""
    lines = [server.url(f"/new/{n}.jpg") for n in range(3)]
    lines += [serve(server, f"/raw/{n}.jpg", [image(f"gone {n}"), None]) for n in range(2)]
    folder = job(tmp_path, "a", lines)
    assert crawl(folder, store).status == 0
    before = set(files(store))
    killed = crawl(folder, store, "-a", "fresh=1", kill_at=step, CONCURRENT_REQUESTS=1)
    assert killed.status == -signal.SIGKILL, killed.log
    assert len(before - set(files(store))) == (step == "removed:1")
    done = crawl(folder, store, *again)
    assert done.status == 0, done.log
    assert "strays      0" in prove(folder, store)
    assert set(files(store)) == {row["File"] for row in done.rows} - {""}
    assert not (store / ".part").exists()
    assert (folder / "REPORT.1.csv").exists()
    assert (folder / "REPORT.2.csv").exists() == (bool(again) and step != "retired:1")


# --- two reports in one store -------------------------------------------------


@pytest.mark.parametrize("template", ["{stem}-{hash}{ext}", "{sha256}{ext}"])
def test_two_reports_of_one_list_share_no_file(
    tmp_path: Path, store: Path, server: Server, template: str
) -> None:
    """Each stays whole while the other is begun anew and its pictures change or vanish; equal
    bytes are stored once."""
    bodies: list[list[bytes | None]] = [
        [image("a"), image("a"), None],
        [image("b"), image("b"), image("c")],
    ]
    lines = [serve(server, f"/raw/{n}.jpg", body) for n, body in enumerate(bodies)]
    one, two = (job(tmp_path, name, lines) for name in ("one", "two"))
    first = crawl(one, store, FILES_NAME=template)
    second = crawl(two, store, FILES_NAME=template)
    assert first.status == second.status == 0, second.log
    names = [{row["File"] for row in done.rows} for done in (first, second)]
    assert not names[0] & names[1]
    assert all(name.startswith("REPORT-") for name in names[1])
    assert "is taken by a file that is not this report's" in second.log
    for line in (1, 2):
        paths = [store / done.by_line[line]["File"] for done in (first, second)]
        assert paths[0].samefile(paths[1])
    third = crawl(one, store, "-a", "fresh=1", FILES_NAME=template)
    assert third.status == 0, third.log
    prove(one, store)
    assert (store / second.by_line[1]["File"]).read_bytes() == image("a")
    assert (store / second.by_line[2]["File"]).read_bytes() == image("b")
    prove(two, store)


def test_no_stray_is_removed_that_is_another_report_s(
    tmp_path: Path, store: Path, server: Server
) -> None:
    """A run that is gone on with, whose line fails now, has nothing to do with the picture that
    another report has of it."""
    url = serve(server, "/raw/a.jpg", [image("a"), None])
    one = job(tmp_path, "one", [url])
    two = job(tmp_path, "two", [server.url("/image/b.jpg"), url])
    assert crawl(one, store).status == 0
    killed = crawl(two, store, kill_at="row:1", CONCURRENT_REQUESTS=1)
    assert killed.status == -signal.SIGKILL
    done = crawl(two, store)
    assert done.status == 0, done.log
    assert done.by_line[2]["Response code"] == "404"
    prove(one, store)
    prove(two, store)


def test_a_file_of_the_user_is_never_overwritten(
    tmp_path: Path, store: Path, server: Server
) -> None:
    """Nor one that a run of before named, once its report is gone: nobody knows whose it is."""
    folder = job(tmp_path, "a", [server.url("/new/a.jpg"), server.url("/image/b.jpg")])
    first = crawl(folder, store)
    before = files(store)
    first.report.unlink()
    done = crawl(folder, store)
    assert done.status == 0, done.log
    assert {name: files(store)[name] for name in before} == before
    prove(folder, store)
    crawl(folder, store, "-a", "fresh=1")
    assert len(files(store)) == 4
    prove(folder, store)


# --- another store ------------------------------------------------------------


def copies(done: Crawl) -> dict[str, bytes]:
    return files(done.folder.parent)


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("words", [[], ["-a", "only=failed"]])
def test_another_store_is_refused(
    tmp_path: Path, store: Path, server: Server, finished: bool, words: list[str]
) -> None:
    """In one line that says what to do, and nothing is changed; moved with its files, or begun
    anew, it is accepted."""
    folder = job(tmp_path, "a", [server.url(f"/image/{n}.jpg") for n in range(4)])
    first = crawl(folder, store, kill_at="" if finished else "row:3")
    before = copies(first)
    other = tmp_path / "other"
    done = crawl(folder, other, *words)
    assert done.status == 2
    assert done.log.count("\n") == 1
    assert f"none of its pictures is in {other}" in done.log
    assert "-s FILES_STORE=" in done.log
    assert copies(done) == before
    assert not other.exists()
    shutil.copytree(store, other)
    assert crawl(folder, other, *words).status == 0
    prove(folder, other)


def test_begun_anew_in_another_store_the_old_pictures_stay(
    tmp_path: Path, store: Path, server: Server
) -> None:
    """And the log says so."""
    folder = job(tmp_path, "a", [server.url(f"/new/{n}.jpg") for n in range(2)])
    assert crawl(folder, store).status == 0
    before = files(store)
    done = crawl(folder, tmp_path / "other", "-a", "fresh=1")
    assert done.status == 0, done.log
    assert "its pictures are not in FILES_STORE; they are not removed" in done.log
    assert files(store) == before
    prove(folder, tmp_path / "other")


# --- what the report says -----------------------------------------------------


def test_strays_are_named_and_removed_only_where_they_are_proven_ours(
    tmp_path: Path, store: Path, server: Server
) -> None:
    """Those that the list has lost, and what lies below the report's own folder; not the user's,
    nor another report's, nor what its row does not describe any more."""
    lines = [server.url(f"/image/{n}.jpg") for n in range(6)]
    folder, other = job(tmp_path, "a", lines), job(tmp_path, "b", lines[:1])
    first = crawl(folder, store)
    assert crawl(other, store).status == 0
    lost = [first.by_line[line]["File"] for line in (5, 6)]
    job(tmp_path, "a", lines[:4])
    assert crawl(folder, store).status == 0
    (store / lost[0]).write_bytes(b"edited")
    for number in range(9):
        (store / f"mine-{number}.jpg").write_bytes(b"")
    told = prove(folder, store)
    assert "strays      12 files that no row names\n" in told
    assert told.count("              ") == 6
    assert "              and 7 more\n" in told
    done = report(folder, store, "--remove-strays")
    assert done.status == 0, done.log
    assert "removed     1 file that no row names; 11 files left, which may be another" in done.log
    assert not (store / lost[1]).exists()
    assert (store / lost[0]).exists()
    prove(other, store)
    own = next(path for path in store.iterdir() if path.is_dir())
    (own / "mine.jpg").write_bytes(b"")
    done = report(other, store, "--remove-strays")
    assert "removed     1 file " in done.log
    prove(other, store)


@pytest.mark.parametrize("step", ["linked", "moved", "torn"])
def test_a_file_without_its_row_is_partial_and_no_stray(
    tmp_path: Path, store: Path, server: Server, step: str
) -> None:
    """While a job runs, a file is in its place before its row is written; so it is after a kill.
    --remove-strays removes it."""
    folder = job(tmp_path, "a", [server.url(f"/image/{n}.jpg") for n in range(3)])
    killed = crawl(folder, store, kill_at=f"{step}:3", CONCURRENT_REQUESTS=1)
    assert killed.status == -signal.SIGKILL
    found = report(folder, store)
    assert "strays      0" in found.log
    assert f"partial     {2 if step == 'linked' else 1} files" in found.log
    assert "lines       3, 1 of them without a row" in found.log
    assert "removed     1 file " in report(folder, store, "--remove-strays").log
    assert crawl(folder, store).status == 0
    prove(folder, store)


def test_rows_that_only_supersedes_are_no_fault(
    tmp_path: Path, store: Path, server: Server
) -> None:
    """Before the run that did so is finished, the report says that there are such."""
    folder = job(tmp_path, "a", [server.url(f"/later/1/503/{n}") for n in range(3)])
    assert crawl(folder, store).status == 0
    killed = crawl(folder, store, "-a", "only=failed", kill_at="row:2")
    assert killed.status == -signal.SIGKILL
    found = report(folder, store)
    assert found.status == 0, found.log
    assert "superseded  2 rows" in found.log
    assert "BROKEN" not in found.log
    assert crawl(folder, store, "-a", "only=failed").status == 0
    assert "superseded" not in prove(folder, store)


# --- what it costs ------------------------------------------------------------


def calls(done: Crawl) -> int:
    """Return how many functions were called in a run that `tests.support.extensions.Calls`
    watched."""
    assert done.status == 0, done.log
    return int(done.log.partition("calls: ")[2].split()[0])


def test_going_on_costs_no_more_a_line_than_beginning(
    tmp_path: Path, store: Path, server: Server
) -> None:
    """Counted in calls of functions, which no other process disturbs."""
    lines = [server.url(f"/image/{n}.jpg") for n in range(160)]
    watched: dict[str, Any] = {
        "EXTENSIONS": json.dumps({"tests.support.extensions.Calls": 1}),
        "CONCURRENT_REQUESTS": 16,
    }
    empty = calls(crawl(job(tmp_path, "empty", lines[:1]), tmp_path / "first", **watched))
    first = calls(crawl(job(tmp_path, "warm", lines[:40]), tmp_path / "warm", **watched))
    whole = calls(crawl(job(tmp_path, "fresh", lines), store, **watched))
    folder = job(tmp_path, "continued", lines[:40])
    assert crawl(folder, tmp_path / "other").status == 0
    job(tmp_path, "continued", lines)
    continued = calls(crawl(folder, tmp_path / "other", **watched))
    fresh_each, continued_each = (whole - first) / 120, (continued - empty) / 120
    assert continued_each < 1.1 * fresh_each
