"""Reads the dependencies from the requirements files, so that they stand in one place.

scrapyd-deploy also builds an egg with this file. Everything else is in pyproject.toml.
"""

from pathlib import Path

from setuptools import setup

FOLDER = Path(__file__).parent

TESTS = "pytest"
"""In requirements.txt for the tests only; see there."""


def requirements(name: str) -> list[str]:
    """Return the requirements of the file *name*, without those of the files it includes."""
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    stripped = (line.partition("#")[0].strip() for line in lines)
    return [line for line in stripped if line and not line.startswith(("-r ", TESTS))]


setup(
    license="BSD-3-Clause",
    install_requires=requirements("requirements.txt"),
    extras_require={
        path.stem.removeprefix("requirements-"): requirements(path.name)
        for path in sorted(FOLDER.glob("requirements-*.txt"))
    },
)
