"""The requirements files declare every third-party import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.conftest import ROOT, environment
from tests.support.requirement_files import declared, normalized

# Packages whose distribution may not be installed, or is part of the standard library, with this
# version of Python.
BY_VERSION = {"backports": ["backports.zstd"], "compression": []}

# Packages of this project, and one that only type checkers have.
OWN = {"imagefetch", "tests", "benchmarks", "_typeshed"}

# Packages of which the program uses internals, so that a later release may break it.
BOUNDED = {"scrapy", "scrapy-poet", "web-poet", "pycurl", "pillow", "pygal", "distributed", "dask"}

# Modules that need another requirements file.
EXTRAS = {"imagefetch/fleet", "imagefetch/lists/tables/arrow_table.py"}

IMPORT_ALL = """
import importlib, pkgutil, sys
import imagefetch
for module in pkgutil.walk_packages(imagefetch.__path__, "imagefetch."):
    importlib.import_module(module.name)
assert "pytest" not in sys.modules
"""


def imported(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield each third-party package that a module in *folder* imports, and that module."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for package in {name.partition(".")[0] for name in names}:
                if package not in OWN and package not in sys.stdlib_module_names:
                    yield package, path


@pytest.mark.parametrize(
    ("folder", "requirements"),
    [
        ("imagefetch", "requirements.txt"),
        ("imagefetch/fleet", "requirements-fleet.txt"),
        ("benchmarks", "benchmarks/requirements.txt"),
        ("docs", "tests/requirements.txt"),
        ("tests", "tests/requirements.txt"),
    ],
)
def test_imports_are_declared(folder: str, requirements: str) -> None:
    """A package that is imported is declared, even if another one installs it, too."""
    distributions = dict(packages_distributions()) | BY_VERSION
    known = declared(ROOT / requirements)
    missing = {
        (package, path.relative_to(ROOT))
        for package, path in imported(ROOT / folder)
        if not {normalized(each) for each in distributions.get(package, [package])} <= known.keys()
        and not (folder == "imagefetch" and any(path.is_relative_to(ROOT / e) for e in EXTRAS))
    }
    assert not missing


def test_pyarrow_is_declared() -> None:
    """What reads Parquet has a requirements file of its own."""
    found = {package for package, _ in imported(ROOT / "imagefetch/lists")}
    assert {normalized(package) for package in found} - {
        "ada-url",
        "backports",
        "compression",
        "scrapy",
    } == {"pyarrow"}
    assert "pyarrow" in declared(ROOT / "requirements-data.txt")


def test_internals_have_upper_bounds() -> None:
    known = declared(ROOT / "requirements-fleet.txt")
    assert all("<" in known[name].partition(";")[0] for name in BOUNDED)


def test_pytest_is_not_imported() -> None:
    """requirements.txt has pytest for the tests; no module of the program imports it."""
    subprocess.run(
        [sys.executable, "-c", IMPORT_ALL],
        cwd=ROOT,
        env={**environment(), "SCRAPY_SETTINGS_MODULE": "imagefetch.settings"},
        check=True,
    )
