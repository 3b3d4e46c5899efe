"""The commands: exit statuses, one-line errors, the demo."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import HOSTS, RunCrawl, command
from tests.support.commands import scrapy
from tests.support.server import Server


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def assert_refused(
    folder: Path, words: list[str], *named: str, stdin: bytes = b"", log: bool = False
) -> None:
    """Assert status 2, one line on standard error that contains *named*, and no file written.

    With *log*, lines of the log may come before it.
    """
    before = everything(folder)
    done = scrapy(*words, stdin=stdin)
    assert done.returncode == 2, done.stderr
    if log:
        assert "Traceback" not in done.stderr, done.stderr
        done.stderr = done.stderr.splitlines(keepends=True)[-1]
    assert done.stderr.startswith("imagefetch: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""
    for name in named:
        assert name in done.stderr
    assert everything(folder) == before


@pytest.fixture
def good(tmp_path: Path) -> list[str]:
    """The command-line arguments of a crawl that would be accepted."""
    (tmp_path / "urls.txt").write_text("http://127.0.0.1:9/a.jpg\n")
    return command(tmp_path, {"RETRY_TIMES": 0})[3:]


BAD_LISTS = {
    "missing": (None, "no such list"),
    "empty": (b"", "no URL"),
    "only comments": (b"# http://127.0.0.1/a.jpg\n\n", "no URL"),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a text file"),
    "compressed": (b"\x1f\x8b\x08\x00rest", ".gz"),
}


@pytest.mark.parametrize("kind", BAD_LISTS)
def test_a_bad_list_is_refused(tmp_path: Path, good: list[str], kind: str) -> None:
    """One line names the list and what is wrong with it."""
    content, word = BAD_LISTS[kind]
    (tmp_path / "urls.txt").unlink()
    if content is not None:
        (tmp_path / "urls.txt").write_bytes(content)
    assert_refused(tmp_path, good, str(tmp_path / "urls.txt"), word)


def test_a_folder_or_a_false_gz_as_list_is_refused(tmp_path: Path, good: list[str]) -> None:
    """A directory and a .gz file that is not compressed are refused as lists."""
    (tmp_path / "folder").mkdir()
    assert_refused(tmp_path, [*good, "-a", f"urls={tmp_path / 'folder'}"], "folder")
    (tmp_path / "false.gz").write_text("http://127.0.0.1/a.jpg\n")
    assert_refused(tmp_path, [*good, "-a", f"urls={tmp_path / 'false.gz'}"], "false.gz")


def test_an_empty_standard_input_is_refused(tmp_path: Path, good: list[str]) -> None:
    """Without a list on standard input, no copy of it is left behind."""
    assert_refused(tmp_path, [*good, "-a", "urls=-"], "standard input", stdin=b"\n")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("CONCURRENT_REQUESTS", "0"),
        ("CONCURRENT_REQUESTS", "many"),
        ("CONCURRENT_REQUESTS_PER_DOMAIN", "2.5"),
        ("RETRY_TIMES", "-1"),
        ("RETRY_DELAY", "soon"),
        ("RETRY_HTTP_CODES", "503,never"),
        ("DOWNLOAD_TIMEOUT", "0"),
        ("DOWNLOAD_MAXSIZE", "-5"),
        ("DOWNLOAD_VERIFY_CERTIFICATES", "perhaps"),
        ("DEFAULT_REQUEST_HEADERS", "Accept"),
        ("LOG_LEVEL", "LOUD"),
        ("FILES_STORE", ""),
        ("USER_AGENT", "me\r\nX: y"),
        ("DNS_TIMEOUT", "soon"),
        ("TWISTED_REACTOR", "none"),
    ],
)
def test_a_bad_setting_is_refused(
    tmp_path: Path, good: list[str], setting: str, value: str
) -> None:
    """The line names the setting, its value and what is allowed."""
    words = [*good, "-s", f"{setting}={value}"]
    assert_refused(tmp_path, words, f"setting {setting} = {value!r}: must be ")


def test_an_unknown_argument_is_refused(tmp_path: Path, good: list[str]) -> None:
    """A mistyped argument name is an error and not ignored."""
    assert_refused(
        tmp_path, [*good, "-a", "url=list.txt"], "-a url=", "fresh, only, referer, report, urls"
    )


def test_a_list_without_its_argument_is_refused(tmp_path: Path, good: list[str]) -> None:
    """The error names the right argument instead of showing the help page."""
    assert_refused(tmp_path, [*good[:2], "my.txt", *good[2:]], "-a urls=my.txt")


MISUSES = (
    (["--wrokers", "3"], "option --wrokers: there is no such option; see scrapy crawl --help"),
    (["--lgofile=x"], "option --lgofile: there is no such option; did you mean --logfile?"),
    (["-z"], "option -z: there is no such option"),
    (["-x=3"], "option -x: there is no such option"),
    (["-t", "csv"], "option -t: there is no such option; see scrapy crawl --help"),
    (["--", "more"], "option --: there is no such option"),
    (["more"], "more: unexpected argument; a list is given as -a urls=more"),
    (["-"], "-: unexpected argument; a list is given as -a urls=-"),
    (["-a"], "argument -a: expected one argument"),
    (["-a", "urls"], "argument -a urls: must be NAME=VALUE"),
    (["-s"], "argument -s/--set: expected one argument"),
    (["-s", "MIN_WIDTH"], "setting MIN_WIDTH = '': must be a whole number from 0"),
    (["-s", "=3"], "argument -s =3: must be NAME=VALUE"),
    (["-L"], "argument -L/--loglevel: expected one argument"),
    (["-L", "loud"], "setting LOG_LEVEL = 'loud': must be one of DEBUG, INFO"),
    (["--lo", "x"], "ambiguous option: --lo could match --logfile, --loglevel"),
    (["--logfile"], "argument --logfile: expected one argument"),
    (["--nolog=3"], "argument --nolog: ignored explicit argument '3'"),
    (["-o"], "argument -o/--output: expected one argument"),
    (["-o", "rows"], "Unrecognized output format ''"),
    (["-o", "-:nosuch"], "Unrecognized output format"),
    (["--pidfile", "{urls}/x"], "option --pidfile: {urls}/x can't be written: Not a directory"),
    (["--profile", "{urls}/x"], "option --profile: {urls}/x can't be written: Not a directory"),
    (["--pidfile", "{urls}"], "{urls}: the file of --pidfile can't be the list too; name another"),
    (["--profile", "{urls}"], "{urls}: the file of --profile can't be the list too; name another"),
    (["--pidfile", "{report}"], "{report}: the file of --pidfile can't be the report too"),
)
"""Misuses of the command line of ``crawl`` after the spider's name, and the beginning of the line
that refuses them."""


@pytest.mark.parametrize(("words", "message"), MISUSES, ids=lambda part: part and str(part[0]))
def test_a_misuse_of_the_command_line_is_refused(
    tmp_path: Path, good: list[str], words: list[str], message: str
) -> None:
    """A command line that is wrong is refused in one line: no help page, no traceback."""
    places = {"urls": tmp_path / "urls.txt", "report": tmp_path / "REPORT.csv"}
    words = [word.format(**places) for word in words]
    assert_refused(tmp_path, [*good, *words], f"imagefetch: {message.format(**places)}")
    assert (tmp_path / "urls.txt").read_text() == "http://127.0.0.1:9/a.jpg\n"


def test_a_command_line_without_a_spider_is_refused(tmp_path: Path) -> None:
    """The spider's name is missing, or an option is in its place."""
    missing = "imagefetch: the spider's name is missing: scrapy crawl images"
    for words, message in (
        ([], missing),
        (["-a", "urls=urls.txt"], missing),
        (["--wrokers", "images"], "imagefetch: option --wrokers: there is no such option"),
    ):
        assert_refused(tmp_path, ["crawl", *words], message)


