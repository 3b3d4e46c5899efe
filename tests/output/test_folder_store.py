"""Files are moved into the store and replace only files of their own report, on any file system."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from pathlib import Path

import pytest

from imagefetch.errors import StoreError
from imagefetch.items import ImageRecord
from imagefetch.output.folder_store import FolderStore
from imagefetch.output.ownership.intents import (
    NOTES_FILE,
    NOTES_MAX,
    Intents,
    proven_file,
    read_notes,
)
from imagefetch.output.ownership.moves import Identity, move_new
from imagefetch.output.ownership.named_files import Owner, OwnNames, write_index
from imagefetch.output.ownership.numbered_reports import earlier_reports, replaced, retire
from imagefetch.output.ownership.owner import Ownership
from imagefetch.output.ownership.strays import remove_strays
from imagefetch.output.partial_files import Download
from imagefetch.output.report.csv_rows import HEADER, cells, encode

NO_LINKS = OSError(errno.EPERM, "Operation not permitted")


class Run:
    """A run's part of the store, with the report's rows written as a run does."""

    def __init__(self, root: Path, name: str) -> None:
        self.report = root / name
        self.store = FolderStore(str(root / "images"))
        self.store.own = self.own = Ownership(self.report, str(root / "images"))
        self.own.begin()
        self.report.touch()
        if not self.report.stat().st_size:
            self.report.write_bytes(HEADER)
        self.count = 0

    def add(self, name: str, body: bytes, if_taken: str = "") -> str:
        self.count += 1
        path = self.own.partial / str(self.count)
        path.write_bytes(body)
        digest = hashlib.sha256(body).hexdigest()
        return self.store.add(Download(path, len(body), digest), name, if_taken)

    def write(self, name: str, body: bytes) -> None:
        row = ImageRecord(f"http://a.example/{name}", "200", self.count, name, len(body))
        row.sha256 = hashlib.sha256(body).hexdigest()
        with self.report.open("ab") as file:
            file.write(encode(cells(row)))
        self.own.intents.end(name)

    def put(self, name: str, body: bytes) -> str:
        stored = self.add(name, body)
        self.write(stored, body)
        return stored

    def read(self, name: str) -> bytes:
        return (Path(self.store.basedir) / name).read_bytes()


@pytest.fixture(params=["hard links", "none"])
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the file system has hard links."""

    def refuse(*_: object, **__: object) -> None:
        raise NO_LINKS

    if request.param == "none":
        monkeypatch.setattr(os, "link", refuse)
    return bool(request.param != "none")


