"""Keys of ``Request.meta`` that this project sets, beside Scrapy's own."""

LINE = "line"
"""The `imagefetch.urls.Line` that the request is for."""

KEY = "key"
"""What the line's duplicates share with it (`imagefetch.urls.key_of`)."""

SETTLED = "settled"
"""The `Failure` of a line that no request can be sent for."""

DUPLICATE_OF = "duplicate_of"
"""The key of a line whose URL was asked for before."""

STREAM_TO = "stream_to"
"""The folder (`Path`) for the body's partial file. A request without it gets an
ordinary response, its body in memory."""

READ_MOST = "read_most"
"""Bytes of a body in memory after which no more of it is read, and what was is taken for all."""

RETRY_IN = "retry_in"
"""Seconds that the scheduler lets the line wait before it is tried again."""

PROBLEM = "problem"
"""The `Rejection` that a middleware found with a whole answer."""

FIRST_SENT = "first_sent"
"""When the first of the line's requests was sent (monotonic, seconds)."""

SECONDS = "seconds"
"""From then to the end of the last."""

TIMING = "timing"
"""The `imagefetch.download.tracing.Timing` of a download that is looked at closely."""

DOWNLOAD = "download"
"""The `imagefetch.output.partial_files.Download` of the last whole answer, until the callback has
it."""

RECORD = "record"
"""What came of the line: its `ImageRecord`, its `Line`, and the name of its file."""

HANDED_OVER = "handed_over"
"""Whether that is on its way to the report."""
