"""python -m benchmarks.parts: what each part of imagefetch costs for a small image.

Parts are switched off in turn, each replaced by a stand-in that does nothing, or replaced by what
Scrapy brings. What is counted is instructions, by valgrind: they vary by less than a hundredth
between runs, whatever else the machine does. Instructions in the kernel are not counted.
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.rivals import AT_ONCE, crawl_command, environment
from benchmarks.scratch import scratch
from benchmarks.server import serving
from benchmarks.workloads import WORKLOADS


@dataclass(frozen=True)
class Part:
    """A part that is switched off, or replaced."""

    name: str
    target: str = ""
    """``module:attribute`` that *stand_in* replaces."""
    stand_in: Callable[..., Any] | None = None
    settings: dict[str, str] = field(default_factory=dict)

    def apply(self) -> None:
        if self.target:
            module, _, path = self.target.partition(":")
            owner: Any = importlib.import_module(module)
            *outer, name = path.split(".")
            for each in outer:
                owner = getattr(owner, each)
            setattr(owner, name, self.stand_in)


class Nothing:
    """An extension, which like any of a user's brings all of Scrapy's middlewares back."""


def nothing(*_: Any, **__: Any) -> None:
    pass


async def nothing_later(*_: Any) -> None:
    pass


def a_jpeg(*_: Any, **__: Any) -> Any:
    from imagefetch.images.detection import ImageInfo

    return ImageInfo("image/jpeg", ".jpg", 1, 1)


def nowhere(exporter: Any, rows: list[bytes]) -> int:
    exporter._end = sum(map(len, rows))
    return 0


OFF = [
    Part("type and size of the image", "imagefetch.pages.base:inspect", a_jpeg),
    Part("acceptance", "imagefetch.images.acceptance:Acceptance.check", nothing_later),
    Part(
        "name of the file",
        "imagefetch.output.file_names:NameTemplate.name",
        lambda *given, **_: f"{given[3]}.jpg",  # number of the line
    ),
    Part(
        "file moved into the store",
        "imagefetch.output.folder_store:FolderStore.add",
        lambda *given: given[2],  # the name
    ),
    Part("row encoded", "imagefetch.output.report.exporter:encode", lambda *_: b"1\r\n"),
    Part("row written", "imagefetch.output.report.exporter:ReportExporter._append", nowhere),
    Part("statistics", "imagefetch.stats.recorder:Recorder.row_written", nothing),
    Part(
        "outcomes and limits of hosts",
        "imagefetch.middlewares.feedback:FeedbackMiddleware.process_response",
        lambda _, **given: given["response"],
    ),
    Part(
        "request headers",
        "imagefetch.middlewares.request_headers:RequestHeaders.process_request",
        nothing,
    ),
]
INSTEAD = [
    Part(
        "downloader: Scrapy's, with slots",
        settings={"DOWNLOADER": "scrapy.core.downloader.Downloader"},
    ),
    Part(
        "signals: Scrapy's manager",
        settings={"ADDONS": '{"imagefetch.engine.addon.EngineAddon": null}'},
    ),
    Part(
        "middlewares: all of Scrapy's", settings={"EXTENSIONS": '{"benchmarks.parts.Nothing": 1}'}
    ),
    Part(
        "fields of the page: web-poet's",
        "imagefetch.pages.base:_has_our_fields",
        lambda *_: False,
    ),
    Part("callback: a coroutine", "imagefetch.spiders.images:eager", lambda coroutine: coroutine),
]

WHOLE, FEW = "urls.txt", "few.txt"
"""Lists of all images, and of a tenth of them."""

RUN, ENDED = "--run", "ended:"

PARTS = {part.name: part for part in (*OFF, *INSTEAD)}


def main() -> int:
    """Print a table; return 1 if valgrind is not installed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parts", description=__doc__)
    parser.add_argument("--images", type=int, default=1_000, help="(default: %(default)s)")
    parser.add_argument("parts", nargs="*", help=f"default: all of {', '.join(PARTS)}")
    words = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: apt-get install valgrind", file=sys.stderr)
        return 1
    workload = WORKLOADS["small"].scaled(words.images / WORKLOADS["small"].pictures)
    with (
        tempfile.TemporaryDirectory() as served,
        serving(Path(served), [workload]) as site,
        scratch() as folder,
    ):
        urls = [f"{url}\n" for url in site.urls(workload)]
        few = len(urls) // 10
        (folder / WHOLE).write_text("".join(urls))
        (folder / FEW).write_text("".join(urls[:few]))
        command = ["valgrind", "--tool=cachegrind", "--cache-sim=no"]
        command += [f"--cachegrind-out-file={folder}/counts.%p", sys.executable]
        command += ["-m", "benchmarks.parts", RUN, *(words.parts or PARTS)]
        env = {**environment(site.authority), "PYTHONHASHSEED": "0"}
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        counts = counted(process)
        short, whole = next(counts)[1], next(counts)[1]
        each = (whole - short) / (len(urls) - few)
        print("| part | thousand instructions | of all |\n|---|--:|--:|")
        print(f"| an image, in all | {each / 1_000:,.0f} | 100 % |", flush=True)
        for name, count in counts:
            more = (count - whole) / len(urls)
            print(f"| {name} | {more / 1_000:+,.0f} | {more / each * 100:+.1f} % |", flush=True)
    return process.wait()


