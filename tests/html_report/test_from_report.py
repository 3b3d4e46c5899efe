"""The page of a report alone: the list that it names, and unreadable reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagefetch.errors import BadInput
from imagefetch.html_report.from_report import rebuild
from imagefetch.items import ImageRecord
from imagefetch.output.report.csv_rows import HEADER, cells, encode
from tests.conftest import project

RECORD = ImageRecord("http://a.example/1", "404", 1, attempts=1, seconds=0.1, reason="not-found")


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "REPORT.csv"
    path.write_bytes(HEADER + encode(cells(RECORD)))
    return path


def page_of(report: Path, **arguments: str) -> str:
    settings = project(FILES_STORE=str(report.parent / "images"))
    return rebuild(settings, {"report": str(report), **arguments}).read_text()


def test_an_unknown_list_is_not_named(report: Path) -> None:
    """INPUT_URLS need not be this report's list: the page and the command do not name it."""
    page = page_of(report)
    assert "urls.txt" not in page
    assert f"<h1>{report}</h1>" in page
    assert '<dt>list</dt><dd class="missing">not recorded</dd>' in page
    assert f"-a urls=LIST -a report={report}" in page
    assert "A report doesn't record the settings of its run" in page


def test_the_list_is_named_so_that_the_command_works(report: Path) -> None:
    """Its path is absolute; for standard input, it is that of the copy."""
    page = page_of(report, urls="some.txt")
    assert f"<h1>{Path('some.txt').absolute()}</h1>" in page
    assert f"-a urls={report.with_name('REPORT.urls.txt.gz')} " in page_of(report, urls="-")


def test_secrets_of_an_address_are_not_on_the_page(report: Path) -> None:
    """Neither user and password, nor the query, which may be a signature."""
    page = page_of(report, urls="https://me:hush@a.example/list.txt?signature=hush")
    assert "hush" not in page
    assert "<h1>https://a.example/list.txt?***</h1>" in page


def test_an_unreadable_report_is_bad_input(tmp_path: Path) -> None:
    """In one line, if the disk fails or a cell is damaged."""
    failing = tmp_path / "failing.csv"
    failing.symlink_to("/proc/self/mem")  # its beginning can't be read
    with pytest.raises(BadInput, match=r"failing\.csv: can't be read: Input/output error"):
        page_of(failing)
    damaged = tmp_path / "damaged.csv"
    record = ImageRecord(
        "http://a.example/1", "200", 1, "a.jpg", 9, "image/jpeg", 8, 8, "ab" * 32, 1, float("inf")
    )
    damaged.write_bytes(HEADER + encode(cells(record)))
    with pytest.raises(BadInput, match=r"damaged\.csv: the row of line 1 is damaged"):
        page_of(damaged)
