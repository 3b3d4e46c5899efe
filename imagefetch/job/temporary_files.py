"""Removes the temporary files that a killed process left next to a report."""

from __future__ import annotations

from pathlib import Path

from imagefetch.lists.kept_copy import is_copy_of, is_kept_list
from imagefetch.output.own_files import remove_leftovers
from imagefetch.output.page_file import MARK, page_path
from imagefetch.output.report.columns import begins_report


def remove_temporary_files(report: Path, urls: Path | None = None) -> None:
    """Remove temporary files of *report*, its HTML report and its copies of lists.

    The caller must hold the report's lock. The list *urls* is never removed.
    """

    def is_ours(name: str, head: bytes) -> bool:
        if name == report.name:
            return begins_report(head)
        if name == page_path(report).name:
            return head.startswith(MARK) or MARK.startswith(head)
        return is_copy_of(report, name) and (not head or is_kept_list(head))

    remove_leftovers(report.parent, is_ours, but=urls)
