"""An extension, enabled by a setting, that removes the time limit for thumbnails.

On a loaded machine, a page would otherwise lack those that were not ready in time.
"""

from __future__ import annotations

from imagefetch.html_report import extension

SETTING = {"tests.support.all_thumbnails.AllThumbnails": 0}
"""Value of EXTENSIONS that enables it."""


class AllThumbnails:
    def __init__(self) -> None:
        hour = 3_600.0
        extension.BUDGET = (hour, 0.0, hour)
