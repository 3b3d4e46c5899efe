"""The spider: one request for each line, one record for each request.

A `Job` comes in; requests go to the scheduler, records to the item pipeline and the
report. Must not know how the run is shown.
"""
