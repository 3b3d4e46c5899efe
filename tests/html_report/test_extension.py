"""The page of a run in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser

from imagefetch import errors
from tests.conftest import HOSTS, ROOT, Crawl, command, environment, run_crawl
from tests.support import all_thumbnails
from tests.support.browser import CONTRAST, Tab, browsing, needs_chromium
from tests.support.server import Server, serving
from tests.support.until import until

pytestmark = needs_chromium

SCRIPT = """"><script>document.title = "taken over"</script>"""
HOSTILE = [
    SCRIPT,
    "javascript:document.title='taken over'",
    "data:text/html,<script>alert(1)</script>",
    "http://127.0.0.1'onmouseover='alert(1)/a.jpg",
    *["http://no\uffff.xml.example/"] * 4,
]


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with serving(HOSTS[:3]) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as running:
        yield running


@pytest.fixture(scope="module")
def done(site: Server, tmp_path_factory: pytest.TempPathFactory) -> Crawl:
    """A finished run with lines of all kinds, hostile ones included."""
    folder = tmp_path_factory.mktemp("run")
    lines = [site.url(f"/image/{n}.jpg", HOSTS[n % 3]) for n in range(60)]
    lines += [site.url(f"/slow/1300/{n}.jpg") for n in range(40)]
    lines += [site.url(f"/status/404/{n}") for n in range(5)]
    lines += [site.url("/type/1"), site.url("/empty/1"), lines[0]]
    lines += [site.url(f"/image/{SCRIPT}.jpg"), site.url(f"/status/404/{SCRIPT}")]
    lines += [site.url("/image/100%25%20%23.jpg"), *HOSTILE]
    lines += [site.url("/image/key.jpg").replace("//", "//user:hush@"), "http://u:hush@nowhere:x/"]
    lines += ["http://u:it's hush@nowhere:x/"]
    (folder / "urls.txt").write_text("".join(f"{line}\n" for line in lines))
    crawl = run_crawl(
        folder,
        CONCURRENT_REQUESTS=20,
        PACE_ENABLED=False,
        RETRY_TIMES=0,
        HTML_REPORT=True,
        EXTENSIONS=json.dumps(all_thumbnails.SETTING),
    )
    assert crawl.status == 0, crawl.log
    return crawl


@pytest.fixture(scope="module")
def tab(done: Crawl, browser: Browser) -> Tab:
    return Tab(browser, done.folder / "REPORT.html")


def test_the_page_is_self_contained(tab: Tab) -> None:
    """The page loads nothing, logs no errors, has no script, and does not reload."""
    assert tab.complaints == []
    assert tab.all("script") == []
    assert tab.all("meta[http-equiv=refresh]") == []
    assert tab.all(".badge") == ["finished"]


def test_the_page_has_the_figures_of_the_report(tab: Tab, done: Crawl) -> None:
    """Lines, kept, not kept; each reason with its count and advice; each code; each host."""
    rows = done.rows
    kept = sum(bool(row["File"]) for row in rows)
    tiles = dict(zip(tab.all(".tiles dt"), tab.all(".tiles dd:nth-of-type(1)"), strict=True))
    assert tiles["lines done"] == str(len(rows))
    assert tiles["kept"] == str(kept)
    assert tiles["not kept"] == str(len(rows) - kept)
    assert float(tiles["rate"].split()[0]) > 1
    reasons = Counter(row["Reason"] for row in rows if row["Reason"])
    shown = tab.all(
        "section:has(#failures) .reasons tbody tr", "e => [...e.cells].map(c => c.innerText)"
    )
    assert {cells[0]: int(cells[1]) for cells in shown} == reasons
    advice = {cells[0]: cells[3] for cells in shown}
    assert advice["invalid-url"].startswith(errors.InvalidURL.advice)
    codes = tab.all(
        "figure:has(svg[aria-label='Responses by code']) tbody tr",
        "e => [...e.cells].map(c => c.textContent)",
    )
    assert {code: int(n) for code, n, _ in codes} == Counter(row["Response code"] for row in rows)
    hosts = tab.all("section:has(#hosts) .scroll tbody th")
    assert set(HOSTS[:3]) <= set(hosts)
    assert f"-a urls={done.folder / 'urls.txt'}" in tab.all("pre")[0]
    assert "-a only=failed" in tab.all("pre")[0]


def test_every_chart_has_marks(tab: Tab) -> None:
    """Each chart has visible bars or lines, and a label for screen readers."""
    charts = tab.all(
        "figure svg",
        "e => [e.getAttribute('role'), e.getAttribute('aria-label'), "
        "[...e.querySelectorAll('.series rect, .series path')]"
        ".filter(m => m.getBBox().width > 1).length]",
    )
    assert len(charts) == 12
    for role, label, marks in charts:
        assert role == "img"
        assert label
        assert marks > 0, label
    titles = tab.all("figure:has(svg[aria-label='Images by type']) title")
    assert any(title.startswith("image/jpeg: ") for title in titles)


