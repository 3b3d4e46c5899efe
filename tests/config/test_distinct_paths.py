"""No file is used for two purposes, and the user's files next to the report are not touched."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from imagefetch.config.distinct_paths import lock_file
from imagefetch.config.validation import check_run
from imagefetch.errors import BadInput, ReportError
from imagefetch.job.report_repair.rewrite import replace_report
from imagefetch.job.run import lock_report
from imagefetch.job.temporary_files import remove_temporary_files
from imagefetch.lists.copy import copy_path
from imagefetch.output.own_files import new_file, replacing
from imagefetch.output.page_file import MARK, is_ours, page_path
from imagefetch.output.report.csv_rows import HEADER, encode
from tests.conftest import project
from tests.support.commands import scrapy

URL = "http://127.0.0.1:9/a.jpg"
ROW = encode([URL, "404", "1", "", "", "", "", "", "", "1", "0.1", "not-found", *[""] * 8])


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "urls.txt").write_text(f"{URL}\n")


def content(folder: Path) -> dict[str, bytes | None]:
    """Return the contents of the files in *folder*, by name."""
    return {
        path.name: path.read_bytes() if path.is_file() and not path.is_symlink() else None
        for path in folder.iterdir()
    }


def check(arguments: dict[str, str], **settings: Any) -> None:
    check_run(project(FILES_STORE="images", **settings), {"urls": "urls.txt", **arguments})


DERIVED = [
    "REPORT.csv",
    ".REPORT.csv.lock",
    "REPORT.html",
    "REPORT.urls.txt.gz",
    "REPORT.csv.fleet",
]


@pytest.mark.parametrize("name", [*DERIVED, "urls.txt", "./x/../urls.txt", "link", "hard"])
@pytest.mark.parametrize("form", ["{}", "./{}", "file://{}/{}", "{}/{}"])
def test_an_output_in_the_place_of_something_else(tmp_path: Path, name: str, form: str) -> None:
    """An output with the path of another file is refused in every spelling, and as a link."""
    (tmp_path / "x").mkdir()
    (tmp_path / "link").symlink_to("REPORT.csv")
    (tmp_path / "hard").hardlink_to("urls.txt")
    uri = form.format(*([tmp_path, name] if form.count("{}") == 2 else [name]))
    before = content(tmp_path)
    with pytest.raises(BadInput, match=r"the output can't be the .* too; name another") as refusal:
        check({}, FEEDS={uri: {"format": "jsonlines", "overwrite": True}})
    assert "\n" not in str(refusal.value)
    assert content(tmp_path) == before


@pytest.mark.parametrize("name", ["x", "x/", ".", "urls.txt/rows.csv"])
def test_an_output_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    """An output that is a folder, or that would be in a file, is refused before the run."""
    (tmp_path / "x").mkdir()
    with pytest.raises(BadInput, match="the output"):
        check({}, FEEDS={name: {"format": "csv"}})
    check({}, FEEDS={"y/z/rows.csv": {"format": "csv"}, "/dev/stdout": {"format": "csv"}})


@pytest.mark.parametrize("name", [*DERIVED, "link", "LOG.txt"])
def test_a_list_in_the_place_of_something_else(tmp_path: Path, name: str) -> None:
    """The list is refused too, existing or not, and the log if it is the list."""
    (tmp_path / "link").symlink_to(".REPORT.csv.lock")
    settings = {"LOG_FILE": str(tmp_path / "LOG.txt")} if name == "LOG.txt" else {}
    with pytest.raises(BadInput, match=r"can't be .* too; name another"):
        check({"urls": name}, **settings)


def test_an_output_named_by_scrapys_parameters(tmp_path: Path) -> None:
    """Scrapy's URI parameters are filled in before paths are compared."""
    for uri in ("%(report)s", "REPORT%(nothing)s.csv", f"{tmp_path}/%(nothing)sREPORT.html"):
        with pytest.raises(BadInput, match="the output can't be"):
            check({}, FEEDS={uri: {"format": "csv"}})
    check({}, FEEDS={"rows-%(time)s.csv": {"format": "csv"}, "stdout:": {"format": "csv"}})
    check({}, FEEDS={"%(report)s": {"format": "report"}, "s3://b/REPORT.csv": {"format": "csv"}})


def test_what_is_refused_leaves_all_as_it_was(tmp_path: Path) -> None:
    """The log, which crawl, report and fleet open first, is not touched either."""
    report = HEADER + ROW
    (tmp_path / "REPORT.csv").write_bytes(report)
    words = ["-a", f"urls={tmp_path}/urls.txt", "-a", f"report={tmp_path}/REPORT.csv"]
    words += ["-s", f"FILES_STORE={tmp_path}/images"]
    before = content(tmp_path)
    for command in (
        ["crawl", "images", *words, "-s", f"LOG_FILE={tmp_path}/urls.txt"],
        ["crawl", "images", *words, "--logfile", f"{tmp_path}/REPORT.csv"],
        ["crawl", "images", *words, "-O", f"{tmp_path}/REPORT.csv:csv"],
        ["crawl", "images", *words, "-o", f"file://{tmp_path}/urls.txt:jsonlines"],
        ["fleet", *words, "-s", f"LOG_FILE={tmp_path}/urls.txt", "--workers", "1"],
        ["report", "--sort", *words, "-a", f"urls={tmp_path}/REPORT.csv"],
        ["report", "--html", *words, "-a", f"urls={tmp_path}/REPORT.html"],
    ):
        done = scrapy(*command)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "can't be" in done.stderr
        assert content(tmp_path) == before, command


