"""The summary and the HTML report count what bodies that are not images are."""

from __future__ import annotations

import gzip

from imagefetch.images.non_images import KINDS
from imagefetch.job.done_totals import DoneTotals
from imagefetch.stats.run_stats import Figures
from imagefetch.stats.summary import describe, stats_of
from tests.conftest import RunCrawl
from tests.support.faults import body
from tests.support.server import Server

PAGE = b"<!DOCTYPE html><title>gone</title><svg></svg>"
BODIES = {
    "/raw/page": PAGE,
    "/raw/long-page": PAGE + b"<p>text</p>" * 9_000,
    "/raw/page-with-comment": b"<!-- <svg> -->" + PAGE,
    "/raw/data": b'{"error": "<svg>"}',
    "/raw/paper": b"%PDF-1.7\n" + bytes(9_000),
}


def sent(server: Server, path: str, content: bytes, *headers: str) -> str:
    """Let *server* return *content* for *path*; return the URL."""
    server.raw[path] = body(content, *headers)
    return server.url(path)


def test_bodies_that_are_no_images(crawl: RunCrawl, server: Server) -> None:
    """The row has one reason; the kind is in the summary, in the stats and on the page, whether
    the body was received to its end or not."""
    urls = [sent(server, path, content) for path, content in BODIES.items()]
    packed = gzip.compress(BODIES["/raw/long-page"])
    urls.append(sent(server, "/raw/packed", packed, "Content-Encoding: gzip"))
    done = crawl(urls)
    assert done.status == 0, done.log
    done.check(len(urls))
    assert {row["Reason"] for row in done.by_line.values()} == {"not-an-image"}
    for line in (
        "not kept    6 not-an-image",
        "not images  4 are HTML pages",
        "not images  1 is a JSON document",
        "not images  1 is a PDF",
    ):
        assert line in done.log, line
    page = done.report.with_suffix(".html").read_text(encoding="utf-8")
    assert "4 are HTML pages, 1 is a JSON document, 1 is a PDF" in page


def test_unverified_images_are_not_damaged() -> None:
    """Each word of the summary and each stat says what is the matter."""
    figures = Figures()
    figures.damaged.update({"cut-image": 2, "unverified-format": 3, "damaged-image": 1})
    text = describe(figures, 1.0, {})
    assert "damaged     2 cut-image" in text
    assert "unverified  3 unverified-format" in text
    assert figures.conditions() == {"damaged": 3, "unverified": 3}
    assert stats_of(figures)["unverified/unverified-format"] == 3
    assert stats_of(figures)["damaged/damaged-image"] == 1


def test_kinds_read_well() -> None:
    """Each is a sentence for one and for several, and survives the way to the page's process."""
    figures = Figures()
    figures.kinds.update([*KINDS])
    assert stats_of(figures)["not_an_image/html"] == 1
    assert Figures.from_json(figures.to_json()).kinds == figures.kinds
    assert KINDS["html"].sentence(1) == "1 is an HTML page"
    assert KINDS["html"].sentence(37) == "37 are HTML pages"
    assert KINDS["video"].sentence(1_234) == "1,234 are videos"


def test_signals_of_opt_outs() -> None:
    """Those that occur most come first; a resumed run names only its own."""
    figures = Figures()
    figures.signals.update({"tdmrep": 2, "content-signal:ai-train": 1_000})
    text = "opted out   1,000 content-signal:ai-train, 2 tdmrep"
    assert text in describe(figures, 1.0, {}).splitlines()[2]
    assert f"{text} (this run)" in describe(figures, 1.0, {}, before=DoneTotals(done=1))
    assert stats_of(figures)["opted_out/tdmrep"] == 2
    assert Figures.from_json(figures.to_json()).signals == figures.signals
