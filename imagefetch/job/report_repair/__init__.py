"""Repairs and rewrites the report of an earlier run, so that this run can resume.

A report comes in; a report whose rows all hold goes out. It must not know of requests.
"""
