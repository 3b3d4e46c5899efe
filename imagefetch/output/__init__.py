"""Writes what a run leaves behind: image files and the report.

Records and finished downloads come in; files in the store and CSV rows go out. Report
rows are read back here too. Knows nothing of requests, hosts or the order of lines.
"""