def test_places_that_cannot_be_written_are_refused(tmp_path: Path, good: list[str]) -> None:
    """An unwritable store, report or log is refused; the error names which."""
    (tmp_path / "file").write_text("in the way")
    assert_refused(tmp_path, [*good, "-s", f"FILES_STORE={tmp_path / 'file'}"], "FILES_STORE")
    assert_refused(tmp_path, [*good, "-s", "FILES_STORE=/proc/nowhere/images"], "FILES_STORE")
    assert_refused(tmp_path, [*good, "-a", f"report={tmp_path / 'file' / 'R.csv'}"], "report")
    assert_refused(tmp_path, [*good, "-a", f"report={tmp_path}"], "folder")
    assert_refused(tmp_path, [*good, "-s", "LOG_FILE=/proc/nowhere/log"], "setting LOG_FILE")


def test_a_report_that_is_there_is_not_overwritten(tmp_path: Path, good: list[str]) -> None:
    """A file that is not a report of this program is never overwritten."""
    (tmp_path / "REPORT.csv").write_text("precious")
    assert_refused(tmp_path, good, "REPORT.csv", "not a report of imagefetch")
    assert (tmp_path / "REPORT.csv").read_text() == "precious"


def test_a_handler_that_cannot_be_built_stops_the_start(tmp_path: Path, good: list[str]) -> None:
    """Scrapy alone would fail every line with "not supported" and exit with status 0."""
    done = scrapy(*good, "-s", 'DOWNLOAD_HANDLERS={"http": "imagefetch.nowhere.Handler"}')
    assert done.returncode == 2
    assert "imagefetch: setting DOWNLOAD_HANDLERS['http']" in done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert everything(tmp_path) == {tmp_path / "urls.txt"}


