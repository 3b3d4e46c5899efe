"""The commands, tables, examples and links of README, SECURITY and docs/ are correct."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imagefetch import errors, settings
from imagefetch.config.rules.setting_rules import RULES
from imagefetch.output.report.csv_rows import COLUMNS
from tests.conftest import LOOPBACK, ROOT, environment
from tests.support.proxying import redirects, shows
from tests.support.server import Server, Writer

DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
}

README = DOCUMENTS["README.md"]

# Documents whose commands this module does not run, with the file that does, or the reason.
NOT_HERE = {
    "docs/scrapyd.md": "tests/test_scrapyd.py runs them on Scrapyd nodes",
    "docs/fleet.md": "tests/fleet/test_fleet.py runs them on a Dask cluster",
    "CONTRIBUTING.md": "they install packages and run this test suite",
}

# Of code blocks. Commands are in those in sh, and in no other.
LANGUAGES = {"", "sh", "csv", "ini", "mermaid", "netrc", "python", "text"}


def blocks(name: str, language: str) -> list[str]:
    """Return the code blocks in *language* of the document *name*."""
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENTS[name], re.MULTILINE | re.DOTALL)


def commands(name: str) -> list[str]:
    """Return the command lines of the document *name*."""
    return [line for block in blocks(name, "sh") for line in block.splitlines()]


# The same command in two documents is run once.
COMMANDS = list(
    dict.fromkeys(line for name in DOCUMENTS if name not in NOT_HERE for line in commands(name))
)

# These install from the internet; `.ci/run` takes them from the README and runs them.
IN_CI = [line for line in COMMANDS if line.startswith("python3 -m venv")]

# This installs this package, which tests/test_package.py does in an environment of its own.
INSTALL = "pip install ."


def table(title: str) -> list[list[str]]:
    """Return the cells of the one table whose header begins with *title*."""
    found = re.findall(
        rf"^\| {title} \|.*\n\|[-|]+\n((?:\|.*\n)+)",
        "\n".join(DOCUMENTS.values()),
        re.MULTILINE,
    )
    assert len(found) == 1
    rows = found[0].splitlines()
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def test_settings_table_settings_and_checks_agree() -> None:
    """The same settings in the same order, each with its real default."""
    rows = table("setting")
    assert [row[0].strip("`") for row in rows] == list(RULES)
    assert [row[1].strip("`") for row in rows] == [repr(getattr(settings, n)) for n in RULES]
    text = Path(settings.__file__).read_text(encoding="utf-8")
    first_part = text.partition("# --- Components")[0]
    assert re.findall(r"^([A-Z_]+)(?:: .+?)? = ", first_part, re.MULTILINE) == list(RULES)


def subclasses(base: type[errors.Problem]) -> list[type[errors.Problem]]:
    return [cls for cls in vars(errors).values() if isinstance(cls, type) and base in cls.__bases__]


def test_reasons_table_names_every_error() -> None:
    """Each failure has its name and whether it is retried; each problem has the advice that the
    HTML report shows."""
    rows = {row[0].strip("`"): row[1:] for row in table("reason")}
    failures = subclasses(errors.Failure)
    every = failures + subclasses(errors.Rejection)
    assert {cls.reason: cls.advice for cls in every} == {slug: row[2] for slug, row in rows.items()}
    for cls in failures:
        assert rows[cls.reason][:2] == [f"`{cls.__name__}`", "yes" if cls.transient else "no"]


def test_report_table_names_every_column() -> None:
    """In the order of the columns in the file."""
    names = [name for row in table("column") for name in re.findall(r"`([^`]+)`", row[0])]
    assert names == list(COLUMNS.values())


def test_the_example_in_the_readme_is_a_real_report(tmp_path: Path, server: Server) -> None:
    """A crawl of its list writes its rows; only the times may differ."""
    (urls,), (report,) = blocks("README.md", "text"), blocks("README.md", "csv")
    first, second = urls.splitlines()
    shows(server, first)
    server.raw[second] = missing
    (tmp_path / "urls.txt").write_text(urls)
    shutil.copytree(ROOT / "imagefetch", tmp_path / "imagefetch")
    shutil.copy(ROOT / "scrapy.cfg", tmp_path)
    done = crawl_by_proxy(tmp_path, server)
    assert done.returncode == 0, done.stderr
    shown, written = (
        {
            row["Line"]: {**row, "Seconds": "", "Fetched": ""}
            for row in csv.DictReader(text.splitlines())
        }
        for text in (report, (tmp_path / "REPORT.csv").read_text())
    )
    assert shown == written


async def missing(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


def crawl_by_proxy(folder: Path, server: Server) -> subprocess.CompletedProcess[str]:
    """Crawl the list in *folder* with *server* as the proxy."""
    return subprocess.run(
        [sys.executable, "-m", "scrapy", "crawl", "images"],
        cwd=folder,
        env={**environment(), "http_proxy": server.url("")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_documented_page_object_works(tmp_path: Path, server: Server) -> None:
    """Put into imagefetch/sites, it is found and detects the placeholder."""
    page, manners = blocks("docs/page-objects.md", "python")
    assert len(page.splitlines()) <= 15
    shutil.copytree(ROOT / "imagefetch", tmp_path / "imagefetch")
    shutil.copy(ROOT / "scrapy.cfg", tmp_path)
    (tmp_path / "imagefetch" / "sites" / "example.py").write_text(page)
    (tmp_path / "imagefetch" / "sites" / "example_org.py").write_text(manners)
    shows(server, "http://example.com/gone.png")
    redirects(server, "http://example.com/a.jpg", "http://example.com/gone.png")
    (tmp_path / "urls.txt").write_text("http://example.com/a.jpg\n")
    done = crawl_by_proxy(tmp_path, server)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "REPORT.csv").open(newline="") as file:
        assert [row["Reason"] for row in csv.DictReader(file)] == ["placeholder"]


def test_every_command_is_run_somewhere() -> None:
    """A document whose commands are not run here has commands, and the named file runs them."""
    for name, text in DOCUMENTS.items():
        languages = re.findall(r"^```(.*)\n(?:.*\n)*?```$", text, re.MULTILINE)
        assert set(languages) <= LANGUAGES, name
    for name, reason in NOT_HERE.items():
        assert commands(name)
        if reason.startswith("tests/"):
            used = {ROOT / reason.split()[0], ROOT / "tests" / "support" / "scrapyd_node.py"}
            text = "".join(path.read_text(encoding="utf-8") for path in used)
            assert f'"{Path(name).name}"' in text, name


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of *text*."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    """Links between documents name files that exist, and headings in them."""
    for link in re.findall(r"\]\(([^)\s]+)\)", DOCUMENTS[name]):
        if re.match(r"https?://", link):
            continue
        place, _, anchor = link.partition("#")
        path = ((ROOT / name).parent / place).resolve() if place else ROOT / name
        assert path.exists(), link
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), link


def test_the_index_links_every_page() -> None:
    """Each page in docs/ can be reached from docs/README.md."""
    index = DOCUMENTS["docs/README.md"]
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", index))
    assert linked == {path.name for path in ROOT.glob("docs/*.md")} - {"README.md"}


def test_the_readme_is_short() -> None:
    """Details belong on a page of docs/."""
    assert len(README.splitlines()) <= 150


def test_ci_runs_the_commands_that_install() -> None:
    """There are two, both in the README: one runs the demo, one runs the tests."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert [line.rpartition("/bin/")[2] for line in IN_CI] == ["scrapy demo", "pytest -n auto"]
    assert "readme 'scrapy demo'" in script
    assert "readme 'pytest -n auto'" in script
    assert [line for line in README.splitlines() if line.startswith("python3 -m venv")] == IN_CI


