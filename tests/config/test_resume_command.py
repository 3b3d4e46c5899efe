"""The command shown in the HTML report can be pasted into a shell and contains no secrets."""

from __future__ import annotations

import html
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from imagefetch.config.resume_command import CommandLine, without_secrets
from tests.conftest import ROOT, environment
from tests.support.server import Server

CRAWL = ("crawl", "images")


def test_all_that_was_given_is_given_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command changes to the working directory and quotes arguments for a shell.

    Arguments that would restart from scratch are left out.
    """
    folder = tmp_path / "a folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    headers = """DEFAULT_REQUEST_HEADERS={"Accept": "it's"}"""
    given = CommandLine(
        CRAWL,
        {"urls": "my list.txt", "report": "r.csv", "fresh": "1", "only": "failed"},
        ["FILES_STORE=out", "ALLOWED_NETWORKS=10.0.0.0/8", headers],
        ("-o", "rows.jsonl"),
    )
    change, _, command = given.command("only=not-found").partition(" && ")
    assert shlex.split(change) == ["cd", str(folder)]
    words = ["-a", "urls=my list.txt", "-a", "report=r.csv", "-a", "only=not-found"]
    words += ["-s", "FILES_STORE=out", "-s", "ALLOWED_NETWORKS=10.0.0.0/8", "-s", headers]
    assert shlex.split(command) == ["scrapy", *CRAWL, *words, "-o", "rows.jsonl"]


def test_standard_input_is_not_waited_for() -> None:
    """The stored copy of the list is read instead."""
    assert CommandLine(CRAWL, {"urls": "-"}).command().endswith(" -a urls=- < /dev/null")


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("FILES_STORE=ftp://bob:hush@h:21/x", "FILES_STORE=ftp://***@h:21/x"),
        ("AWS_SECRET_ACCESS_KEY=hush", "AWS_SECRET_ACCESS_KEY=***"),
        ("FTP_PASSWORD=hush", "FTP_PASSWORD=***"),
        ("MY_API_TOKEN=hush", "MY_API_TOKEN=***"),
        (
            'DEFAULT_REQUEST_HEADERS={"Authorization": "hush", "Cookie": "hush", "Accept": "a"}',
            'DEFAULT_REQUEST_HEADERS={"Authorization": "***", "Cookie": "***", "Accept": "a"}',
        ),
        ("FTP_PASSIVE_MODE=yes", "FTP_PASSIVE_MODE=yes"),
        ("COOKIES_ENABLED=yes", "COOKIES_ENABLED=yes"),
        ("AUTOTHROTTLE_ENABLED=1", "AUTOTHROTTLE_ENABLED=1"),
    ],
)
def test_secrets_are_marked_gaps(word: str, shown: str) -> None:
    """Secrets are found by the name of a setting or header, or in a URL; other values stay."""
    assert without_secrets(word) == shown


def test_an_address_of_a_list_keeps_its_secrets() -> None:
    """Credentials in the list's address are hidden, as everywhere in the HTML report."""
    given = CommandLine(CRAWL, {"urls": "https://me:hush@a.example/l?sig=hush"})
    assert "hush" not in given.command()
    assert "'urls=https://a.example/l?***'" in given.command()


def test_on_scrapyd_it_is_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Scrapyd, the request schedules the same job again, without what Scrapyd adds itself."""
    monkeypatch.setenv("SCRAPY_PROJECT", "pictures")
    arguments = {"urls": "/srv/a&b.txt", "_job": "monday", "_version": "1", "fresh": "1"}
    given = CommandLine(CRAWL, arguments, ["LOG_FILE=/x.log", "CONCURRENT_REQUESTS=8"])
    assert shlex.split(given.command("only=failed")) == [
        *("curl", "-n", "http://localhost:6800/schedule.json", "-d", "project=pictures"),
        *("-d", "spider=images", "-d", "jobid=monday", "--data-urlencode", "urls=/srv/a&b.txt"),
        *("-d", "only=failed", "-d", "setting=CONCURRENT_REQUESTS=8"),
    ]


def test_the_pasted_command_fetches_what_failed(server: Server, tmp_path: Path) -> None:
    """It keeps the settings of the run: without ALLOWED_NETWORKS each line would be refused."""
    lines = [server.url("/later/1/503/a.jpg"), server.url("/image/b.jpg")]
    (tmp_path / "urls.txt").write_text("".join(f"{line}\n" for line in lines))
    (tmp_path / "scrapy.cfg").write_text((ROOT / "scrapy.cfg").read_text())
    (tmp_path / "imagefetch").symlink_to(ROOT / "imagefetch")
    words = ["crawl", "images", "-s", "ALLOWED_NETWORKS=127.0.0.0/8", "-s", "RETRY_TIMES=0"]
    path = f"{Path(sys.executable).parent}:{environment()['PATH']}"

    def run(command: str, folder: Path) -> None:
        env = {**environment(), "PATH": path}
        done = subprocess.run(
            ["sh", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    run(shlex.join(["scrapy", *words]), tmp_path)
    assert ",server-error," in (tmp_path / "REPORT.csv").read_text()
    page = (tmp_path / "REPORT.html").read_text()
    (command,) = re.findall(r"<pre[^>]*><code>(.*?)</code>", page)
    run(html.unescape(command), Path("/"))
    report = (tmp_path / "REPORT.csv").read_text()
    assert "server-error" not in report
    assert "blocked-address" not in report
