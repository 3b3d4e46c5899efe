"""``imagefetch``: runs of lists in any folder, errors in one line, exit statuses."""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import LOOPBACK, ROOT, environment
from tests.support.commands import imagefetch
from tests.support.server import Server

QUICK = ("--allow-network", LOOPBACK, "-s", "HTML_REPORT=no")


def rows(report: Path) -> list[dict[str, str]]:
    with report.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_list_is_fetched_in_any_folder(tmp_path: Path, server: Server) -> None:
    """``imagefetch LIST`` stores the images and writes the report where it is run; the same
    command finds nothing left to do."""
    (tmp_path / "urls.txt").write_text(
        f"{server.url('/image/a.jpg')}\n{server.url('/status/404')}\n"
    )
    done = imagefetch(tmp_path, "urls.txt", *QUICK)
    assert done.returncode == 0, done.stderr
    first, second = rows(tmp_path / "REPORT.csv")
    assert (tmp_path / "downloaded-images" / first["File"]).stat().st_size == int(first["Bytes"])
    assert second["Reason"] == "not-found"
    again = imagefetch(tmp_path, "urls.txt", *QUICK)
    assert again.returncode == 0
    assert "nothing" in again.stderr, again.stderr


def test_the_report_is_verified(tmp_path: Path, server: Server) -> None:
    """``imagefetch report`` has the exit statuses of ``scrapy report``."""
    (tmp_path / "urls.txt").write_text(f"{server.url('/image/a.jpg')}\n")
    imagefetch(tmp_path, "urls.txt", "--to", "images", "--report", "rows.csv", *QUICK)
    done = imagefetch(tmp_path, "report", "rows.csv", "--to", "images")
    assert done.returncode == 0, done.stderr
    assert "1, 1 of them with a file" in done.stdout
    (image,) = (tmp_path / "images").glob("*.jpg")
    image.unlink()
    assert imagefetch(tmp_path, "report", "rows.csv", "--to", "images").returncode == 1


def test_a_list_named_like_a_command(tmp_path: Path, server: Server) -> None:
    """It is given as a path, or after ``fetch``."""
    (tmp_path / "report").write_text(f"{server.url('/image/a.jpg')}\n")
    for words in (["./report"], ["fetch", "report", "--fresh"]):
        done = imagefetch(tmp_path, *words, *QUICK)
        assert done.returncode == 0, done.stderr
        assert [row["Response code"] for row in rows(tmp_path / "REPORT.csv")] == ["200"]


def test_an_early_end_has_status_3(tmp_path: Path, server: Server) -> None:
    """As with ``scrapy crawl images``; the same command resumes."""
    lines = "".join(f"{server.url(f'/image/{number}.jpg')}\n" for number in range(50))
    (tmp_path / "urls.txt").write_text(lines)
    stop = ("-s", "CLOSESPIDER_ITEMCOUNT=1", "--concurrency", "1", "--per-host", "1")
    done = imagefetch(tmp_path, "urls.txt", *QUICK, *stop)
    assert done.returncode == 3, done.stderr
    assert 1 <= len(rows(tmp_path / "REPORT.csv")) < 50
    done = imagefetch(tmp_path, "urls.txt", *QUICK)
    assert done.returncode == 0, done.stderr
    assert len(rows(tmp_path / "REPORT.csv")) == 50


MISTAKES = [
    (["reprot"], "reprot: there is no such command or list; did you mean report?"),
    (["urls.txt", "--onyl", "x"], "option --onyl: there is no such option; did you mean --only?"),
    (["settings", "--inti"], "did you mean --init?"),
    (["urls.txt", "more.txt"], "unexpected extra argument (more.txt)"),
    (["urls.txt", "--to"], "'--to' requires an argument"),
    (["urls.txt", "--header", "X"], "option --header 'X': must be 'Name: value'"),
    (["urls.txt", "--retries", "x"], "setting RETRY_TIMES = 'x': must be a whole number"),
    (["urls.txt", "--only", "faild"], "did you mean failed?"),
    (["urls.txt", "-s", "RETRY_TIME=1"], "did you mean RETRY_TIMES?"),
    ([""], "argument -a urls=: is empty"),
    (["urls.txt", "--to", ""], "setting FILES_STORE = ''"),
    (["report", ""], "argument -a report=: is empty"),
    (["urls.txt", "--config", ""], "--config : there is no such file"),
    (["missing.txt"], "missing.txt: no such list"),
    (["urls.txt", "--config", "none.toml"], "--config none.toml: there is no such file"),
    (["report", "none.csv"], "none.csv"),
]


