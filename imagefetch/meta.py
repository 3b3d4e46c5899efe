"""Keys of ``Request.meta`` that this project sets, in addition to Scrapy's."""

LINE = "line"
"""The `imagefetch.line.Line` that the request is for."""

KEY = "key"
"""Key that the line shares with its duplicates (`imagefetch.urls.key_of`)."""

FAILURE = "failure"
"""The `Failure` of a line for which no request is sent."""

DUPLICATE_OF = "duplicate_of"
"""The key of a line whose URL occurred earlier in the list."""

STREAM_TO = "stream_to"
"""The folder (`Path`) for the partial file of the body. A request without it gets an
ordinary response with its body in memory."""

BODY_MAX = "body_max"
"""Most bytes of a body in memory; a longer body is silently truncated."""

FOR_REQUEST = "for_request"
"""The request of a line that waits for this one: of a file of its origin, as robots.txt."""

RETRY_IN = "retry_in"
"""Seconds until the scheduler retries the line."""

UNCOUNTED = "uncounted"
"""Number of requests sent for the line that cost it no try: its host told it to wait."""

CONTINUED = "continued"
"""Number of requests of `retry_times` that cost the line no try: they continued its body."""

HOST_HEADERS = "host_headers"
"""The origin for which headers were added, and their names."""

COOKIES_SENT = "cookies_sent"
"""URLs that were requested for the line, each with its Cookie header."""

VERDICT = "verdict"
"""The `imagefetch.scheduling.rate_limits.throttles.Verdict` on a request that was refused."""

PROBLEM = "problem"
"""The `Rejection` with which a middleware marked a complete response."""

FIRST_SENT = "first_sent"
"""Time when the first request of the line was sent (monotonic, seconds)."""

SECONDS = "seconds"
"""Seconds from `FIRST_SENT` to the end of the last request."""

TIMING = "timing"
"""The `imagefetch.download.tracing.Timing` of a sampled download."""

DOWNLOAD = "download"
"""The `imagefetch.output.partial_files.Download` of the last complete response, until the
callback has it."""

RECORD = "record"
"""The outcome of the line: its `ImageRecord`, its `Line`, and the name of its file."""

SENT_TO_PIPELINES = "sent_to_pipelines"
"""Whether the record was handed over to the item pipelines."""