@pytest.mark.parametrize("line", [line for line in COMMANDS if line not in {*IN_CI, INSTALL}])
def test_every_other_command_works(line: str, tmp_path: Path, server: Server) -> None:
    """Each runs in a copy of the project, with a list whose URL is on this machine."""
    shutil.copytree(ROOT / "imagefetch", tmp_path / "imagefetch")
    shutil.copy(ROOT / "scrapy.cfg", tmp_path)
    with (tmp_path / "imagefetch" / "settings.py").open("a") as file:
        file.write(f"\nALLOWED_NETWORKS = [{LOOPBACK!r}]\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").touch()
    installed = tmp_path / ".venv" / "bin" / "imagefetch"
    installed.write_text(f'#!/bin/sh\nexec {sys.executable} -m imagefetch "$@"\n')
    installed.chmod(0o755)
    (tmp_path / "urls.txt").write_text(server.url("/image/a.jpg") + "\n")
    path = [str(installed.parent), str(Path(sys.executable).parent), os.environ["PATH"]]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        cwd=tmp_path,
        env={**environment(), "PATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if "crawl" in line or "fleet" in line or "urls.txt" in line:
        (report,) = [*tmp_path.glob("*.csv"), *tmp_path.glob("out/*.csv")]
        assert re.search(r"a\.jpg,200,1,(127\.0\.0\.1/../)?a-", report.read_text())
