"""Records which stored files a job's report owns, and removes unnamed files of killed attempts."""

from __future__ import annotations

from collections.abc import Iterable

from imagefetch.config.validation import Run
from imagefetch.errors import BadInput
from imagefetch.fleet.folder import JobFolder
from imagefetch.fleet.worker import fencing
from imagefetch.output.ownership.intents import Notes
from imagefetch.output.ownership.leftovers import remove_noted
from imagefetch.output.ownership.named_files import write_index
from imagefetch.output.ownership.numbered_reports import earlier_reports
from imagefetch.output.ownership.owner import INDEX
from imagefetch.output.partial_files import partial_folder
from imagefetch.output.store_paths import is_remote, local_path


def write_owned_names(run: Run, *, is_new: bool) -> None:
    """Write the index of files that the report of *run* owns, for the crawl processes.

    Does nothing if no report exists yet, or if the index exists and the job is not new (*is_new*).
    The index also marks the job as unfinished (`imagefetch.output.ownership.strays`).

    :raises BadInput: if the store can't be written to
    """
    if is_remote(run.store):
        return
    index = partial_folder(run.store, run.report) / INDEX
    earlier = earlier_reports(run.report)
    if (index.exists() and not is_new) or not (run.report.exists() or earlier):
        return
    try:
        index.parent.mkdir(parents=True, exist_ok=True)
        write_index(run.report, earlier, index)
    except OSError as error:
        raise BadInput(f"FILES_STORE: {index}: can't be written: {error.strerror}") from error


def remove_unnamed_files(run: Run, folder: JobFolder, shards: Iterable[int]) -> None:
    """Remove files that killed processes stored for *shards* and that no row names."""
    if is_remote(run.store):
        return
    notes: Notes = {}
    for shard in shards:
        for attempt in folder.attempts(shard):
            if partial := folder.partial_folder(run.store, shard, attempt):
                for name, identities in fencing.notes_of(partial).items():
                    notes.setdefault(name, set()).update(identities)
    remove_noted(notes, run.report, local_path(run.store))


def clear_partials(folder: JobFolder, store: str, shards: Iterable[int]) -> None:
    """Remove the partial files of killed attempts and the files that fence those attempts off."""
    for shard in shards:
        for attempt in folder.attempts(shard):
            if partial := folder.partial_folder(store, shard, attempt):
                fencing.remove_fence(partial)
