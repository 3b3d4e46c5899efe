"""Paths of the list, the report and the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imagefetch.config.paths import find_paths
from imagefetch.errors import BadInput
from tests.conftest import project


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_from_a_shell(tmp_path: Path) -> None:
    """Relative paths are resolved in the working directory."""
    places = find_paths(project(), {"urls": "a.txt", "report": "b/r.csv"})
    assert places == ("a.txt", tmp_path / "b" / "r.csv", "downloaded-images")


@pytest.mark.parametrize("report", ["s3://b/r.csv", "file:///r.csv", "-", "results/"])
def test_a_report_that_is_no_path_of_a_file(report: str) -> None:
    """It would be written to a folder named ``s3:``, or to a file named ``-``."""
    for arguments, changed in (({"report": report}, {}), ({}, {"REPORT": report})):
        with pytest.raises(BadInput, match=r"^report .*: must be the path of a file"):
            find_paths(project(**changed), arguments)


def test_the_home_folder_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few shells expand ``~`` after ``=``; a folder named ``~`` would be created."""
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    places = find_paths(project(FILES_STORE="~/a"), {"urls": "~/b.txt", "report": "~/c.csv"})
    home = tmp_path / "me"
    assert places == (str(home / "b.txt"), home / "c.csv", str(home / "a"))


def test_a_job_of_scrapyds(tmp_path: Path) -> None:
    """Paths that the job does not set are in its own folder, the same in every run."""
    arguments = {"urls": "/a.txt", "_job": "2026-11-24 10:00"}
    folder = tmp_path / "imagefetch-jobs" / "2026-11-24 10:00"
    expected = ("/a.txt", folder / "REPORT.csv", str(folder / "downloaded-images"))
    assert find_paths(project(), arguments) == expected
    assert find_paths(project(JOBS_FOLDER="/srv/jobs"), arguments).report == Path(
        "/srv/jobs/2026-11-24 10:00/REPORT.csv"
    )


def test_places_that_a_job_names() -> None:
    """Each absolute path that the job sets takes precedence."""
    arguments = {"urls": "https://a.example/list", "report": "/r.csv", "_job": "j"}
    for store in ("/im", "file:///im", "s3://bucket/im"):
        places = find_paths(project(FILES_STORE=store), arguments)
        assert places == ("https://a.example/list", Path("/r.csv"), store)


@pytest.mark.parametrize(
    ("arguments", "changed"),
    [
        ({"urls": "a.txt"}, {}),
        ({"urls": "-"}, {}),
        ({"urls": ""}, {}),
        ({"report": "r.csv"}, {}),
        ({}, {"REPORT": "r.csv"}),
        ({}, {"FILES_STORE": "im"}),
        ({}, {"FILES_STORE": "file://im"}),
    ],
)
def test_relative_places_of_a_job(arguments: dict[str, str], changed: dict[str, Any]) -> None:
    """They are refused, and the message says why."""
    with pytest.raises(BadInput, match="absolute path, since the working directory is Scrapyd's"):
        find_paths(project(**changed), {"urls": "/a.txt", "_job": "j", **arguments})


@pytest.mark.parametrize("job", ["", ".", "..", "a/b", "a\0b", "n" * 300])
def test_job_that_no_folder_can_be_called_as(job: str) -> None:
    """A job's folder is always inside JOBS_FOLDER."""
    with pytest.raises(BadInput, match="jobid"):
        find_paths(project(), {"urls": "/a.txt", "_job": job})
