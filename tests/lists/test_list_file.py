"""Lists of every format, as lines."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import itertools
import json
import lzma
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc, parquet

from imagefetch.errors import BadInput
from imagefetch.line import Line
from imagefetch.lists.copy import copy_standard_input
from imagefetch.lists.list_file import ListFile, Unused
from imagefetch.lists.options import ListOptions
from imagefetch.lists.tables.records import RECORD_MAX
from tests.conftest import examples

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

A, B, C = (f"http://a.example/{number}.png" for number in range(3))

Table = dict[str, list[Any]]


def written(folder: Path, name: str, text: str, **options: Any) -> ListFile:
    path = folder / name
    path.write_text(text, "utf-8", newline="")
    return ListFile(path, ListOptions(**options))


def as_csv(table: Table, delimiter: str) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    return file.getvalue().encode()


def as_objects(table: Table) -> list[dict[str, Any]]:
    return [dict(zip(table, record, strict=True)) for record in zip(*table.values(), strict=True)]


def as_json_lines(table: Table) -> bytes:
    return "".join(f"{json.dumps(record)}\n" for record in as_objects(table)).encode()


def as_parquet(table: Table) -> bytes:
    file = io.BytesIO()
    parquet.write_table(pa.table(table), file)
    return file.getvalue()


def as_arrow(table: Table, new: Callable[..., Any] = ipc.new_file) -> bytes:
    file = io.BytesIO()
    data = pa.table(table)
    with new(file, data.schema) as writer:
        writer.write_table(data)
    return file.getvalue()


FORMATS: dict[str, Callable[[Table], bytes]] = {
    "a.csv": lambda table: as_csv(table, ","),
    "semicolons.csv": lambda table: as_csv(table, ";"),
    "bars.txt": lambda table: as_csv(table, "|"),
    "a.tsv": lambda table: as_csv(table, "\t"),
    "a.jsonl": as_json_lines,
    "a.json": lambda table: json.dumps(as_objects(table), indent=1, ensure_ascii=False).encode(),
    "a.parquet": as_parquet,
    "a.arrow": as_arrow,
    "stream.arrow": lambda table: as_arrow(table, ipc.new_stream),
    "names-tell-nothing": as_parquet,
}

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
RECORDS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8)


@pytest.mark.hypothesis
@pytest.mark.parametrize("name", FORMATS)
def test_what_goes_in_comes_out(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """The cells of a record are those of its line, byte for byte."""
    path = tmp_path_factory.mktemp("lists") / name

    @examples(60)
    @given(RECORDS)
    def check(records: list[tuple[str, str]]) -> None:
        captions, skus = map(list, zip(*records, strict=True))
        urls = [f"http://a.example/{number}.png" for number in range(len(records))]
        path.write_bytes(FORMATS[name]({"caption": captions, "url": urls, "sku": skus}))
        found = ListFile(path)
        assert found.columns == ("caption", "sku")
        assert list(found.lines()) == [
            Line(number, url, None, {"caption": caption, "sku": sku})
            for number, (url, (caption, sku)) in enumerate(zip(urls, records, strict=True), 1)
        ]

    check()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".zst": zstd.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_a_compressed_list_is_read(tmp_path: Path, name: str, suffix: str) -> None:
    """From a path by its name, and from standard input by its content."""
    data = PACKED[suffix](FORMATS[name]({"url": [A, B], "n": ["1", "2"]}))
    path = tmp_path / (name + suffix)
    path.write_bytes(data)
    assert [line.text for line in ListFile(path).lines()] == [A, B]


@pytest.mark.parametrize("suffix", [*PACKED, ""])
@pytest.mark.parametrize("name", FORMATS)
def test_any_format_comes_on_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, suffix: str
) -> None:
    """The copy, from which a resumed run reads, has the same lines."""
    data = FORMATS[name]({"url": [A, B], "n": ["1", "2"]})
    packed = PACKED[suffix](data) if suffix else data
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(packed)))
    copy = copy_standard_input(tmp_path / "REPORT.csv").keep()
    assert list(ListFile(copy).lines()) == [
        Line(1, A, None, {"n": "1"}),
        Line(2, B, None, {"n": "2"}),
    ]


def test_a_cut_list_on_standard_input_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is kept."""
    packed = lzma.compress(as_csv({"url": [A, B]}, ","))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(packed[:-9])))
    with pytest.raises(BadInput, match=r"standard input: is compressed, and damaged or cut"):
        copy_standard_input(tmp_path / "REPORT.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_record_with_several_images_has_parts(tmp_path: Path) -> None:
    """They are counted from 1. A record without an image has no line, and is counted."""
    urls = written(tmp_path, "a.csv", f'sku,Images\nx,"{A}, {B}"\ny,\nz,{C}\n')
    unused = Unused()
    assert list(urls.lines(unused)) == [
        Line(1, A, 1, {"sku": "x"}),
        Line(1, B, 2, {"sku": "x"}),
        Line(3, C, None, {"sku": "z"}),
    ]
    assert str(unused) == "1 record has no URL, and no row"


def test_keys_that_come_late_are_told(tmp_path: Path) -> None:
    """The columns are the keys of the first hundred records."""
    texts = [f'{{"url": "{A}", "n": {n}}}\n' for n in range(100)]
    urls = written(tmp_path, "a.jsonl", "".join(texts) + f'{{"url": "{B}", "late": 1}}\n')
    unused = Unused()
    assert list(urls.lines(unused))[-1] == Line(101, B, None, {"n": ""})
    assert "1 record has keys that no record at the beginning has" in str(unused)


def test_values_that_are_no_text_are_verbatim(tmp_path: Path) -> None:
    """Numbers and nested values of JSON stay as they are written."""
    others = '"x": {"a":  [1E3]}, "t": true, "o": null, "u": "\\u00e4"'
    text = f'{{"n": 1.10, "url": ["{A}",  "{B}"], {others}}}\n'
    urls = written(tmp_path, "a.jsonl", text)
    record = {"n": "1.10", "x": '{"a":  [1E3]}', "t": "true", "o": "", "u": "ä"}
    assert list(urls.lines()) == [Line(1, A, 1, record), Line(1, B, 2, record)]


def test_values_of_parquet_become_text(tmp_path: Path) -> None:
    """Null becomes nothing, a list JSON."""
    path = tmp_path / "a.parquet"
    table: Table = {
        "images": [[A, B], [], None],
        "n": [1, None, 3],
        "f": [0.5, 1e300, None],
        "b": [True, False, None],
        "s": [{"a": 1}, None, {"a": 2}],
    }
    path.write_bytes(as_parquet(table))
    record = {"n": "1", "f": "0.5", "b": "true", "s": '{"a": 1}'}
    assert list(ListFile(path).lines()) == [Line(1, A, 1, record), Line(1, B, 2, record)]


@pytest.mark.parametrize(
    ("name", "text", "bad"),
    [
        ("a.csv", f'id,url\n1,{A}\n2,"{B}\n3,{C}\n', f'2,"{B}'),
        ("a.csv", f'id,url\n1,{A}\n2,"x"y,{B}\n3,{C}\n', f'2,"x"y,{B}'),
        ("a.csv", f"id,url\n1,{A}\n2,{B},x\n3,{C}\n", f"2,{B},x"),
        ("a.csv", f"id,url\n1,{A}\n2\n3,{C}\n", "2"),
        ("a.jsonl", f'{{"id":"1","url":"{A}"}}\n{{"id"\n{{"id":"3","url":"{C}"}}\n', '{"id"'),
        ("a.jsonl", f'{{"id":"1","url":"{A}"}}\n"\\ud800"\n{{"id":"3","url":"{C}"}}', '"\\ud800"'),
        ("a.json", f'[{{"id":"1","url":"{A}"}},\n{{"id"}} ,{{"id":"3","url":"{C}"}}]', '{"id"}'),
    ],
)
def test_a_bad_record_costs_that_record(tmp_path: Path, name: str, text: str, bad: str) -> None:
    """The records before and after it are read."""
    assert list(written(tmp_path, name, text).lines()) == [
        Line(1, A, None, {"id": "1"}),
        Line(2, bad, invalid=True),
        Line(3, C, None, {"id": "3"}),
    ]


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.json"])
def test_a_record_of_ten_megabytes_costs_itself(tmp_path: Path, name: str, quote: str) -> None:
    """With or without the end of its quote; the next record is whole."""
    long = 10 * RECORD_MAX * "x"
    if name.startswith("a.json"):
        texts = [f'{{"id": "{n}", "url": "{url}"}}' for n, url in ((1, A), (2, long), (3, C))]
        text = f"[{','.join(texts)}]" if name == "a.json" else "\n".join(texts)
    else:
        d = "\t" if name == "a.tsv" else ","
        text = f"id{d}url\n1{d}{A}\n2{d}{quote}{long}\n3{d}{C}\n"
    first, bad, last = written(tmp_path, name, text).lines()
    assert (first.text, last) == (A, Line(3, C, None, {"id": "3"}))
    assert (bad.number, bad.invalid) == (2, True)
    assert len(bad.text) < RECORD_MAX


def test_a_long_cell_of_many_lines_costs_itself(tmp_path: Path) -> None:
    """Its lines are no records, unless they have all cells."""
    long = 20_000 * f"{100 * 'x'}\n"
    text = f'id,url,n\n1,{A},\n2,{B},"{long}"\n3,{C},\n4,{A},"open\n5,{B},\n'
    found = list(written(tmp_path, "a.csv", text).lines())
    assert [(line.number, line.text if not line.invalid else "") for line in found] == [
        (1, A), (2, ""), (3, C), (4, ""), (5, B)
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a"])
@pytest.mark.parametrize("header", ["url", "Image_URL", '"link"', "\ufeffurl"])
def test_a_table_of_one_column(tmp_path: Path, name: str, header: str) -> None:
    """Its header is no line of the list."""
    urls = written(tmp_path, name, f'{header}\r\n{A}\r\n"{B}?1,2"\r\n')
    urls.check()
    assert list(urls.lines()) == [Line(1, A), Line(2, f"{B}?1,2")]


def test_separators_are_mixed(tmp_path: Path) -> None:
    """In one cell, each of them separates URLs."""
    text = f'n,images\n1,"{A}, {B} | {C}"\n2,"{A};{B}\n{C}"\n'
    found = written(tmp_path, "a.csv", text).lines()
    assert [(line.part, line.text) for line in found] == 2 * [(1, A), (2, B), (3, C)]


def test_a_quote_without_its_partner_hides_no_records(tmp_path: Path) -> None:
    """However many follow, and whatever quotes these have."""
    rows = [f'{n},"a ""dog"" {n}",{A}?{n}\n' for n in range(5_000)]
    rows[10] = f'10,"a dog,{A}?10\n'
    rows[4_000] = f'4000,a dog,"{A}?4000\n'
    found = list(written(tmp_path, "a.csv", "id,caption,url\n" + "".join(rows)).lines())
    assert [line.number for line in found] == list(range(1, 5_001))
    assert [line.number for line in found if line.invalid] == [11, 4_001]


def test_tabs_without_quotes(tmp_path: Path) -> None:
    """A cell with a quote at its beginning is as it is, if its quotes mean nothing."""
    urls = written(tmp_path, "a.tsv", f'url\ttitle\n{A}\t"Fox" in snow\n{B}\t"left open\n{C}\tx\n')
    assert [line.record["title"] for line in urls.lines()] == ['"Fox" in snow', '"left open', "x"]


BAD = {
    "two of one name": ("a.csv", f"url,n,n\n{A},1,2\n", "two columns have the name 'n'"),
    "no URL": ("a.csv", "id,url\n1,none\n2,x\n", "no column holds URLs; its columns: 'id', 'url'"),
    "no header": ("a.tsv", f"a dog\t{A}\n", r"first line must name the columns.*'column1\\turl'"),
    "two columns": (
        "a.csv",
        f"url,image_url\n{A},{B}\n",
        "URL_COLUMNS=url or -s URL_COLUMNS=image",
    ),
    "an unusual name": ("a.csv", f"my pic,n\n{A},1\n", "name it with -s URL_COLUMNS='my pic'"),
    "only a header": ("a.csv", "url,n\n", "no URL in the list"),
    "other cells": ("a.csv", f"id,url\n1,{A},\n2,{B},\n", "be read: not 2 cells as the header"),
    "no JSON": ("a.jsonl", "hello\nworld\n", "none of its first 2 records can be read"),
    "an open array": ("a.json", f'[{{"url": "{A}"}},', "JSON array does not end"),
    "words": ("a.txt", "hello\nworld\n", "no URL in its first 2 lines"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_table_is_refused(tmp_path: Path, kind: str) -> None:
    """In one line: where, and why."""
    name, text, why = BAD[kind]
    urls = written(tmp_path, name, text)
    with pytest.raises(BadInput, match=why) as refusal:
        urls.check()
    assert str(refusal.value).startswith(f"{urls.path}: ")
    assert "\n" not in str(refusal.value)


HTML = f'<!doctype html>\n<html><a href="{A}">1</a>\n<a href="{B}">2</a></html>\n'
LINES = f"{A}\n{B}\n"
OBJECTS = f'{{"url": "{A}"}}\n{{"url": "{B}"}}\n'
TABLE = f"id,url\n1,{A}\n2,{B}\n"
DOCUMENT = json.dumps({"items": [{"url": A}]})


@pytest.mark.parametrize(
    ("name", "text", "options", "told"),
    [
        ("a.csv", HTML, {}, r"looks like HTML or XML; .*grep -oE .*a\.csv | scrapy crawl"),
        ("a.jsonl", HTML, {}, r"looks like HTML or XML; .*grep -oE"),
        ("a.parquet", HTML, {}, r"looks like HTML or XML; .*grep -oE"),
        ("a.jsonl", LINES, {}, r"can be read; it looks like lines: .*-s LIST_FORMAT=lines$"),
        ("a.txt", LINES, {"format": "jsonl"}, r"-s LIST_FORMAT=lines$"),
        ("a.parquet", TABLE, {}, r"it looks like csv: .*urls=\S*a\.parquet -s LIST_FORMAT=csv$"),
        ("a.txt", LINES, {"format": "csv"}, r"add one: \(printf .*-s LIST_FORMAT=csv$"),
        ("a.csv", OBJECTS, {"format": "csv"}, r"-s LIST_FORMAT=json$"),
        ("a.txt", OBJECTS, {"format": "lines"}, r"looks like JSON; .*-s LIST_FORMAT=json$"),
        ("a.txt", json.dumps([{"url": A}], indent=1), {"format": "lines"}, "LIST_FORMAT=json$"),
        ("a.json", DOCUMENT, {}, r"no column holds URLs; .*: jq -r .*a\.json | scrapy crawl"),
        ("a.json", json.dumps({"url": A}, indent=1), {}, "can be read: jq -r "),
        ("a.csv", f'id,"url,n\n1,{A},2\n2,{B},3\n', {}, "header: a quote without its partner"),
        ("a.txt", "id,url,n\n", {}, "no URL in the list: it has no records"),
        ("a.txt", f"[a]({A})\n[b]({B})\n", {}, r"no URL in its first 2 lines"),
    ],
    ids=itertools.count(),
)
def test_what_would_work_is_told(
    tmp_path: Path, name: str, text: str, options: dict[str, Any], told: str
) -> None:
    """Where name or settings tell another format than the content has."""
    with pytest.raises(BadInput, match=told) as refusal:
        written(tmp_path, name, text, **options).check()
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (HTML, "curl -sL 'http://a.example/?l' | grep -oE 'https?://[^\"<> ]+' | scrapy "),
        (json.dumps({"url": A}, indent=1), "curl -sL 'http://a.example/?l' | jq -r '.. "),
        (f"a dog\t{A}\n", "'column1\\turl'; curl -sL 'http://a.example/?l') | scrapy "),
        (TABLE, "scrapy crawl images -a urls='http://a.example/?l' -s LIST_FORMAT=csv"),
    ],
    ids=itertools.count(),
)
def test_a_command_for_an_address(tmp_path: Path, text: str, command: str) -> None:
    """No program that reads files is given one."""
    path = tmp_path / "copy"
    path.write_text(text)
    urls = ListFile(path, ListOptions("lines"), "http://a.example/?l")
    with pytest.raises(BadInput) as refusal:
        urls.check()
    assert command in str(refusal.value)


def test_json_is_told_by_most_lines(tmp_path: Path) -> None:
    """The first may be none."""
    first, *others = written(tmp_path, "a", "nope\n" + OBJECTS).lines()
    assert first.invalid
    assert others == [Line(2, A), Line(3, B)]


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_a_cut_file_is_refused(tmp_path: Path, name: str) -> None:
    """Parquet and Arrow files have their contents at the end."""
    path = tmp_path / name
    path.write_bytes(FORMATS[name]({"url": [A] * 1_000})[:-20])
    with pytest.raises(BadInput, match=r"is no whole Parquet or Arrow file"):
        ListFile(path).check()


def test_pyarrow_is_named_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an extra."""
    path = tmp_path / "a.parquet"
    path.write_bytes(as_parquet({"url": [A]}))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(BadInput, match=r"pip install -r requirements-data\.txt"):
        ListFile(path).check()


def test_columns_are_chosen(tmp_path: Path) -> None:
    """By names or patterns, in any case; a name that no column has is refused."""
    text = f"sku,image_1,Image_2,note\nx,{A},{B},n\ny,,{C},m\n"
    urls = written(tmp_path, "a.csv", text, url_columns=("image_*",), carry=("note",))
    assert urls.columns == ("note",)
    assert [(line.number, line.part, line.text) for line in urls.lines()] == [
        (1, 1, A),
        (1, 2, B),
        (2, None, C),
    ]
    assert written(tmp_path, "a.csv", text, url_columns=("image_1",), carry=("none",)).columns == ()
    with pytest.raises(BadInput, match=r"URL_COLUMNS: no column is named 'img'; columns: 'sku', "):
        written(tmp_path, "a.csv", text, url_columns=("img",)).check()


SHOPS: dict[str, tuple[bytes, list[tuple[int, int | None, str]], dict[str, str]]] = {
    "laion.parquet": (
        as_parquet({"URL": [A, B], "TEXT": ["a", "b"], "WIDTH": [3, 4], "HEIGHT": [5, 6],
                    "LICENSE": ["?", None]}),
        [(1, None, A), (2, None, B)],
        {"TEXT": "a", "WIDTH": "3", "HEIGHT": "5", "LICENSE": "?"},
    ),
    "woocommerce.csv": (
        f'ID,SKU,Name,Images,"External URL"\r\n7,s,"A, b","{A}, {B}",\r\n8,t,C,{C},\r\n'.encode(),
        [(1, 1, A), (1, 2, B), (2, None, C)],
        {"ID": "7", "SKU": "s", "Name": "A, b", "External URL": ""},
    ),
    "shopify.csv": (
        f"Handle,Variant SKU,Image Src,Image Position,Variant Image\nx,1,{A},1,{A}\nx,1,{B},2,\n"
        "y,2,,,\n".encode(),
        [(1, None, A), (2, None, B)],
        {"Handle": "x", "Variant SKU": "1", "Image Position": "1", "Variant Image": A},
    ),
    "multimedia.txt": (
        f"gbifID\ttype\tidentifier\treferences\n1\tStillImage\t{A}\thttp://b.example/1\n"
        f"2\tStillImage\t{B}\thttp://b.example/2\n".encode(),
        [(1, None, A), (2, None, B)],
        {"gbifID": "1", "type": "StillImage", "references": "http://b.example/1"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOPS)
def test_tables_as_they_are_in_use(tmp_path: Path, name: str) -> None:
    """Of data sets, shops and museums, without any setting."""
    content, expected, record = SHOPS[name]
    path = tmp_path / name
    path.write_bytes(content)
    urls = ListFile(path)
    urls.check()
    found = list(urls.lines())
    assert [(line.number, line.part, line.text) for line in found] == expected
    assert found[0].record == record
