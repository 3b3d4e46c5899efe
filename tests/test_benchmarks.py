"""The benchmarks run, check each program's work, and write what they found."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path
from pkgutil import resolve_name

import pytest

from benchmarks.compare import Result, check
from benchmarks.goals import measured_goals
from benchmarks.measure import Failed, Usage, run
from benchmarks.page import write_page
from benchmarks.parts import PARTS
from benchmarks.pictures import PICTURES
from benchmarks.rivals import PROGRAMS, Task
from benchmarks.server import ECHO
from benchmarks.tables import read_csv, write_csv
from benchmarks.workloads import WORKLOADS, named
from tests.conftest import ROOT, environment

NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")


@pytest.mark.skipif(not NGINX, reason="nginx is not installed: apt-get install nginx")
@pytest.mark.skipif(not ECHO.exists(), reason="apt-get install libnginx-mod-http-echo")
def test_a_small_run_ends_with_tables_and_charts(tmp_path: Path) -> None:
    """Over the real server, near, far, encrypted and tiny; with the script it is compared to."""
    pytest.importorskip("requests", reason="pip install -r benchmarks/requirements.txt")
    words = ["far", "https-large", "long-10000", "--scale", "0.001", "--repeats", "1"]
    words += ["--programs", "imagefetch as shipped;batches of 64;FilesPipeline"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words, "--results", str(tmp_path)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name, programs in {"far": 3, "https-large": 3, "long-10000": 1}.items():
        with (tmp_path / f"{name}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == programs, done.stdout
        assert all(float(row["wall s"]) > float(row["user s"]) / 2 > 0 for row in rows)
        assert all(10 < float(row["peak MB"]) < 500 for row in rows)
    page = (tmp_path / "README.md").read_text()
    assert "far (scale 0.001 of the full workload): 10 images" in page
    assert "| far at 64, wall" not in page  # nothing that was not measured is judged
    assert "| long, CPU per URL" not in page


def test_work_that_is_not_done_does_not_count(tmp_path: Path) -> None:
    """A missing, wrong or duplicate image, and a missing row, are failures."""
    workload = WORKLOADS["small"].scaled(0.0003)
    task = Task(list(workload.urls(1)), tmp_path, tmp_path / "authority.pem")
    task.out.mkdir()
    bodies = [PICTURES["small"](number) for number in range(3)]
    digests = Counter(sha256(body).hexdigest() for body in bodies)
    assert workload.digests() == digests
    for number, body in enumerate(bodies):
        (task.out / f"{number}.jpg").write_bytes(body)
    (tmp_path / "REPORT.csv").write_text("URL\r\na\r\nb\r\nc\r\n")
    check(task, digests, report=True)
    (tmp_path / "REPORT.csv").write_text("URL\r\na\r\nb\r\n")
    with pytest.raises(Failed, match="2 rows for 3 lines"):
        check(task, digests, report=True)
    for spoilt in (bodies[1], bodies[0][:-1]):
        (task.out / "0.jpg").write_bytes(spoilt)
        with pytest.raises(Failed, match="1 of 3 pictures missing, 1 others"):
            check(task, digests, report=False)


def test_children_are_measured_too(tmp_path: Path) -> None:
    """The processor time and memory of child processes are included."""
    work = "b = bytes(range(256)) * 400_000; [hash(b[n:]) for n in range(3)]; time.sleep(0.5)"
    child = [sys.executable, "-c", f"import time; {work}"]
    code = f"import subprocess; subprocess.run({child!r}, check=True)"
    usage = run([sys.executable, "-c", code], tmp_path, environment(), 60)
    assert usage.peak > 100e6
    assert usage.cpu > 0.05
    with pytest.raises(Failed, match=r"exit status 3: no good"):
        script = "import sys; print('no good'); sys.exit(3)"
        run([sys.executable, "-c", script], tmp_path, environment(), 60)


def test_results_are_judged_in_pairs_and_shown(tmp_path: Path) -> None:
    """Medians of the ratios of one round each; a figure that is missed is said to be."""
    programs = {program.name: program for program in PROGRAMS}
    large = WORKLOADS["large"]
    mine = [Usage(5, 1, 1, 90e6), Usage(8, 1, 1, 99e6), Usage(5, 1, 1, 80e6)]
    theirs = [Usage(5, 1, 1, 9e6), Usage(10, 1, 1, 9e6), Usage(4, 1, 1, 9e6)]
    results = [
        Result(large, programs["imagefetch, 64 at once"], mine),
        Result(large, programs["aiohttp script, batches of 64"], theirs),
        Result(large, programs["curl -Z"], failure="exit status 1"),
    ]
    assert [value for _, _, value in measured_goals(results)] == [1.0, 99.0]
    write_csv(tmp_path / "large.csv", results, "A machine")
    assert read_csv(tmp_path / "large.csv")[1][0].runs == mine
    page = write_page(tmp_path)
    assert "medians of 3 runs, in turn. A machine." in page
    assert "| large, wall: of the aiohttp script without naps | 0.9 | 1 | missed by 11% |" in page
    assert "| large, peak memory, MB | 130 | 99 | yes |" in page
    assert "| imagefetch, 64 at once | 5.00 | 5.00 – 8.00 | 1.00 | 1.00 | 90 | 200 |" in page


def test_names_of_workloads() -> None:
    """One, a group, or all; another is refused by name."""
    assert [w.name for w in named(["https", "far"])] == ["https-large", "https-small", "far"]
    assert [w.name for w in named([])] == list(WORKLOADS)
    with pytest.raises(ValueError, match="fra: no such workload; there are large, small"):
        named(["fra"])


def test_memory_of_bodies_in_flight_is_told() -> None:
    """The memory of all processes of a run is measured; a run above the limit fails."""
    words = ["--bodies", "2", "--megabytes", "3", "--repeats", "1", "PROGRESS=off"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.in_flight", *words],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 concurrent bodies of 3 MB: peak " in done.stdout


@pytest.mark.parametrize("name", [part.name for part in PARTS.values() if part.target])
def test_every_part_that_is_switched_off_exists(name: str) -> None:
    """It is named by its import path, which a stand-in replaces."""
    assert callable(resolve_name(PARTS[name].target))