@pytest.mark.parametrize("kind", ["file", "folder", "fifo", "link", "dangling"])
def test_what_is_in_the_locks_place_stays(tmp_path: Path, kind: str) -> None:
    """A file in the place of the lock file is reported in one line."""
    report = tmp_path / "REPORT.csv"
    obstruct(lock_file(report), kind)
    before = content(tmp_path)
    for begin in (lambda: check({}), lambda: lock_report(report)):
        with pytest.raises(BadInput, match=r"needed for the report's lock file.*move it away"):
            begin()
    assert content(tmp_path) == before


@pytest.mark.parametrize("kind", ["file", "folder", "fifo", "link", "dangling"])
def test_what_is_in_the_pages_place_stays(tmp_path: Path, kind: str) -> None:
    """A file that is not the program's HTML report is not replaced; a FIFO doesn't block."""
    page = page_path(tmp_path / "REPORT.csv")
    obstruct(page, kind)
    assert not is_ours(page)


def obstruct(path: Path, kind: str) -> None:
    precious = path.with_name("precious")
    precious.write_bytes(MARK)
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "file":
        path.write_text("precious")
    else:
        path.symlink_to(precious if kind == "link" else path.with_name("nowhere"))


def test_lists_that_are_called_like_what_is_written(tmp_path: Path) -> None:
    """Temporary files have unpredictable names, so a list can't collide with them."""
    rows = HEADER + ROW
    for name, report in (("foo.new.txt", "foo.txt"), ("REPORT.new.csv", "REPORT.csv")):
        (tmp_path / name).write_text(f"{URL}\n")
        (tmp_path / report).write_bytes(rows)
        words = ["-a", f"urls={tmp_path / name}", "-a", f"report={tmp_path / report}"]
        words += ["-s", f"FILES_STORE={tmp_path}/images"]
        before = content(tmp_path)
        for command in (["report", "--sort"], ["crawl", "images"]):
            done = scrapy(*command, *words)
            assert done.returncode == 0, done.stderr
            after = content(tmp_path)
            assert after.pop(f".{report}.lock") == b""
            before.pop(f".{report}.lock", None)
            assert after == before


def test_what_a_kill_left_is_cleared_up(tmp_path: Path) -> None:
    """Only files that name and content show to be the program's own are removed."""
    report = tmp_path / "REPORT.csv"
    ours = {new_file(report): b"", new_file(report): HEADER + ROW, new_file(report): HEADER[:9]}
    ours |= {new_file(page_path(report)): MARK + b"x", new_file(copy_path(report)): b""}
    others = {
        new_file(report): b"precious",
        new_file(page_path(report)): HEADER,
        new_file(tmp_path / "OTHER.csv"): HEADER,
        tmp_path / "REPORT.new.csv": HEADER,
        tmp_path / ".REPORT.csv.new": HEADER,
    }
    for path, text in (ours | others).items():
        path.write_bytes(text)
    (link := new_file(report)).unlink()
    link.symlink_to(report)
    (folder := new_file(report)).unlink()
    folder.mkdir()
    remove_temporary_files(report)
    assert not any(path.exists() for path in ours)
    assert all(path.read_bytes() == text for path, text in others.items())
    assert link.is_symlink()
    assert folder.is_dir()


def test_nothing_is_left_of_what_fails(tmp_path: Path) -> None:
    """A failed write and a failed rename leave no temporary file."""

    def rows() -> Any:
        yield ROW
        raise OSError(28, "No space left on device")

    report = tmp_path / "REPORT.csv"
    report.write_bytes(HEADER)
    before = content(tmp_path)
    with pytest.raises(ReportError, match="can't be rewritten: No space left"):
        replace_report(report, rows())
    with pytest.raises(ZeroDivisionError), replacing(report) as file:
        file.write(b"x" * (1 // 0))
    (tmp_path / "taken").mkdir()
    before["taken"] = None
    with pytest.raises(ReportError, match="Is a directory"):
        replace_report(tmp_path / "taken", iter([ROW]))
    assert content(tmp_path) == before


def test_a_report_that_is_a_link_stays_one(tmp_path: Path) -> None:
    """The target of the link is replaced."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "r.csv").write_bytes(HEADER)
    (tmp_path / "REPORT.csv").symlink_to("real/r.csv")
    replace_report(tmp_path / "REPORT.csv", iter([ROW]))
    assert (tmp_path / "REPORT.csv").is_symlink()
    assert (tmp_path / "real" / "r.csv").read_bytes() == HEADER + ROW
