"""Whole crawls of tables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.conftest import ROOT, RunCrawl, environment
from tests.support.server import Server


def test_a_csv_is_fetched(crawl: RunCrawl, server: Server) -> None:
    """Each image has its row, with the columns of its record; a resumed run has nothing to do."""
    url = server.url("/image/1")
    lines = ["sku,Images,note", f'a,"{url}?1, {url}?2","x, ""y"""', "b,,no image", f"c,{url}?3,z"]
    lines += ['d,"open', f"e,{url}?4,last"]
    done = crawl(lines, HTML_REPORT=False)
    assert done.status == 0
    rows = {(row["Line"], row["Part"]): row for row in done.rows}
    assert sorted(rows) == [("1", "1"), ("1", "2"), ("3", ""), ("4", ""), ("5", "")]
    assert rows["1", "2"]["note"] == 'x, "y"'
    assert rows["4", ""]["Response code"] == "FAILED InvalidRecord"
    assert rows["4", ""]["Reason"] == "invalid-record"
    assert [rows[key]["URL"] for key in (("1", "1"), ("3", ""), ("5", ""))] == [
        f"{url}?1", f"{url}?3", f"{url}?4"
    ]  # fmt: skip
    assert "1 record has no URL, and no row" in done.log
    assert sum(server.hits.values()) == 4
    again = crawl(lines, HTML_REPORT=False)
    assert again.status == 0
    assert "nothing to do: all 5 lines are done" in again.log


@pytest.mark.parametrize("kind", ["a.parquet", "-"])
def test_a_parquet_is_fetched(tmp_path: Path, server: Server, kind: str) -> None:
    """From a path, or from standard input, by its content."""
    urls = [server.url(f"/image/{number}") for number in range(3)]
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"URL": urls, "TEXT": ["x", None, "z"]}), path)
    words = ["-a", f"urls={path if kind != '-' else '-'}", "-a", f"report={tmp_path / 'R.csv'}"]
    words += ["-s", f"FILES_STORE={tmp_path / 'images'}", "-s", "ALLOWED_NETWORKS=127.0.0.0/8"]
    with path.open("rb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "scrapy", "crawl", "images", *words, "-s", "HTML_REPORT=no"],
            cwd=ROOT, env=environment(), stdin=file, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "R.csv").read_text().count(",200,") == 3
    assert len(list((tmp_path / "images").glob("*.*"))) == 3
