"""Names of Scrapy stats that more than one room uses."""

from __future__ import annotations

REMOVED = "imagefetch/removed"
"""Stat: removed files of earlier runs that no row names any more."""
