"""The spider: makes one request per line of the list, and one record per request.

Input: a `Job`. Output: requests to the scheduler, records to the item pipeline and the
report. This package must not depend on how progress and statistics are shown.
"""
