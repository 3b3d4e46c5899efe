"""No line loses its row when a user adds, replaces or disables components."""

from __future__ import annotations

import csv
import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.crawler import Crawler

from imagefetch.config.components import NAMED, RANKED, SINGLE, merge
from imagefetch.config.needed_components import NEEDED, check_components
from imagefetch.errors import BadInput
from imagefetch.output.report.csv_rows import HEADER
from imagefetch.spiders.images import ImagesSpider
from imagefetch.spiders.start import check_spider
from tests.conftest import ROOT, Crawl, RunCrawl, command, environment, examples, project
from tests.support.server import Server

LINES = 8
"""Images of a crawl here; after them come one missing image and the first URL again."""

PARTS = "tests.support.parts"


def part(name: str, order: int = 400) -> str:
    """Return a setting that adds one of `tests.support.parts`."""
    return json.dumps({f"{PARTS}.{name}": order})


@pytest.fixture
def lines(server: Server) -> list[str]:
    pictures = [server.url(f"/image/{n}.jpg") for n in range(LINES)]
    return [*pictures, server.url("/status/404/x"), pictures[0]]


def reasons(done: Crawl) -> list[str]:
    """Return the rows' reasons in the order of the lines; check the rows and files."""
    assert done.status == 0, done.log
    done.check(LINES + 2)
    rows = [done.by_line[number] for number in range(1, LINES + 3)]
    listed = (done.folder / "urls.txt").read_text().splitlines()
    assert [row["URL"] for row in rows] == listed
    assert not (done.images / ".part").exists()
    return [row["Reason"] for row in rows]


ALL_KEPT = [""] * LINES + ["not-found", ""]


def of_odd(reason: str) -> list[str]:
    return [reason, ""] * (LINES // 2) + ["not-found", reason]


@pytest.mark.parametrize(
    ("pipeline", "found"),
    [
        ("Same", ALL_KEPT),
        ("Raises", of_odd("internal-error")),
        ("RaisesLater", of_odd("internal-error")),
        ("Drops", of_odd("dropped-by-pipeline")),
        ("DropsInTheOldWay", of_odd("dropped-by-pipeline")),
        ("ReturnsNothing", ALL_KEPT),
        ("ReturnsADict", ALL_KEPT),
        ("ReturnsACopy", ALL_KEPT),
        ("Mutates", ALL_KEPT),
        ("Spoils", ["internal-error"] * LINES + ["not-found", "internal-error"]),
        ("SpoilsTheHash", ["internal-error"] * LINES + ["not-found", "internal-error"]),
    ],
)
@pytest.mark.parametrize("order", [100, 900])
def test_whatever_a_pipeline_does_each_line_has_its_row(
    crawl: RunCrawl, lines: list[str], pipeline: str, found: list[str], order: int
) -> None:
    """It may run before or after the image is stored. A dropped item leaves no file and nothing
    to do for another run."""
    done = crawl(lines, ITEM_PIPELINES=part(pipeline, order))
    assert reasons(done) == found
    again = crawl(lines, ITEM_PIPELINES=part(pipeline, order))
    assert "nothing to do" in again.log


def test_with_a_subclass_of_the_pipeline_nothing_is_stored_twice(
    crawl: RunCrawl, lines: list[str]
) -> None:
    assert reasons(crawl(lines, ITEM_PIPELINES=part("Pipeline"))) == ALL_KEPT


def test_a_pipeline_may_say_something_else_of_the_file(crawl: RunCrawl, lines: list[str]) -> None:
    """For example, a pipeline that resizes the image."""
    done = crawl(lines[:2], ITEM_PIPELINES=part("Shrinks", 900))
    assert [row["Width"] for row in done.rows] == ["32", "32"]


DROPPED, FAILED = "request-dropped", "internal-error"


@pytest.mark.parametrize(
    ("setting", "name", "found"),
    [
        ("SPIDER_MIDDLEWARES", "Output", [FAILED, DROPPED]),
        ("SPIDER_MIDDLEWARES", "Input", [FAILED, FAILED]),
        ("DOWNLOADER_MIDDLEWARES", "Odd", [FAILED, FAILED, DROPPED, FAILED, DROPPED, FAILED]),
        ("EXTENSIONS", "Listener", ["", DROPPED, "", "", "", "", "", DROPPED]),
    ],
)
def test_whatever_a_component_does_each_line_has_its_row(
    crawl: RunCrawl, lines: list[str], setting: str, name: str, found: list[str]
) -> None:
    """A component swallows, refuses or replaces the request: the row has a reason and no file."""
    wanted = found + ALL_KEPT[len(found) : -1] + [found[0]]
    assert reasons(crawl(lines, **{setting: part(name)})) == wanted


def test_whatever_a_page_object_makes_the_row_is_its_line_s(
    crawl: RunCrawl, lines: list[str]
) -> None:
    done = crawl(lines, SCRAPY_POET_DISCOVER="tests.support.odd_pages")
    assert reasons(done) == [FAILED, FAILED, *ALL_KEPT[2:-1], FAILED]


@pytest.mark.parametrize(("name", "rows"), [("Start", LINES + 1), ("NoStart", 0)])
def test_rows_that_are_missing_end_the_run_early(
    crawl: RunCrawl, lines: list[str], name: str, rows: int
) -> None:
    """A line is lost without an error: its record is never finished or never filled in."""
    done = crawl(lines, SPIDER_MIDDLEWARES=part(name))
    assert done.status == 3, done.log
    assert "imagefetch: ended early: rows-missing: " in done.log
    assert "ERROR: rows-missing: " in done.log
    assert "Finished" not in done.log
    assert len(done.rows) == rows
    done = crawl(lines)
    assert reasons(done) == ALL_KEPT


NAMES = {
    "ADDONS": ("NotBuilt", "NotBuiltAtAll", "NotUpdated"),
    "DOWNLOADER_MIDDLEWARES": ("NotBuilt",),
    "SPIDER_MIDDLEWARES": ("NotBuilt",),
    "ITEM_PIPELINES": ("NotBuilt", "NotOpened"),
    "EXTENSIONS": ("NotBuiltAtAll",),
}
CLASSES = ("LOG_FORMATTER", "STATS_CLASS", "REQUEST_FINGERPRINTER_CLASS", "DUPEFILTER_CLASS")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *((setting, part(name)) for setting, names in NAMES.items() for name in names),
        *((setting, f"{PARTS}.NotBuilt") for setting in CLASSES[:2]),
        *((setting, '{"no.such.Thing": 500}') for setting in NAMES),
        *((setting, "no.such.Thing") for setting in CLASSES),
        ("ITEM_PIPELINES", "[1]"),
        ("ITEM_PIPELINES", '{"tests.support.parts.Same": "first"}'),
        ("SCRAPY_POET_PROVIDERS", "nothing"),
        ("FEEDS", '{"x.jsonl": {"format": "nosuch"}}'),
        ("TWISTED_REACTOR", "twisted.internet.selectreactor.SelectReactor"),
        ("SCHEDULER", "scrapy.core.scheduler.Scheduler"),
    ],
)
def test_a_component_that_cannot_be_had_is_refused(
    crawl: RunCrawl, lines: list[str], tmp_path: Path, setting: str, value: str
) -> None:
    """Exit status 2 and one line that names the setting; no file is created."""
    done = crawl(lines, **{setting: value})
    assert_refused(done, setting)
    assert {path.name for path in tmp_path.iterdir()} == {"urls.txt"}