def test_what_is_there_stays(tmp_path: Path, links: bool) -> None:
    """Files of the user and of another report are kept; the image is stored in the report's own
    folder, as a hard link if the bytes are the same."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(b"mine")
    one, two = Run(tmp_path, "one.csv"), Run(tmp_path, "two.csv")
    assert one.put("a.jpg", b"one") == f"{one.own.folder}/a.jpg"
    assert one.put("b.jpg", b"b") == "b.jpg"
    assert two.put("b.jpg", b"b") == f"{two.own.folder}/b.jpg"
    assert one.own.folder.startswith("one-")
    assert one.read("a.jpg") == b"mine"
    assert one.read(f"{one.own.folder}/a.jpg") == b"one"
    images = tmp_path / "images"
    same = (images / "b.jpg").samefile(images / two.own.folder / "b.jpg")
    assert same == links
    assert two.read(f"{two.own.folder}/b.jpg") == b"b"
    for run in (one, two):
        run.own.close()
    assert not (images / ".part").exists()


@pytest.mark.usefixtures("links")
def test_what_a_row_names_is_never_replaced_by_other_bytes(tmp_path: Path) -> None:
    """Else a kill before the new row would leave a wrong row; identical images share the file."""
    run = Run(tmp_path, "one.csv")
    names_used = [run.put("a.jpg", body) for body in (b"1", b"2", b"1", b"3")]
    own = run.own.folder
    assert names_used == ["a.jpg", f"{own}/a.jpg", "a.jpg", f"{own}/2/a.jpg"]
    assert [run.read(stored) for stored in names_used] == [b"1", b"2", b"1", b"3"]
    first = run.add("b.jpg", b"no row yet")
    assert run.add("b.jpg", b"other") == f"{own}/b.jpg"
    assert run.add("b.jpg", b"no row yet") == first == "b.jpg"


@pytest.mark.usefixtures("links")
def test_a_name_that_two_images_get_is_claimed_once(tmp_path: Path) -> None:
    """By the first image of either report, also if the bytes are equal; the file of an earlier
    report alone is replaced, and by one image."""
    one, two = Run(tmp_path, "one.csv"), Run(tmp_path, "two.csv")
    assert one.add("a.jpg", b"1", "a-x.jpg") == "a.jpg"  # it has no row yet
    assert one.add("a.jpg", b"1", "a-y.jpg") == "a-y.jpg"
    assert two.add("a.jpg", b"1", "a-z.jpg") == "a-z.jpg"
    assert two.add("a.jpg", b"2", "a-y.jpg") == f"{two.own.folder}/a-y.jpg"
    one.write("a.jpg", b"1")
    assert one.add("a.jpg", b"1", "a-v.jpg") == "a-v.jpg"
    assert one.read("a.jpg") == b"1"
    for run in (one, two):
        run.own.close()
    retire(one.report, None)
    again = Run(tmp_path, "one.csv")
    assert again.add("a.jpg", b"1", "a-y.jpg") == "a.jpg"
    assert again.add("a.jpg", b"3", "a-w.jpg") == "a-w.jpg"
    assert again.read("a.jpg") == b"1"


@pytest.mark.usefixtures("links")
def test_what_only_earlier_reports_name_is_replaced(tmp_path: Path) -> None:
    """Not by a report with such a name by chance: that one has a lock file."""
    first = Run(tmp_path, "one.csv")
    first.put("a.jpg", b"old")
    first.own.close()
    retire(first.report, None)
    run = Run(tmp_path, "one.csv")
    assert earlier_reports(run.report) == [tmp_path / "one.1.csv"]
    assert run.put("a.jpg", b"new") == "a.jpg"
    assert run.read("a.jpg") == b"new"
    (tmp_path / ".one.1.csv.lock").touch()
    assert earlier_reports(run.report) == []


@pytest.mark.usefixtures("links")
def test_a_name_that_came_free_is_another_s(tmp_path: Path) -> None:
    """An earlier report still names it; its file was removed, and another report has since stored
    one with the same bytes there."""
    first = Run(tmp_path, "one.csv")
    first.put("a.jpg", b"a")
    first.own.close()
    notes = first.own.partial
    notes.mkdir(parents=True)
    kept = retire(first.report, notes)
    os.utime(kept, ns=(10**18, 10**18))  # a current modification time
    os.utime(tmp_path / "images" / "a.jpg", ns=(10**18 - 1, 10**18 - 1))
    again = Run(tmp_path, "one.csv")
    assert again.own.owner("a.jpg", 10**18 - 1) is Owner.EARLIER
    (tmp_path / "images" / "a.jpg").unlink()
    other = Run(tmp_path, "two.csv")
    assert other.put("a.jpg", b"a") == "a.jpg"
    assert again.put("a.jpg", b"a") == f"{again.own.folder}/a.jpg"
    assert again.own.finish() == 0
    again.own.close()
    assert remove_strays(again.report, str(tmp_path / "images")) == (0, 1)
    assert other.read("a.jpg") == b"a"


@pytest.mark.usefixtures("links")
def test_links_and_folders_at_a_picture_s_name(tmp_path: Path) -> None:
    """A link, even a broken one, is kept; a folder of the same name ends the run."""
    run = Run(tmp_path, "one.csv")
    images = tmp_path / "images"
    (images / "a.jpg").symlink_to("nowhere")
    (images / "b.jpg").mkdir()
    assert run.put("a.jpg", b"a") == f"{run.own.folder}/a.jpg"
    assert (images / "a.jpg").is_symlink()
    with pytest.raises(IsADirectoryError):
        run.add("b.jpg", b"b")
    (images / "elsewhere").symlink_to(tmp_path)
    with pytest.raises(StoreError, match="symbolic link"):
        run.add("elsewhere/c.jpg", b"c")


@pytest.mark.usefixtures("links")
def test_a_folder_that_another_run_removed_is_made_again(tmp_path: Path) -> None:
    """A folder that was empty between two images is created again."""
    run = Run(tmp_path, "one.csv")
    run.put("x/a.jpg", b"a")
    (tmp_path / "images" / "x" / "a.jpg").unlink()
    (tmp_path / "images" / "x").rmdir()
    assert run.put("x/b.jpg", b"b") == "x/b.jpg"


def test_a_reply_that_was_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network file system reports that the name exists, since it was just created."""

    def link(source: str, target: str) -> None:
        real(source, target)
        raise FileExistsError(errno.EEXIST, "File exists")

    real = os.link
    monkeypatch.setattr(os, "link", link)
    run = Run(tmp_path, "one.csv")
    assert run.add("a.jpg", b"a") == "a.jpg"
    assert run.read("a.jpg") == b"a"
    assert [path.name for path in run.own.partial.iterdir()] == [NOTES_FILE]


@pytest.mark.usefixtures("links")
def test_two_reports_at_once(tmp_path: Path) -> None:
    """Each download of the same name has a file of its own, in any order."""
    runs = [Run(tmp_path, name) for name in ("one.csv", "two.csv")]
    names = [f"{number}.jpg" for number in range(200)]
    names_used: dict[int, list[str]] = {}
    start = threading.Barrier(2)

    def work(number: int) -> None:
        start.wait()
        names_used[number] = [runs[number].add(name, b"%d %s" % (number, name.encode()))
                          for name in names]  # fmt: skip

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, run in enumerate(runs):
        for name, stored in zip(names, names_used[number], strict=True):
            assert run.read(stored) == b"%d %s" % (number, name.encode())