@pytest.mark.parametrize("component", ["NotOpened", "NotBuilt"])
@pytest.mark.parametrize("source", ["standard input", "address"])
def test_a_refused_start_leaves_the_copy_of_the_list(
    tmp_path: Path, server: Server, source: str, component: str
) -> None:
    """A pipeline that can't be built or opened is found late; the earlier list is still there."""
    one, two = (f"{server.url(f'/image/{name}.jpg')}\n".encode() for name in "ab")
    words = command(tmp_path, {"HTML_REPORT": False})[3:]
    words[3] = "urls=-"
    first, second = one, one + two
    if source == "address":
        server.serve("/raw/list", one)
        words[3] = f"urls={server.url('/raw/list')}"
        words += ["-a", "fresh=1"]
        first = second = b""
    refused = ["-s", f'ITEM_PIPELINES={{"tests.support.parts.{component}": 100}}']

    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    assert_refused(tmp_path, [*words, *refused], "ITEM_PIPELINES", stdin=first, log=True)
    assert files() == {}
    assert scrapy(*words, stdin=first).returncode == 0
    before = files()
    server.serve("/raw/list", two)
    assert_refused(tmp_path, [*words, *refused], "ITEM_PIPELINES", stdin=second, log=True)
    assert files() == before
    assert scrapy(*words, stdin=second).returncode == 0
    assert two.decode().strip() in (tmp_path / "REPORT.csv").read_text()


def test_a_run_whose_every_line_failed_is_a_finished_run(crawl: RunCrawl, dead_port: int) -> None:
    """A run whose lines all failed exits with status 0; the rows hold each line's outcome."""
    done = crawl([f"http://127.0.0.1:{dead_port}/{n}.jpg" for n in range(5)], RETRY_TIMES=0)
    assert done.status == 0
    assert {row["Response code"] for row in done.rows} == {"FAILED ConnectionRefused"}


def test_a_list_that_breaks_off_ends_the_run_early(tmp_path: Path, hosts: Server) -> None:
    """A truncated .gz: its complete lines get rows, but for those of the look-ahead, then one
    error line and status 3."""
    import gzip
    import random

    draw = random.Random(3)
    # So many hosts that none has reached its limit: the list is read no further then.
    lines = [hosts.url(f"/image/{draw.random()}.jpg", HOSTS[n % 20]) for n in range(3_000)]
    path = tmp_path / "cut.txt.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode())[:-9_000])
    settings = {"LOOKAHEAD": 50, "CONCURRENT_REQUESTS": 16}
    done = scrapy(*command(tmp_path, settings)[3:], "-a", f"urls={path}")
    assert done.returncode == 3, done.stderr
    assert f"{path}: the list can't be read to its end: " in done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert (tmp_path / "REPORT.csv").read_text().count("\n") > 1_000