@pytest.mark.parametrize("value", ['{"no.such.Thing": 1}', "[1]"])
def test_a_start_that_fails_throws_nothing_away(
    crawl: RunCrawl, lines: list[str], tmp_path: Path, value: str
) -> None:
    """`fresh=1` takes effect only after all checks have passed."""
    crawl(lines[:2], HTML_REPORT=False)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    done = crawl(lines[:2], "-a", "fresh=1", ITEM_PIPELINES=value)
    assert_refused(done, "ITEM_PIPELINES")
    left = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert left.keys() == before.keys()
    assert {p for p in left if left[p] != before[p]} <= {tmp_path / "urls.txt"}


def assert_refused(done: Crawl, setting: str) -> None:
    assert done.status == 2, done.log
    last = done.log.splitlines()[-1]
    assert last.startswith("imagefetch: setting ")
    if setting != "FEEDS":
        assert setting in last
    assert "Traceback" not in done.log, done.log


OFF = {
    needed.setting: json.dumps({needed.path if needed.name is None else needed.name: None})
    for needed in NEEDED
    if needed.setting not in SINGLE
}
REPLACED = {
    "ITEM_PIPELINES": part("Same"),
    "DOWNLOADER_MIDDLEWARES": '{"imagefetch.middlewares.retry.WaitingRetryMiddleware": null}',
    "EXTENSIONS": '{"imagefetch.stats.progress.Progress": null, '
    '"imagefetch.stats.summary.Summary": null}',
    "DOWNLOAD_HANDLERS": '{"ftp": null}',
    "FEED_EXPORTERS": '{"x": "scrapy.exporters.CsvItemExporter"}',
    "FEED_STORAGES": '{"x": "scrapy.extensions.feedexport.FileFeedStorage"}',
    "FEEDS": "{}",
    "FEED_EXPORT_BATCH_ITEM_COUNT": "2",
}
COMBINED = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from(
            ["{}", *([OFF[name]] if name in OFF else []), *REPLACED.get(name, "{}").splitlines()]
        )
        for name in sorted({*RANKED, *NAMED, *REPLACED} - {"FEED_EXPORT_BATCH_ITEM_COUNT"})
    },
)


