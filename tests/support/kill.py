"""Components that kill their own process at a named step, put in by settings.

The environment variable KILL_AT is ``<step>:<n>``: at the n-th time that the step
is reached, the process gets SIGKILL. Steps, in the order of one URL's way:

    body    the first bytes are in the partial file
    whole   the partial file is whole, not yet moved
    noted   it is noted that the file is to be moved
    linked  the file is in its place, and still among the partial ones
    moved   the file is in its place, its row not yet written
    torn    half of the row is written
    row     the row is written

And two of a run's beginning and end:

    retired the earlier report has its numbered name
    removed a file that no row names any more is removed

RECORD_FSYNC names a file that is told what was made safe against a power cut, and when.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
from pathlib import Path
from typing import Any

from imagefetch.items import ImageRecord
from imagefetch.job.report_repair import prepare
from imagefetch.output import folder_store, partial_files
from imagefetch.output.ownership import leftovers, moves, numbered_reports
from imagefetch.output.partial_files import PartialFile
from imagefetch.output.report.csv_rows import cells, encode
from imagefetch.output.report.exporter import ReportExporter
from imagefetch.pipelines import ImageFilesPipeline

STEP, _, COUNT = os.environ.get("KILL_AT", ":0").partition(":")
_reached = itertools.count(1)

SETTINGS = {
    "ITEM_PIPELINES": json.dumps(
        {
            "imagefetch.pipelines.ImageFilesPipeline": None,  # whose place it takes
            "tests.support.kill.KillingPipeline": 300,
        }
    ),
    "FEED_EXPORTERS": '{"report": "tests.support.kill.KillingExporter"}',
}


def reach(step: str) -> None:
    if step == STEP and next(_reached) == int(COUNT):
        die()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


RECORD = os.environ.get("RECORD_FSYNC")


def record(what: str) -> None:
    if RECORD:
        with Path(RECORD).open("a") as file:
            file.write(what + "\n")


def _fsync_and_record(descriptor: int) -> None:
    _fsync(descriptor)
    record(str(Path(f"/proc/self/fd/{descriptor}").readlink()))


_fsync = os.fsync
if RECORD:
    os.fsync = _fsync_and_record  # type: ignore[assignment]

_write_out = PartialFile.write_out


def _write_out_and_reach(self: PartialFile) -> None:
    _write_out(self)
    reach("body")


def _move_and_reach(source: str, target: str) -> None:
    reach("noted")
    if STEP == "linked":
        os.link(source, target)
        reach("linked")
        Path(source).unlink()
    else:
        moves.move_new(source, target)


def _retire_and_reach(report: Path, notes: Path | None) -> Path:
    kept = numbered_reports.retire(report, notes)
    reach("retired")
    return kept


def _remove_and_reach(store: Path, name: str, path: Path) -> bool:
    removed = _remove(store, name, path)
    reach("removed")
    return removed


_remove = leftovers.remove_file


def watch() -> None:
    """Reach the steps that are in no component."""
    folder_store.move_new = _move_and_reach  # type: ignore[attr-defined]
    prepare.retire = _retire_and_reach  # type: ignore[attr-defined]
    leftovers.remove_file = _remove_and_reach


if STEP:
    watch()


class KillingPipeline(ImageFilesPipeline):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if STEP == "body":
            partial_files.PartialFile.write_out = _write_out_and_reach  # type: ignore[method-assign]

    async def process_item(self, item: ImageRecord) -> ImageRecord:  # type: ignore[override]
        if item.download is not None:
            reach("whole")
        stored = await super().process_item(item)
        if item.file:
            reach("moved")
        return stored


class KillingExporter(ReportExporter):
    def export_item(self, item: ImageRecord) -> None:
        if STEP == "torn" and next(_reached) == int(COUNT):
            row = encode(cells(item))
            self.file.write(row[: len(row) // 2])
            die()
        super().export_item(item)
        self._write_rows()  # not at the next turn of the event loop
        record(f"row {item.line}")
        reach("row")
