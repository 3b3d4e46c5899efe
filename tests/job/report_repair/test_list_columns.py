"""A report follows its table: rows, parts and columns, whatever has changed in between."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from imagefetch.config.only_argument import NOTHING, Only
from imagefetch.errors import BadInput
from imagefetch.items import ImageRecord
from imagefetch.job.journal import Journal
from imagefetch.job.report_repair.prepare import NothingToDo, inspect_report
from imagefetch.job.report_repair.superseded_rows import compact
from imagefetch.line import Line
from imagefetch.lists.list_file import ListFile
from imagefetch.lists.options import ListOptions
from imagefetch.output.report.carried import carried_cells
from imagefetch.output.report.columns import Layout
from imagefetch.output.report.csv_rows import cells
from imagefetch.output.report.encoding import encode
from imagefetch.output.report.report_file import read_layout, read_rows
from tests.conftest import examples

URL = st.integers(0, 3).map("http://a.example/{}.png".format)
CELL = st.sampled_from(["", "A", "B", "=1", "a,b", 'say "x"', "ü\n2", "\\u001b"])
RECORD = st.tuples(st.lists(URL, min_size=1, max_size=3), CELL, CELL)
RECORDS = st.lists(RECORD, min_size=1, max_size=6)


def table(folder: str, records: list[tuple[list[str], str, str]], carry: str = "all") -> ListFile:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["sku", "image", "Line"])
    writer.writerows([sku, " ".join(urls), other] for urls, sku, other in records)
    path = Path(folder, "shop.csv")
    path.write_text(text.getvalue(), "utf-8", newline="")
    return ListFile(path, ListOptions("csv", ("image",), carry=tuple(carry.split(","))))


def row(line: Line, layout: Layout, reason: str = "not-found") -> bytes:
    record = ImageRecord(line.text, "404", line.number, reason=reason, part=line.part)
    return encode([*cells(record), *carried_cells(line.record, layout)])


def write(report: Path, urls: ListFile, keep: list[bool]) -> None:
    """Write the rows of the images of *urls* for which *keep* is true, the last one first."""
    layout = Layout.of_list(urls.columns)
    lines = [line for line, kept in zip(urls.lines(), keep, strict=False) if kept]
    report.write_bytes(layout.header + b"".join(row(line, layout) for line in reversed(lines)))


KEEP = st.lists(st.booleans(), min_size=18, max_size=18)
CARRY = st.sampled_from(["all", "none", "sku", "Line", "Line,sku"])


@given(RECORDS, RECORDS, KEEP, st.tuples(CARRY, CARRY), st.booleans())
@examples(150)
def test_rows_follow_their_records(
    before: list[tuple[list[str], str, str]],
    other: list[tuple[list[str], str, str]],
    keep: list[bool],
    carried: tuple[str, str],
    inserted: bool,
) -> None:
    """After any change of the list and of the columns, each row has line, part, URL and columns of
    one image of the list, and no image has two."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "REPORT.csv")
        write(report, table(folder, before, carried[0]), keep)
        urls = table(folder, [*other, *before] if inserted else before[1:] + other, carried[1])
        try:
            preparation = inspect_report(report, urls, folder, only=NOTHING, fresh=False)
            preparation.commit()
            preparation.close()
        except NothingToDo:
            pass
        except BadInput as error:
            assert "is of another list" in str(error)
            return
        layout = read_layout(report)
        assert layout is not None
        assert layout == Layout.of_list(urls.columns)
        lines = {line.key: line for line in urls.lines()}
        found = list(read_rows(report))
        assert len({each.key for each in found}) == len(found)
        for each in found:
            line = lines[each.key]
            assert each.url == line.text
            assert each.carried == list(line.record.values())
        if inserted:
            assert len(found) == sum(
                1 for _, kept in zip(_images(before), keep, strict=False) if kept
            )
        journal = Journal()
        journal.read(report, urls)
        assert journal.done == journal.matched == len(found)
        journal.close()


def _images(records: list[tuple[list[str], str, str]]) -> list[str]:
    return [url for urls, _, _ in records for url in urls]


@given(RECORDS, KEEP)
@examples(60)
def test_the_last_row_of_a_part_counts(
    records: list[tuple[list[str], str, str]], again: list[bool]
) -> None:
    """Parts are fetched again one by one, and compacted."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "REPORT.csv")
        urls = table(folder, records)
        write(report, urls, [True] * 18)
        layout = Layout.of_list(urls.columns)
        lines = list(urls.lines())
        superseded = [line for line, twice in zip(lines, again, strict=False) if twice]
        with report.open("ab") as file:
            file.writelines(row(line, layout, "server-error") for line in superseded)
        journal = Journal()
        journal.read(report, urls, Only.parse("server-error"))
        assert [journal.is_done(line) for line in lines] == [
            line not in superseded for line in lines
        ]
        journal.close()
        compact(report, folder, urls)
        reasons = {each.key: each.reason for each in read_rows(report)}
        assert reasons == {
            line.key: "server-error" if line in superseded else "not-found" for line in lines
        }


def test_a_record_that_gets_a_second_image(tmp_path: Path) -> None:
    """The row of its first image becomes part 1."""
    a, b = "http://a.example/0.png", "http://a.example/1.png"
    report = tmp_path / "REPORT.csv"
    write(report, table(str(tmp_path), [([a], "A", "")]), [True])
    urls = table(str(tmp_path), [([a, b], "A", "")])
    preparation = inspect_report(report, urls, str(tmp_path), only=NOTHING, fresh=False)
    preparation.commit()
    (found,) = read_rows(report)
    assert found.key == (1, 1)
    one, two = urls.lines()
    assert preparation.journal.is_done(one)
    assert not preparation.journal.is_done(two)
    preparation.close()
