"""Names of Scrapy stats that more than one room uses."""

from __future__ import annotations

REMOVED = "imagefetch/removed"
"""Stat: removed files of earlier runs that no row names any more."""

TRUNCATED_CELLS = "imagefetch/truncated_cells"
"""Stat: cells of the list's own columns that are truncated in the report."""

RENAMED = "imagefetch/renamed"
"""Stat: files that got a hash, since the name that FILES_NAME gives them was taken."""