def counted(process: subprocess.Popen[str]) -> Iterator[tuple[str, int]]:
    """Yield the name of each run of *process*, and its instructions."""
    assert process.stdout is not None
    counts: dict[str, int] = {}
    for line in process.stdout:
        if found := re.match(r"==(\d+)== I\s+refs:\s+([\d,]+)", line):
            counts[found[1]] = int(found[2].replace(",", ""))
        elif line.startswith(ENDED):
            _, pid, status, name = line.split(maxsplit=3)
            if status != "0":
                raise SystemExit(f"{name.strip()}: exit status {status}")
            yield name.strip(), counts[pid]


def run_all(parts: list[str]) -> None:
    """Run a short crawl, a whole one, and a whole one without each of *parts*, in subprocesses
    that are forked after all imports: valgrind takes minutes for these."""
    from scrapy.utils.misc import walk_modules_iter

    from imagefetch.output import disk_io

    rooms = ("commands", "spiders", "scheduling", "engine", "middlewares", "output", "pages")
    for package in ("scrapy.commands", "scrapy_poet", *(f"imagefetch.{room}" for room in rooms)):
        list(walk_modules_iter(package))
    disk_io.QUICK = math.inf  # valgrind makes any disk look slow, so that threads would write
    for name, part, listed in [
        ("short", "", FEW),
        ("whole", "", WHOLE),
        *((part, part, WHOLE) for part in parts),
    ]:
        if (pid := os.fork()) == 0:
            run(part, listed, Path.cwd() / name.replace(" ", "-").replace("'", ""))
        _, status = os.waitpid(pid, 0)
        print(f"{ENDED} {pid} {os.waitstatus_to_exitcode(status)} {name}", flush=True)


def run(part: str, listed: str, folder: Path) -> NoReturn:
    """Crawl the list *listed* into *folder*, with *part* switched off."""
    from scrapy.cmdline import execute

    settings: dict[str, Any] = {
        "CONCURRENT_REQUESTS": AT_ONCE,
        "CONCURRENT_REQUESTS_PER_DOMAIN": AT_ONCE,
        "HTML_REPORT": False,
        "LOG_FILE": folder / "log",
    }
    folder.mkdir()
    shutil.copyfile(listed, folder / "urls.txt")
    if part:
        PARTS[part].apply()
        settings |= PARTS[part].settings
    execute(crawl_command(folder, settings)[2:])
    raise SystemExit(1)  # not reached: Scrapy exits


if __name__ == "__main__":
    if sys.argv[1:2] == [RUN]:
        run_all(sys.argv[2:])
    else:
        raise SystemExit(main())