@pytest.mark.parametrize("verb", ["fleet", "report", "demo"])
def test_words_that_nobody_asked_for_are_refused(tmp_path: Path, verb: str) -> None:
    """Misspelt options and unexpected arguments are errors and never ignored."""
    for words, named in (
        (["--lgofile=x"], "option --lgofile: there is no such option; did you mean --logfile?"),
        (["--zzz", "1"], f"option --zzz: there is no such option; see scrapy {verb} --help"),
        (["-z"], "option -z: there is no such option"),
        (["-o", "rows.csv"], f"option -o: scrapy {verb} writes no feed"),
        (["-Orows.csv:csv"], f"option -Orows.csv:csv: scrapy {verb} writes no feed"),
        (["-t", "csv"], f"option -t: scrapy {verb} writes no feed"),
        (["--output=rows.csv"], f"option --output: scrapy {verb} writes no feed"),
        (["images", "more"], f"scrapy {verb} takes no such argument"),
        (["--logfile"], "argument --logfile: expected one argument"),
        (["-s", "LOG_LEVEL"], "NAME=VALUE"),
    ):
        assert_refused(tmp_path, [verb, *words], named)


def test_words_of_fleet_and_report_are_refused(tmp_path: Path) -> None:
    """Misspelt or invalid options and arguments of ``fleet`` and ``report`` are refused."""
    there = tmp_path / "urls.txt"
    there.write_text("http://127.0.0.1:9/a.jpg\n")
    for words, named in (
        (
            ["fleet", "--wrokers", "3"],
            "option --wrokers: there is no such option; did you mean --w",
        ),
        (["fleet", "--workers", "x"], "argument --workers: invalid int value: 'x'"),
        (["fleet", "images"], "argument 'images': scrapy fleet takes no such argument"),
        (["fleet", "--pidfile", f"{there}/x"], f"option --pidfile: {there}/x can't be written"),
        (
            ["fleet", "--pidfile", f"{there}", "-a", f"urls={there}"],
            "the file of --pidfile can't be",
        ),
        (["report", "--pidfile", f"{there}", f"{there}"], "the file of --pidfile can't be"),
        (
            ["report", "--pidfile", f"{there}", "-a", f"urls={there}"],
            "the file of --pidfile can't be",
        ),
        (["fleet", "-a", "urls"], "argument -a urls: must be NAME=VALUE"),
        (["report", "-a", "urls"], "argument -a urls: must be NAME=VALUE"),
        (["report", "--sortr"], "option --sortr: there is no such option; did you mean --sort?"),
        (["report", "a.csv", "-a", "report=b.csv"], "argument 'a.csv': the report is given by"),
        (["report", "-a", "fresh=1"], "argument -a fresh=…: scrapy report has no such argument"),
        (
            ["report", "--html", "-a", "rport=1"],
            "-a rport=…: scrapy report has no such argument; d",
        ),
        (["report", str(tmp_path / "none.csv")], f"{tmp_path / 'none.csv'}: no such report"),
    ):
        assert_refused(tmp_path, words, named)


def test_a_report_may_be_named_without_its_argument(crawl: RunCrawl, dead_port: int) -> None:
    """``scrapy report PATH`` does the same as ``scrapy report -a report=PATH``."""
    done = crawl([f"http://127.0.0.1:{dead_port}/a.jpg"], RETRY_TIMES=0)
    others = ["-a", f"urls={done.folder / 'urls.txt'}", "-s", f"FILES_STORE={done.images}"]
    told = scrapy("report", str(done.report), *others)
    assert told.returncode == 0, told.stderr
    assert told.stdout == scrapy("report", "-a", f"report={done.report}", *others).stdout
    assert scrapy("report", "--html", str(done.report)).stdout == f"{done.folder / 'REPORT.html'}\n"


def test_demo_shows_every_kind_of_outcome() -> None:
    """The demo shows the site, the command, the first rows and the path of its files."""
    done = scrapy("demo")
    assert done.returncode == 0, done.stderr
    assert "$ scrapy crawl images -a urls=" in done.stdout
    assert "URL,Response code,Line,File" in done.stdout
    folder = Path(done.stdout.rsplit("Look around: ", 1)[1].strip())
    rows = (folder / "REPORT.csv").read_text().splitlines()
    assert len(rows) == 35
    for word in (
        "not-found",
        "not-an-image",
        "incomplete-body",
        "too-many-redirects",
        "empty-body",
    ):
        assert any(row.endswith(word) for row in rows)
    assert len(list((folder / "images").iterdir())) == 25
