"""Signals of this project, beside those of Scrapy."""

row_written = object()
"""Sent by the report's exporter once a row is with the operating system: only
now its line is done. Arguments: ``record`` (`imagefetch.items.ImageRecord`),
``offset`` (where in the report the row begins, bytes)."""

download_timed = object()
"""Sent by the download handler for one whole answer in so many. Argument:
``timing`` (`imagefetch.download.tracing.Timing`)."""
