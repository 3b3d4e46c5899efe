"""Signals that this project sends, in addition to Scrapy's."""

row_written = object()
"""Sent by the report's exporter after a row was passed to the operating system; from then on
its line is done. Arguments: ``record`` (`imagefetch.items.ImageRecord`), ``offset`` (start of
the row in the report, bytes)."""

download_timed = object()
"""Sent by the download handler for a sample of the complete responses. Argument: ``timing``
(`imagefetch.download.tracing.Timing`)."""