def test_notes_that_rows_have_ended_are_forgotten(tmp_path: Path) -> None:
    """The file stays small and keeps files without a row; a truncated line is not a note."""
    notes = Intents(tmp_path)
    identity = Identity(1, 2, 3)
    notes.add("no row", identity)
    for number in range(3_000):
        notes.add(f"{number}.jpg", identity)
        notes.end(f"{number}.jpg")
    path = tmp_path / NOTES_FILE
    assert path.stat().st_size <= NOTES_MAX
    assert read_notes(path)["no row"] == {identity}
    path.write_bytes(path.read_bytes() + b"1 2 3 torn")
    assert "torn" not in read_notes(path)
    notes.end("no row")
    notes.close()
    assert not list(tmp_path.iterdir())


def test_only_the_file_that_was_noted_is_proven(tmp_path: Path) -> None:
    """Another file of the same name, or outside of the store, is kept."""
    (tmp_path / "a.jpg").write_bytes(b"a")
    noted = {Identity.of((tmp_path / "a.jpg").stat())}
    assert proven_file(tmp_path, "a.jpg", noted) == tmp_path / "a.jpg"
    assert proven_file(tmp_path / "sub", "../a.jpg", noted) is None
    (tmp_path / "a.jpg").rename(tmp_path / "b.jpg")
    (tmp_path / "a.jpg").write_bytes(b"a")
    assert proven_file(tmp_path, "a.jpg", noted) is None


def test_a_file_without_a_row_goes_at_the_run_s_end_or_at_the_next_one_s_start(
    tmp_path: Path,
) -> None:
    """As when a pipeline drops its record; a file that a row names is kept."""
    run = Run(tmp_path, "one.csv")
    run.add("a.jpg", b"a")
    run.add("b.jpg", b"b")
    run.write("b.jpg", b"b")
    run.own.close()
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["b.jpg"]
    killed = Run(tmp_path, "one.csv")
    killed.add("x/c.jpg", b"c")
    killed.add("b.jpg", b"b")
    Run(tmp_path, "one.csv").own.close()
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["b.jpg"]


def test_a_part_of_a_job_knows_what_the_whole_owns(tmp_path: Path) -> None:
    """Rows of the job's report are not replaced, its earlier ones' files are; and what an attempt
    before moved is this one's."""
    whole = Run(tmp_path, "one.csv")
    whole.put("old.jpg", b"old")
    retire(whole.report, None)
    whole.own.close()
    whole = Run(tmp_path, "one.csv")
    whole.put("done.jpg", b"done")
    write_index(whole.report, earlier_reports(whole.report), whole.own.partial / "names")

    def attempt() -> Run:
        run = Run.__new__(Run)
        run.report, run.count = tmp_path / "attempt.csv", 0
        run.store = FolderStore(str(tmp_path / "images"))
        run.store.own = run.own = Ownership(run.report, str(tmp_path / "images"), whole.report)
        run.own.begin()
        return run

    first = attempt()
    assert first.add("done.jpg", b"done") == "done.jpg"
    assert first.add("done.jpg", b"other") == f"{whole.own.folder}/done.jpg"
    assert first.add("old.jpg", b"new") == "old.jpg"
    assert first.add("a.jpg", b"killed before its row") == "a.jpg"
    second = attempt()
    assert second.own.owner("a.jpg", 0) is Owner.EARLIER
    assert second.add("a.jpg", b"again") == "a.jpg"
    assert second.read("a.jpg") == b"again"
    assert {"a.jpg", "old.jpg"} <= read_notes(second.own.partial / NOTES_FILE).keys()


def test_names_are_read_as_rows_come(tmp_path: Path) -> None:
    """Also rows that were written after the first lookup."""
    run = Run(tmp_path, "one.csv")
    names = OwnNames(run.report, list, tmp_path / "none")
    assert names.owner("a.jpg", 0) is Owner.OTHER
    run.put("a.jpg", b"a")
    assert names.owner("a.jpg", 0) is Owner.CURRENT
    names.close()


def test_a_replaced_report_that_is_another_file_now_is_none(tmp_path: Path) -> None:
    """No file that it names is removed."""
    report, notes = tmp_path / "one.csv", tmp_path / "notes"
    notes.mkdir()
    report.write_bytes(HEADER)
    kept = retire(report, notes)
    assert replaced(report, notes) == [kept]
    kept.rename(tmp_path / "away.csv")
    kept.write_bytes(HEADER)
    assert replaced(report, notes) == []


@pytest.mark.usefixtures("links")
def test_moving_takes_no_place_that_is_taken(tmp_path: Path) -> None:
    """The file is then kept."""
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"a")
    target.write_bytes(b"b")
    with pytest.raises(FileExistsError):
        move_new(str(source), str(target))
    assert (source.read_bytes(), target.read_bytes()) == (b"a", b"b")
    with pytest.raises(FileNotFoundError):
        move_new(str(source), str(tmp_path / "no folder" / "c"))
    move_new(str(source), str(tmp_path / "c"))
    assert (tmp_path / "c").read_bytes() == b"a"
    assert not source.exists()