def test_labels_stay_within_their_charts(tab: Tab) -> None:
    """No label crosses the edge or overlaps another."""
    assert (
        tab.all(
            "figure svg",
            """e => {
        const box = e.getBoundingClientRect();
        const texts = [...e.querySelectorAll('text')].map(t => t.getBoundingClientRect());
        const outside = texts.filter(t => t.left < box.left - 1 || t.right > box.right + 1);
        const over = texts.filter((a, i) => texts.some((b, j) => i < j && a.left < b.right - 1
            && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3));
        return outside.length + over.length;
    }""",
        )
        == [0] * 12
    )


def test_untrusted_text_stays_text(tab: Tab, done: Crawl) -> None:
    """Untrusted text of a list is shown verbatim and never executed; only http(s) is linked."""
    assert "taken over" not in tab.page.title()
    shown = "\n".join(tab.all(".examples li"))
    for line in HOSTILE[:3]:
        assert line in shown
    assert any(SCRIPT in line for line in tab.all(".sheet li"))
    links = tab.all("a", "e => [e.getAttribute('href'), e.rel]")
    assert len(links) > 100
    for address, relation in links:
        assert address.startswith(("http://127.0.0.", "http://no\uffff.", "./images/"))
        if address.startswith("http"):
            assert relation == "noopener noreferrer nofollow"
    assert tab.all("body *", "e => e.getAttributeNames().filter(n => n.startsWith('on'))[0]") == [
        None
    ] * len(tab.all("body *"))
    assert "hush" not in (done.folder / "REPORT.html").read_text()
    assert any("***@127.0.0.1" in line for line in tab.all(".sheet li"))


def test_the_contact_sheet_shows_images(tab: Tab, done: Crawl) -> None:
    """Each stored image has a thumbnail and a link to its file, whatever its name."""
    stored = {row["File"] for row in done.rows if row["File"]}
    sizes = tab.all(".sheet img", "e => [e.naturalWidth, e.naturalHeight, e.alt]")
    assert len(sizes) == len(stored)
    assert {(width, height) for width, height, _ in sizes} == {(64, 48)}
    assert all(alt.startswith("line ") for *_, alt in sizes)
    links = tab.all(".sheet a[href^='.']", "e => e.href")
    assert {Path(unquote(urlsplit(link).path)) for link in links} == {
        done.images / file for file in stored
    }


def test_bottlenecks_are_shown(tab: Tab) -> None:
    """The slow server's time to first byte is the longest phase of the sampled downloads; the page
    shows the limits."""
    parts = tab.all(
        "section:has(#bottlenecks) .scroll:last-of-type tbody tr",
        "e => [...e.cells].map(c => c.textContent)",
    )
    assert max(parts, key=lambda cells: float(cells[2].strip("<% ")))[0] == "time to first byte"
    assert re.search(r"An estimate: \d+ downloads", "".join(tab.all(".note")))
    assert "20" in tab.all("section:has(#bottlenecks) .facts dd")
    assert "CONCURRENT_REQUESTS" in tab.all("section:has(#bottlenecks) .reasons tbody th")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("media", ["screen", "print"])
def test_every_text_has_contrast(done: Crawl, browser: Browser, scheme: str, media: str) -> None:
    """4.5 to 1 (WCAG 2.2, level AA) in both schemes, and printed on white paper."""
    tab = Tab(browser, done.folder / "REPORT.html", color_scheme=scheme)
    tab.page.emulate_media(media=media, color_scheme=scheme)  # type: ignore[arg-type]
    tab.page.emulate_media(media=media)  # type: ignore[arg-type]
    texts = tab.page.evaluate(CONTRAST)
    assert len(texts) > 300
    assert [text for text in texts if text[0] < 4.5] == []
    ground = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    white = media == "print" or scheme == "light"
    assert (min(map(int, re.findall(r"\d+", ground))) > 200) == white


def test_the_page_fits_a_phone(done: Crawl, browser: Browser) -> None:
    """Nothing is wider than the screen, except tables that scroll."""
    tab = Tab(browser, done.folder / "REPORT.html", viewport={"width": 360, "height": 740})
    assert tab.page.evaluate("document.documentElement.scrollWidth") == 360


def test_the_page_is_accessible(tab: Tab) -> None:
    """Tables have headers, and captions or a chart's title; images have alternative texts; sections
    have headings; scrolling and opening elements can be reached with the Tab key."""
    assert tab.all("table:not(:has(thead th[scope=col]))") == []
    assert tab.all("tbody tr:not(:has(th[scope=row]))") == []
    assert tab.all(".scroll table:not(:has(caption))") == []
    assert tab.all("img:not([alt]), img[alt='']") == []
    assert tab.all("section:not([aria-labelledby])") == []
    assert tab.all("h1", "e => e.tagName") == ["H1"]
    assert tab.all("html", "e => e.lang") == ["en"]
    assert tab.all(".scroll:not([tabindex='0'])") == []
    tab.page.keyboard.press("Tab")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert tab.page.evaluate(f"[document.activeElement.tagName, {outline}]") == ["SUMMARY", "solid"]