@pytest.mark.parametrize(("words", "message"), MISTAKES, ids=[" ".join(m[0]) for m in MISTAKES])
def test_bad_input_is_refused(tmp_path: Path, words: list[str], message: str) -> None:
    """One line on standard error says what is wrong; the status is 2, and nothing is written."""
    (tmp_path / "urls.txt").write_text("http://127.0.0.1:9/a.jpg\n")
    done = imagefetch(tmp_path, *words)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stderr.startswith("imagefetch: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""
    assert {path.name for path in tmp_path.iterdir()} == {"urls.txt"}


@pytest.mark.parametrize("words", [["--help"], [], ["fetch", "--help"], ["fleet", "--help"]])
def test_help_names_every_argument(tmp_path: Path, words: list[str]) -> None:
    """With examples; ``imagefetch`` alone shows help."""
    done = imagefetch(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    for word in (
        "LIST",
        "--report",
        "--only",
        "--fresh",
        "--to",
        "--header",
        "-s NAME",
        "Examples:",
    ):
        assert word in done.stdout


def test_help_is_quick() -> None:
    """It imports neither Scrapy nor a command of ours: less than 0.2 s of CPU time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = "import sys\nsys.argv[1:] = ['--help']\nfrom imagefetch.cli.main import main\n"
    code += (
        "try:\n    main()\nfinally:\n    assert not {'scrapy', 'twisted', 'PIL'} & {*sys.modules}"
    )
    words = [sys.executable, "-c", code]
    subprocess.run(words, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.2


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("imagefetch re", "report"),
        ("imagefetch urls.txt --re", "--retries"),
        ("imagefetch --on", "--only"),
        ("imagefetch ur", "file,ur"),
    ],
)
def test_shells_complete(tmp_path: Path, line: str, found: str) -> None:
    """Commands, options and files, by Click's completion."""
    done = imagefetch(
        tmp_path,
        _IMAGEFETCH_COMPLETE="bash_complete",
        COMP_WORDS=line,
        COMP_CWORD=str(len(line.split()) - 1),
    )
    assert found in done.stdout, done.stdout


def test_the_demo_runs_in_any_folder(tmp_path: Path) -> None:
    """With the defaults, whatever imagefetch.toml says."""
    (tmp_path / "imagefetch.toml").write_text('LIST_FORMAT = "csv"\n')
    done = imagefetch(tmp_path, "demo", TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "$ imagefetch fetch -a urls=" in done.stdout
    assert "Open in a browser" in done.stdout


def test_the_command_that_resumes_is_ours(tmp_path: Path, server: Server) -> None:
    """The HTML report shows a command that works in this folder."""
    (tmp_path / "urls.txt").write_text(f"{server.url('/status/404')}\n")
    (tmp_path / "own.toml").write_text(json.dumps([LOOPBACK]).join(["ALLOWED_NETWORKS = ", "\n"]))
    done = imagefetch(tmp_path, "urls.txt", "--config", "own.toml", "--to", "images")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "REPORT.html").exists(), done.stderr
    page = (tmp_path / "REPORT.html").read_text()
    command = f"imagefetch fetch --config {tmp_path / 'own.toml'} -a urls=urls.txt"
    assert command in page
    done = imagefetch(tmp_path, "report", "--html")
    assert done.returncode == 0, done.stderr
    assert "imagefetch fetch -a urls=" in (tmp_path / "REPORT.html").read_text()
