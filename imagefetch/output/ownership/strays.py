"""Removes strays: files in the store that belong to a report and that no row names."""

from __future__ import annotations

from pathlib import Path

from imagefetch.errors import BadInput
from imagefetch.output.file_names import stored_file
from imagefetch.output.ownership.intents import NOTES_FILE, read_notes
from imagefetch.output.ownership.leftovers import matches_row, remove_file, remove_noted
from imagefetch.output.ownership.numbered_reports import earlier_reports, rows_of, written_until
from imagefetch.output.ownership.owner import INDEX, own_folder
from imagefetch.output.ownership.stored_files import StoredFiles
from imagefetch.output.partial_files import partial_folder
from imagefetch.output.report.report_file import read_rows
from imagefetch.output.store_paths import is_remote, local_path


def remove_strays(report: Path, store: str) -> tuple[int, int]:
    """Remove the strays of *report* in *store*. The caller holds the report's lock.

    Return how many files were removed, and how many unnamed files were kept, since they may have
    another owner.

    :raises BadInput: if *report* doesn't exist, *store* is remote, or a fleet's job is not finished
    """
    if not report.exists():
        raise BadInput(f"{report}: no such report; name one with -a report=PATH")
    if is_remote(store):
        raise BadInput(
            "option --remove-strays: FILES_STORE is remote; only files in local folders are removed"
        )
    folder, notes = local_path(store), partial_folder(store, report)
    if (notes / INDEX).exists() or Path(f"{report}.fleet").exists():
        raise BadInput(
            f"{report}: a fleet's job is not finished, so the rows of some files are not in this "
            "report; finish it first with the same scrapy fleet command"
        )
    removed = remove_noted(read_notes(notes / NOTES_FILE), report, folder)
    files = StoredFiles()
    files.read(folder)
    for row in read_rows(report):
        files.name(row.file)
    for earlier in earlier_reports(report):
        until = written_until(earlier)
        for row in rows_of(earlier):
            path = stored_file(folder, row.file) if files.is_unnamed(row.file) else None
            if path is not None and matches_row(path, row.size, row.sha256, until):
                removed += remove_file(folder, row.file, path)
                files.name(row.file)
    kept, own = 0, f"{own_folder(report)}/"
    for name in files.unnamed():
        path = stored_file(folder, name) if name.startswith(own) else None
        was_removed = path is not None and remove_file(folder, name, path)
        removed, kept = removed + was_removed, kept + (not was_removed)
    files.close()
    return removed, kept
