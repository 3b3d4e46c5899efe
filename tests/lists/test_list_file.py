"""Lists of every format, as lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagefetch.lists.list_file import ListFile
from imagefetch.urls import Line

A, B, C = (f"http://a.example/{number}.png" for number in range(3))


def written(folder: Path, name: str, text: str) -> ListFile:
    path = folder / name
    path.write_text(text, "utf-8", newline="")
    return ListFile(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", f'id,url,caption\n1,{A},"a dog, ""running"""\n2,{B},\n'),
        ("a.txt", f'id;URL;caption\r\n1;{A};"a dog, ""running"""\r\n2;{B};\r\n'),
        ("a.tsv", f'id\turl\tcaption\n1\t{A}\t"a dog, ""running"""\n\n2\t{B}\t\n'),
        (
            "a.jsonl",
            f'{{"id": 1, "url": "{A}", "caption": "a dog, \\"running\\""}}\n'
            f'{{"id": 2, "url": "{B}", "caption": null}}\n',
        ),
    ],
)
def test_a_table_has_a_line_for_each_record(tmp_path: Path, name: str, text: str) -> None:
    """Its other columns come along."""
    urls = written(tmp_path, name, text)
    urls.check()
    assert urls.columns == ("id", "caption")
    assert list(urls.lines()) == [
        Line(1, A, None, {"id": "1", "caption": 'a dog, "running"'}),
        Line(2, B, None, {"id": "2", "caption": ""}),
    ]


def test_a_record_with_several_images_has_parts(tmp_path: Path) -> None:
    """They are counted from 1; a record without an image has no line."""
    urls = written(tmp_path, "a.csv", f'sku,Images\nx,"{A}, {B}"\ny,\nz,{C}\n')
    assert list(urls.lines()) == [
        Line(1, A, 1, {"sku": "x"}),
        Line(1, B, 2, {"sku": "x"}),
        Line(3, C, None, {"sku": "z"}),
    ]


@pytest.mark.parametrize(
    ("name", "text", "bad"),
    [
        ("a.csv", f'id,url\n1,{A}\n2,"{B}\n3,{C}\n', f'2,"{B}'),
        ("a.csv", f"id,url\n1,{A}\n2,{B},x\n3,{C}\n", f"2,{B},x"),
        ("a.csv", f"id,url\n1,{A}\n2\n3,{C}\n", "2"),
        ("a.jsonl", f'{{"id":"1","url":"{A}"}}\n{{"id"\n{{"id":"3","url":"{C}"}}\n', '{"id"'),
    ],
)
def test_a_bad_record_costs_that_record(tmp_path: Path, name: str, text: str, bad: str) -> None:
    """The records before and after it are read."""
    assert list(written(tmp_path, name, text).lines()) == [
        Line(1, A, None, {"id": "1"}),
        Line(2, bad, invalid=True),
        Line(3, C, None, {"id": "3"}),
    ]
