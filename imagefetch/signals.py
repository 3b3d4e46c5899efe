"""Signals that this project sends, in addition to Scrapy's."""

row_written = object()
"""Sent by the report's exporter after a row was passed to the operating system; from then on
its line is done. Arguments: ``record`` (`imagefetch.items.ImageRecord`), ``offset`` (start of
the row in the report, bytes)."""

line_dropped = object()
"""Sent by the scheduler if a handler of Scrapy's `request_scheduled` dropped the request of a
line: neither callback nor errback will be called. Argument: ``request``."""

download_timed = object()
"""Sent by the download handler for a sample of the complete responses. Argument: ``timing``
(`imagefetch.download.tracing.Timing`)."""
