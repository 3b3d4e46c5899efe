"""The package: its metadata, and a run of the installed command."""

from __future__ import annotations

import csv
import subprocess
import sys
import sysconfig
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from shutil import copytree, ignore_patterns
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from tests.conftest import LOOPBACK, ROOT, environment
from tests.support.requirement_files import declared
from tests.support.server import Server


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the project."""
    folder = tmp_path_factory.mktemp("package")
    copytree(ROOT, folder / "copy", ignore=ignore_patterns(".*", "tests", "build", "*.egg-info"))
    words = ["wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    pip(*words, str(folder / "copy"))
    (built,) = folder.glob("*.whl")
    return built


def pip(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode())


def normal(requirement: str) -> tuple[str, str, str]:
    parsed = Requirement(requirement)
    marker = str(parsed.marker or "").partition("extra ==")[0].strip(" ()")
    return parsed.name, str(parsed.specifier), marker.removesuffix(" and").strip(" ()")


def test_the_package_requires_what_the_files_do(wheel: Path) -> None:
    """Dependencies are those of requirements.txt but for pytest; each other file is an extra."""
    found: dict[str, set[tuple[str, str, str]]] = {"": set()}
    told = metadata(wheel)
    for text in told.get_all("Requires-Dist", []):
        extra = text.partition("extra ==")[2].strip(" \"')")
        found.setdefault(extra, set()).add(normal(text))
    base = declared(ROOT / "requirements.txt")
    expected = {"": {normal(line) for name, line in base.items() if name != "pytest"}}
    for path in ROOT.glob("requirements-*.txt"):
        extra = path.stem.removeprefix("requirements-")
        expected[extra] = {
            normal(line) for name, line in declared(path).items() if name not in base
        }
    assert found == expected
    assert {*told.get_all("Provides-Extra", [])} == {"data", "fleet", "gcs", "s3"}


def test_the_package_is_complete(wheel: Path) -> None:
    """It has a license, the marker of typed packages, and every file of the program but its
    compiled ones."""
    assert metadata(wheel)["License"] == "BSD-3-Clause"
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert any(name.endswith("/LICENSE") for name in names)
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "imagefetch").rglob("*.*")
        if path.suffix != ".pyc" and not path.is_dir()
    }
    assert files == {name for name in names if name.startswith("imagefetch/")}
    assert "imagefetch/py.typed" in files


def test_the_installed_command_runs_in_an_empty_folder(
    wheel: Path, tmp_path: Path, server: Server
) -> None:
    """In a new environment, which sees the other packages of this one."""
    new, folder = tmp_path / "new", tmp_path / "empty"
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(new)], check=True)
    python = str(new / "bin" / "python")
    pip("--python", python, "install", "-q", "--no-deps", "--no-index", str(wheel))
    (site,) = new.glob("lib/*/site-packages")
    (site / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (folder / "urls.txt").write_text(server.url("/image/a.jpg") + "\n")
    done = subprocess.run(
        [str(new / "bin" / "imagefetch"), "urls.txt", "--allow-network", LOOPBACK],
        cwd=folder,
        env={**environment(), "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with (folder / "REPORT.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["Response code"] == "200"
    assert (folder / "downloaded-images" / row["File"]).exists()
    assert (folder / "REPORT.html").exists()
