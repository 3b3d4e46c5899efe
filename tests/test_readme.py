"""README and SECURITY keep their promises."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imagefetch import errors, settings
from imagefetch.config.setting_rules import RULES
from imagefetch.output.csv_rows import COLUMNS
from tests.conftest import LOOPBACK, ROOT, environment
from tests.pages.test_base import redirects, shows
from tests.support.server import Server

README = (ROOT / "README.md").read_text(encoding="utf-8")

SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")

COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", README + SECURITY, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]

# These install from the internet; `.ci/run` takes them from the README and runs them.
IN_CI = [line for line in COMMANDS if line.startswith("python3 -m venv")]


def table(title: str) -> list[list[str]]:
    """Return the cells of the table whose header begins with *title*."""
    match = re.search(rf"^\| {title} \|.*\n\|[-|]+\n((?:\|.*\n)+)", README, re.MULTILINE)
    assert match is not None
    rows = match.group(1).splitlines()
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def test_settings_table_settings_and_checks_agree() -> None:
    """The same settings in the same order, each with its real default."""
    rows = table("setting")
    assert [row[0].strip("`") for row in rows] == list(RULES)
    assert [row[1].strip("`") for row in rows] == [repr(getattr(settings, n)) for n in RULES]
    text = Path(settings.__file__).read_text(encoding="utf-8")
    first_part = text.partition("# --- What puts the program together")[0]
    assert re.findall(r"^([A-Z_]+)(?:: .+?)? = ", first_part, re.MULTILINE) == list(RULES)


def subclasses(base: type[errors.Problem]) -> list[type[errors.Problem]]:
    return [cls for cls in vars(errors).values() if isinstance(cls, type) and base in cls.__bases__]


def test_reasons_table_names_every_error() -> None:
    """Each failure with its name and whether it is tried again; each rejection; with each what
    the run's page says to do about it."""
    rows = {row[0].strip("`"): row[1:] for row in table("reason")}
    failures = subclasses(errors.Failure)
    every = failures + subclasses(errors.Rejection)
    assert {cls.reason: cls.advice for cls in every} == {slug: row[2] for slug, row in rows.items()}
    for cls in failures:
        assert rows[cls.reason][:2] == [f"`{cls.__name__}`", "yes" if cls.transient else "no"]


def test_report_table_names_every_column() -> None:
    """In the order of the file."""
    names = [name for row in table("column") for name in re.findall(r"`([^`]+)`", row[0])]
    assert names == list(COLUMNS.values())


def test_the_site_in_the_readme_works(tmp_path: Path, server: Server) -> None:
    """Put into imagefetch/sites, it is found, and tells the placeholder."""
    (page,) = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert len(page.splitlines()) <= 15
    shutil.copytree(ROOT / "imagefetch", tmp_path / "imagefetch")
    shutil.copy(ROOT / "scrapy.cfg", tmp_path)
    (tmp_path / "imagefetch" / "sites" / "example.py").write_text(page)
    shows(server, "http://example.com/gone.png")
    redirects(server, "http://example.com/a.jpg", "http://example.com/gone.png")
    (tmp_path / "urls.txt").write_text("http://example.com/a.jpg\n")
    done = subprocess.run(
        [sys.executable, "-m", "scrapy", "crawl", "images"],
        cwd=tmp_path,
        env={**environment(), "http_proxy": server.url("")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "REPORT.csv").read_text().endswith(",placeholder\n")


def test_ci_runs_the_commands_that_install() -> None:
    """There are two: one that runs the main job, one that runs the tests."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert [line.rpartition("/bin/")[2] for line in IN_CI] == ["scrapy demo", "pytest -n auto"]
    assert "readme 'scrapy demo'" in script
    assert "readme 'pytest -n auto'" in script


@pytest.mark.parametrize("line", [line for line in COMMANDS if line not in IN_CI])
def test_every_other_command_works(line: str, tmp_path: Path, server: Server) -> None:
    """Run in a copy of the project, with a list of this machine's instead of the internet's."""
    shutil.copytree(ROOT / "imagefetch", tmp_path / "imagefetch")
    shutil.copy(ROOT / "scrapy.cfg", tmp_path)
    with (tmp_path / "imagefetch" / "settings.py").open("a") as file:
        file.write(f"\nALLOWED_NETWORKS = [{LOOPBACK!r}]\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").touch()
    (tmp_path / "urls.txt").write_text(server.url("/image/a.jpg") + "\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        cwd=tmp_path,
        env={**environment(), "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if "crawl" in line or "fleet" in line:
        (report,) = [*tmp_path.glob("*.csv"), *tmp_path.glob("out/*.csv")]
        assert re.search(r"a\.jpg,200,1,(127\.0\.0\.1/../)?a-", report.read_text())
