"""Writes the results of a run: image files and the report.

Records and finished downloads come in; files in the store and CSV rows go out. This room
also reads the rows of a report. It must not know requests, hosts or the order of lines.
"""