@examples(200)
@given(COMBINED)
def test_what_is_refused_is_what_is_missing(changed: dict[str, str]) -> None:
    """Exactly those combinations are refused that disable a needed component; in accepted ones,
    every needed component is enabled."""
    settings = project(**changed)
    off = any(OFF.get(name) == value for name, value in changed.items())
    try:
        check_spider(settings, "images")
    except BadInput:
        assert off
        return
    assert not off
    effective = Crawler(ImagesSpider, settings).settings
    check_components(effective)
    for needed in NEEDED:
        if needed.setting in RANKED and needed.path.startswith("imagefetch."):
            assert effective.getdict(needed.setting)[needed.path] is not None


@pytest.mark.parametrize(
    "changed",
    [
        dict.fromkeys([*RANKED, *NAMED, "FEEDS"], "{}"),
        REPLACED,
        *({name: "{}"} for name in ("ADDONS", "ITEM_PIPELINES", "DOWNLOAD_HANDLERS")),
        *({name: value} for name, value in OFF.items()),
    ],
    ids=lambda changed: "+".join(changed)[:40],
)
def test_a_run_has_all_rows_and_files_or_does_not_begin(
    crawl: RunCrawl, lines: list[str], tmp_path: Path, changed: dict[str, str]
) -> None:
    done = crawl(lines, **changed)
    if done.status == 2:
        assert_refused(done, next(iter(changed)))
        assert {path.name for path in tmp_path.iterdir()} == {"urls.txt"}
    else:
        assert reasons(done) == ALL_KEPT


def test_what_a_user_sets_goes_before() -> None:
    """A component is added, reordered or disabled, by path or as a class; merging is idempotent."""
    from imagefetch.middlewares.retry import WaitingRetryMiddleware
    from tests.support.parts import Same

    settings = project(
        ITEM_PIPELINES={Same: 100, "imagefetch.pipelines.ImageFilesPipeline": 5},
        DOWNLOADER_MIDDLEWARES={WaitingRetryMiddleware: None},
    )
    for _ in range(2):
        merge(settings)
    assert settings.getdict("ITEM_PIPELINES") == {
        Same: 100,
        "imagefetch.pipelines.ImageFilesPipeline": 5,
    }
    middlewares = settings.get_component_priority_dict_with_base("DOWNLOADER_MIDDLEWARES")
    assert not any("Retry" in str(key) for key in middlewares)
    assert "imagefetch.middlewares.redirect.NamedRedirectMiddleware" in middlewares


def test_a_subclass_will_do() -> None:
    """A subclass may replace a needed component."""
    own = "imagefetch.pipelines.ImageFilesPipeline"
    settings = project(ITEM_PIPELINES={own: None, f"{PARTS}.Pipeline": 300})
    ImagesSpider.update_settings(settings)
    check_components(settings)


def test_a_spider_that_there_is_none_of(tmp_path: Path) -> None:
    """The error suggests the spider that was meant; `fresh=1` has removed nothing."""
    (tmp_path / "urls.txt").write_text("http://127.0.0.1:9/a.jpg\n")
    (tmp_path / "REPORT.csv").write_bytes(HEADER)
    words = command(tmp_path, {})
    words[words.index("images")] = "image"
    run = subprocess.run(
        [*words, "-a", "fresh=1"], cwd=ROOT, env=environment(), capture_output=True, check=False
    )
    assert run.returncode == 2
    told = b"imagefetch: spider image: there is no such spider; did you mean images?\n"
    assert run.stderr == told
    assert {path.name for path in tmp_path.iterdir()} == {"urls.txt", "REPORT.csv"}


def test_another_feed_has_the_same_records(
    crawl: RunCrawl, lines: list[str], tmp_path: Path
) -> None:
    """A second feed has the records of the report, including those of dropped lines."""
    extra = tmp_path / "extra.csv"
    done = crawl(lines, "-o", str(extra), ITEM_PIPELINES=part("Drops", 900))
    with extra.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["reason"] for row in rows) == Counter(reasons(done))
    assert {row["file"] for row in rows} == {row["File"] for row in done.rows}
