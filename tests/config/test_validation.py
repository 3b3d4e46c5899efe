"""Validation before anything is fetched or written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scrapy.utils.test import get_crawler

from imagefetch.config.destinations import check_folder, check_report
from imagefetch.config.validation import Run, check_handlers, check_run
from imagefetch.errors import BadInput
from tests.conftest import project

LIST = b"https://a.example/1\r\n\xff\n"
NOBODY = 65_534


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a list in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "urls.txt").write_bytes(LIST)
    return tmp_path


@pytest.fixture
def no_privileges() -> Iterator[None]:
    """Drop privileges, so that permissions apply even if the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_run_of_defaults(folder: Path) -> None:
    """Without arguments, list, report and store come from the settings; nothing is written."""
    before = sorted(folder.rglob("*"))
    store = "downloaded-images"
    assert check_run(project(), {}) == Run(folder / "urls.txt", folder / "REPORT.csv", store)
    assert sorted(folder.rglob("*")) == before


def test_arguments_win(folder: Path) -> None:
    """-a urls= and -a report= override the settings; Scrapyd's _version is accepted."""
    (folder / "other.txt").write_bytes(LIST)
    (folder / "s3:").touch()  # a folder of this name could not be created
    settings = project(INPUT_URLS="none.txt", REPORT="urls.txt", FILES_STORE="s3://bucket/a")
    run = check_run(settings, {"urls": "other.txt", "report": "new/r.csv", "_version": "1"})
    assert run == Run(folder / "other.txt", folder / "new" / "r.csv", "s3://bucket/a")


@pytest.mark.usefixtures("folder")
def test_unknown_argument() -> None:
    """A misspelt argument is refused, and the known ones are named."""
    with pytest.raises(BadInput, match=r"-a url=…: there is no such argument; .*report.*urls") as e:
        check_run(project(), {"url": "urls.txt"})
    assert "_job" not in str(e.value)


@pytest.mark.parametrize(
    ("arguments", "changed", "why"),
    [
        ({"urls": "none.txt"}, {}, "none.txt: no such list"),
        ({"urls": "."}, {}, "is a folder"),
        ({"urls": "full.csv/x"}, {}, "full.csv/x: can't be opened"),
        ({"only": "some"}, {}, "only=some: there is no reason some.* must be failed, or reasons"),
        ({"only": "failed,not-fuond"}, {}, r"no reason not-fuond; did you mean not-found\?"),
        ({"only": ""}, {}, "-a only=: is empty"),
        ({"only": " , "}, {}, "-a only= , : is empty"),
        ({"urls": ""}, {}, "-a urls=: is empty"),
        ({"report": " "}, {}, "-a report= : is empty"),
        ({"fresh": ""}, {}, "-a fresh=: is empty"),
        ({"ulrs": "urls.txt"}, {}, r"there is no such argument; did you mean urls\?"),
        ({"fresh": "maybe"}, {}, "fresh=maybe: must be 0 or 1"),
        ({"fresh": "yes", "only": "cut-image"}, {}, "only=cut-image and .* give one of them"),
        ({"fresh": "1", "only": "failed"}, {}, "give one of them"),
        ({"report": "."}, {}, "is a folder"),
        ({"report": "full.csv/r.csv"}, {}, "full.csv is not a folder"),
        ({}, {"FILES_STORE": "full.csv"}, "FILES_STORE .*full.csv is not a folder"),
        ({}, {"FILES_STORE": "full.csv/a/b"}, "FILES_STORE .*full.csv is not a folder"),
        ({}, {"LOOKAHEAD": 0}, "LOOKAHEAD"),
        ({}, {"FILES_STORE": "ftp:/me:pw@h/x"}, "FILES_STORE: must be a folder, or begin"),
        ({}, {"FILES_STORE": "S3:bucket"}, "FILES_STORE: must be a folder, or begin"),
    ],
)
def test_run_that_cannot_be(
    folder: Path, arguments: dict[str, str], changed: dict[str, Any], why: str
) -> None:
    """Invalid input is refused before anything is written."""
    (folder / "full.csv").write_text("https://a.example/\n")
    before = sorted(folder.rglob("*"))
    with pytest.raises(BadInput, match=why) as refusal:
        check_run(project(**changed), arguments)
    assert "\n" not in str(refusal.value)
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("value", "fresh"),
    [(word, True) for word in ("1", "yes", "True", " ON ")]
    + [(word, False) for word in ("0", "no", "FALSE", "off")],
)
@pytest.mark.usefixtures("folder")
def test_fresh_is_said_in_many_words(value: str, fresh: bool) -> None:
    """Common words for yes and no are accepted, case-insensitive."""
    assert check_run(project(), {"fresh": value}).fresh is fresh


@pytest.mark.parametrize("is_link", [False, True])
def test_something_else_where_partial_files_go(folder: Path, is_link: bool) -> None:
    """A file or link of the user's with the name of the folder for partial files is left alone."""
    part = folder / "store" / ".part"
    part.parent.mkdir()
    part.symlink_to(folder) if is_link else part.write_text("mine")
    with pytest.raises(BadInput, match=f"^{part}: this path is needed for partial files"):
        check_run(project(FILES_STORE=str(part.parent)), {})
    assert part.is_symlink() if is_link else part.read_text() == "mine"


def test_folder_that_may_be_made(tmp_path: Path) -> None:
    """A folder and its parents need not exist; the check creates none."""
    check_folder(tmp_path / "a" / "b", "report")
    check_report(tmp_path / "a" / "b" / "REPORT.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_privileges")
def test_folder_that_may_not_be_written() -> None:
    """A folder without write permission is refused."""
    with pytest.raises(BadInput, match=r"FILES_STORE .* can't be written to"):
        check_folder(Path("/usr/imagefetch/images"), "FILES_STORE")


def test_folder_that_may_not_be_entered(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A folder that may not be entered is refused as bad input, without a traceback."""
    (tmp_path / "closed").mkdir(mode=0)
    request.getfixturevalue("no_privileges")
    with pytest.raises(BadInput):
        check_folder(tmp_path / "closed" / "images", "FILES_STORE")


def test_name_that_is_too_long(tmp_path: Path) -> None:
    """A path too long for a file system is refused as bad input, without a traceback."""
    path = tmp_path / ("a" * 300)
    with pytest.raises(BadInput):
        check_report(path)
    with pytest.raises(BadInput):
        check_folder(path, "FILES_STORE")


def test_report_that_is_a_link_to_itself(tmp_path: Path) -> None:
    """It could never be opened."""
    report = tmp_path / "REPORT.csv"
    report.symlink_to(report)
    with pytest.raises(BadInput, match=r"^report .*: Too many levels of symbolic links; choose"):
        check_report(report)
    report.unlink()
    report.symlink_to(tmp_path / "elsewhere.csv")
    check_report(report)


def test_handlers_are_built() -> None:
    """A handler that can't be built is refused; Scrapy would fail every URL instead."""
    own = project().getdict("DOWNLOAD_HANDLERS")
    check_handlers(get_crawler(settings_dict={"DOWNLOAD_HANDLERS": own}))
    for scheme in ("http", "https"):
        handlers = {**own, scheme: "imagefetch.no.such.Handler"}
        with pytest.raises(BadInput, match=rf"DOWNLOAD_HANDLERS\['{scheme}'\].*can't be built"):
            check_handlers(get_crawler(settings_dict={"DOWNLOAD_HANDLERS": handlers}))