def test_an_open_tab_is_reloaded(site: Server, browser: Browser, tmp_path: Path) -> None:
    """The page of a run in progress says so, and shows its state; once the run is done, the same
    tab shows that by itself, and stops reloading. A partly written page is never visible."""
    lines = [site.url(f"/image/{n}") for n in range(5)] + [site.url(f"/held/{n}") for n in range(4)]
    (tmp_path / "urls.txt").write_text("".join(f"{line}\n" for line in lines))
    settings = {"HTML_REPORT_INTERVAL": 0.3, "CONCURRENT_REQUESTS": 3}
    page = tmp_path / "REPORT.html"
    site.gate.clear()
    with subprocess.Popen(
        command(tmp_path, settings), cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL
    ) as running:
        try:
            until(lambda: page.exists() and "of the time" in page.read_text(), "a page")
            tab = Tab(browser, page)
            assert tab.all(".badge") == ["running"]
            assert tab.all(".tiles dd:nth-of-type(1)")[0] == "5"
            assert tab.all(".tiles .sub")[0] == "of 9"
            bottlenecks = tab.all("section:has(#bottlenecks) .reasons tbody th")
            assert bottlenecks[0] == "CONCURRENT_REQUESTS"
        finally:
            site.gate.set()
        assert running.wait() == 0
    tab.page.wait_for_selector(".badge.good", timeout=30_000)
    assert tab.all(".tiles dd:nth-of-type(1)")[0] == "9"
    assert tab.all("meta[http-equiv=refresh]") == []
    assert tab.complaints == []
    assert sorted(path.name for path in tmp_path.iterdir() if "html" in path.name) == [
        "REPORT.html"
    ]


@pytest.mark.parametrize("kill", ["SIGKILL", "second Ctrl-C"])
def test_a_killed_run_is_not_running(
    site: Server, browser: Browser, tmp_path: Path, kill: str
) -> None:
    """Its page says that it ended, and an open tab stops reloading."""
    lines = [site.url(f"/image/{n}") for n in range(5)] + [site.url(f"/held/{n}") for n in range(4)]
    (tmp_path / "urls.txt").write_text("".join(f"{line}\n" for line in lines))
    page = tmp_path / "REPORT.html"
    site.gate.clear()
    run = command(tmp_path, {"HTML_REPORT_INTERVAL": 0.3, "CONCURRENT_REQUESTS": 3})
    log = tmp_path / "log"
    try:
        with (
            log.open("wb") as file,
            subprocess.Popen(run, cwd=ROOT, env=environment(), stderr=file) as running,
        ):
            until(page.exists, "a page")
            if kill == "SIGKILL":
                running.kill()
            else:
                running.send_signal(signal.SIGINT)
                until(lambda: "SIGINT" in log.read_text(), "it ends in order")
                running.send_signal(signal.SIGINT)
        until(lambda: "ended early: killed" in page.read_text(), "a page that says so")
    finally:
        site.gate.set()
    tab = Tab(browser, page)
    assert tab.all(".badge") == ["ended early: killed"]
    assert tab.all("meta[http-equiv=refresh]") == []
    assert tab.complaints == []


def test_a_report_alone_is_enough(done: Crawl, browser: Browser, tmp_path: Path) -> None:
    """``scrapy report --html`` needs neither list nor images, and shows what the run's page shows,
    except what a report does not record."""
    shutil.copy(done.report, tmp_path / "REPORT.csv")
    words = ["-a", f"report={tmp_path / 'REPORT.csv'}", "-s", f"FILES_STORE={tmp_path / 'none'}"]
    made = subprocess.run(
        [sys.executable, "-m", "scrapy", "report", "--html", *words],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    page = tmp_path / "REPORT.html"
    assert made.stdout == f"{page}\n"
    tab, whole = Tab(browser, page), Tab(browser, done.folder / "REPORT.html")
    assert tab.complaints == []
    assert tab.all(".badge") == ["from a report"]
    for section in ("failures", "hosts", "images"):
        cells = f"section:has(#{section}) th + td"
        assert sorted(tab.all(cells)) == sorted(whole.all(cells)) != []
    assert tab.all(".tiles .ok, .tiles .bad") == whole.all(".tiles .ok, .tiles .bad")
    missing = tab.all(".missing, .tiles .missing")
    assert missing.count("not recorded") == 5  # time, rate, list, over time, bottlenecks
    assert "not recorded" in tab.all(".tiles .sub")[0]
    assert "no preview" in tab.all(".sheet .none")
